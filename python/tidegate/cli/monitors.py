"""`tidegate monitors`: what is watched for drift, from a document."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from tidegate.cli.documents import Written, read_document
from tidegate.cli.output import Output, OutputOption, cell, console, plain_table, print_json
from tidegate.cli.registries import Reason, asks
from tidegate.errors import DocumentRefused, DocumentViolation, InputRefused, Violation

if TYPE_CHECKING:
    from tidegate.client.registry import Registry


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    monitors = typer.Typer(help="Say what is watched for drift.", no_args_is_help=True)
    monitors.command("apply")(apply)
    # Without a callback typer would make the only command the whole group.
    monitors.callback()(_group)
    app.add_typer(monitors, name="monitors")


@asks
def apply(
    registry: "Registry",
    *,
    file: Annotated[
        str, typer.Option("--file", "-f", help="What stands under `monitors` of a gateway document; - for stdin.")
    ],
    reason: Reason = "",
    output: OutputOption = Output.table,
) -> None:
    """Watch routes as a document says: `monitors: {flight-delay: {windows: [1h, 1d]}}`."""
    written = read_document(file)
    found = [_watch(registry, written, route, said, reason) for route, said in _monitors(written).items()]
    if output is Output.json:
        print_json(found)
        return
    table = plain_table("route", "revision", "what", right=("revision",))
    for each in found:
        table.add_row(cell(each.route, "bold"), str(each.revision), "applied" if each.has_changed else "is so already")
    screen = console()
    screen.print(table)
    for each in found:
        if each.given_up:
            screen.print(Text(f"! {each.given_up}", style="yellow"))


def _monitors(written: Written) -> dict[str, dict[str, Any]]:
    """What is said of each route, under `monitors` or alone."""
    fields: Any = written.fields
    path = ""
    if "monitors" in fields:
        others = [DocumentViolation(name, "stands beside monitors") for name in fields if name != "monitors"]
        if others:
            raise DocumentRefused(
                written.name, tuple(each._replace(line=written.lines.get(each.path)) for each in others)
            )
        fields, path = fields["monitors"], "monitors."
    if not isinstance(fields, dict):
        line = written.lines.get("monitors")
        raise DocumentRefused(
            written.name, (DocumentViolation("monitors", "expected a mapping of routes to what is watched", line),)
        )
    wrong = [
        DocumentViolation(f"{path}{route}", "expected a mapping of fields", written.lines.get(f"{path}{route}"))
        for route, said in fields.items()
        if said is not None and not isinstance(said, dict)
    ]
    if wrong:
        raise DocumentRefused(written.name, tuple(wrong))
    return {route: said or {} for route, said in fields.items()}


def _watch(registry: "Registry", written: Written, route: str, said: dict[str, Any], reason: str) -> Any:
    try:
        return registry.watch(route, said, reason=reason)
    except InputRefused as refusal:
        root = f"monitors.{route}" if "monitors" in written.fields else route
        below = tuple(Violation(f"{root}.{path}" if path else root, why) for path, why in refusal.violations)
        raise written.refused(InputRefused(refusal.message, reason=refusal.reason, violations=below)) from refusal


def _group() -> None:
    """Say what is watched for drift."""
