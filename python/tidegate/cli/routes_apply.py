"""`tidegate routes apply`: makes a planned change, once somebody has looked at it."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.documents import read_document
from tidegate.cli.effective import Wait, tell, wait
from tidegate.cli.output import FAILED, BadInput, Output, OutputOption, print_json
from tidegate.cli.registries import Reason, asks
from tidegate.cli.routes_plan import planned, show_plan

if TYPE_CHECKING:
    from tidegate.client.registry import Registry


@asks
def apply(
    registry: "Registry",
    *,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="The route's document, YAML or JSON; - for standard input.")
    ] = None,
    plan: Annotated[str | None, typer.Option(help="A plan that was made before, by its id.")] = None,
    reason: Reason = "",
    allow_breaking: Annotated[bool, typer.Option("--allow-breaking", help="Callers know what breaks.")] = False,
    release_hold: Annotated[bool, typer.Option("--release-hold", help="End a hold with this change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout: Wait = 60.0,
    output: OutputOption = Output.table,
) -> None:
    """Change a route as its document says: shows the plan, asks on a terminal, and waits until it is served."""
    if (file is None) is (plan is None):
        raise BadInput("Give the document with -f FILE, or a plan that was made before with --plan ID.")
    made = planned(registry, read_document(file)) if file is not None else registry.get_plan(str(plan))
    is_table = output is Output.table
    if is_table:
        show_plan(registry, made)
    if not made.changes and not release_hold:
        if not is_table:
            print_json({"route": registry.route(made.route), "has_changed": False})
        return
    if is_table and not yes and sys.stdin.isatty() and not typer.confirm(f"\nApply this to {made.route}?"):
        typer.echo("Nothing was changed.", err=True)
        raise typer.Exit(FAILED)
    applied = registry.apply(made, reason=reason, allow_breaking=allow_breaking, release_hold=release_hold)
    route = wait(registry, applied.route, timeout)
    if is_table:
        typer.echo(
            f"\n{made.route} is at revision {applied.route.revision}."
            if applied.has_changed
            else f"\n{made.route} stays at revision {applied.route.revision}."
        )
    else:
        print_json({"route": route, "has_changed": applied.has_changed})
    tell(route, timeout)
