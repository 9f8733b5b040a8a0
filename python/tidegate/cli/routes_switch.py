"""`tidegate routes switch`: what was a preview answers all."""

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.effective import Wait, tell, wait
from tidegate.cli.output import Output, OutputOption, print_json
from tidegate.cli.registries import Reason, asks
from tidegate.cli.rollback import arms_of

if TYPE_CHECKING:
    from tidegate.client.registry import Registry


@asks
def switch(
    registry: "Registry",
    route: Annotated[str, typer.Argument(help="The route.")],
    *,
    reason: Reason = "",
    release_hold: Annotated[bool, typer.Option("--release-hold", help="End a hold with this change.")] = False,
    timeout: Wait = 60.0,
    output: OutputOption = Output.table,
) -> None:
    """Let what the segment `preview` was for a few answer all, in one step; a rollback takes it back."""
    found = wait(registry, registry.switch(route, reason=reason, release_hold=release_hold), timeout)
    if output is Output.json:
        print_json(found)
    else:
        typer.echo(f"{found.name} is at revision {found.revision}: {arms_of(found)}.")
    tell(found, timeout)
