"""`tidegate rollback`: has a route be what it was, and holds it there."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from tidegate.cli.effective import Wait, tell, wait
from tidegate.cli.output import Output, OutputOption, cell, console, print_json
from tidegate.cli.registries import Reason, asks

if TYPE_CHECKING:
    from tidegate.client.registry import Registry, RolledBack, Route


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("rollback")(rollback)


@asks
def rollback(
    registry: "Registry",
    route: Annotated[str, typer.Argument(help="The route.")],
    *,
    to: Annotated[
        int | None, typer.Option(min=1, help="The revision; by default the last one that has proven itself.")
    ] = None,
    reason: Reason = "",
    timeout: Wait = 10.0,
    output: OutputOption = Output.table,
) -> None:
    """Have a route answer as it did before, at once; it is held there until a person releases it."""
    before = registry.route(route)
    found = registry.rollback(route, to, reason=reason)
    now = wait(registry, found.route, timeout)
    if output is Output.json:
        print_json({"route": now, "passed_over": found.passed_over})
    else:
        _print(before, found)
    tell(now, timeout)


def _print(before: "Route", found: "RolledBack") -> None:
    route = found.route
    screen = console()
    screen.print(
        Text.assemble(
            (route.name, "bold"), f" is back at revision {route.revision}", (f" (was {before.revision})", "dim")
        )
    )
    screen.print(Text.assemble(("answers  ", "dim"), arms_of(route)))
    grid = Table.grid(padding=(0, 2, 0, 0))
    for path, reason in found.passed_over:
        grid.add_row(cell(f"passed over  {path}", "dim"), cell(reason))
    if found.passed_over:
        screen.print(grid)
    screen.print(Text.assemble(("held  ", "dim"), "until a person applies with --release-hold"))


def arms_of(route: "Route") -> str:
    """Who answers, in one line."""
    content = route.content.get("route")
    if content is None:
        return "nobody: the route is closed"
    split = sorted(content["split"].items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{arm} {weight:,}" for arm, weight in split)
