"""`tidegate models retire`, `restore`, `quarantine` and `release`: what may still be done with a version."""

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.output import Output, OutputOption, print_json, printable
from tidegate.cli.registries import Reason, asks

if TYPE_CHECKING:
    from tidegate.client.registry import Registry, Version

STATE_STYLES = {"registered": "green", "retired": "dim", "quarantined": "bold red"}

Ref = Annotated[str, typer.Argument(help="The version: model/3, model@alias or model@sha256:…")]


@asks
def retire(registry: "Registry", ref: Ref, *, reason: Reason = "", output: OutputOption = Output.table) -> None:
    """Say that nobody needs a version any more: no route may name it, and its bytes go with the next gc."""
    _say(registry.retire(ref, reason=reason), output, "its bytes go with the next `tidegate gc`")


@asks
def restore(registry: "Registry", ref: Ref, *, reason: Reason = "", output: OutputOption = Output.table) -> None:
    """Take a retirement back: routes may name the version again."""
    _say(registry.release(ref, reason=reason), output, "routes may name it again")


@asks
def quarantine(registry: "Registry", ref: Ref, *, reason: Reason = "", output: OutputOption = Output.table) -> None:
    """Take a version out of every route at once, and let no route name it until it is released."""
    found = registry.quarantine(ref, reason=reason)
    if output is Output.json:
        print_json(found)
        return
    typer.echo(f"{found.version.name} is quarantined; no route may name it until it is released.")
    for route, revision in found.routes.items():
        became = "is closed: nobody else answers" if revision is None else f"answers with revision {revision}"
        typer.echo(f"  {printable(route)} {became}, and is held")
    if not found.routes:
        typer.echo("  no route served it")


@asks
def release(registry: "Registry", ref: Ref, *, reason: Reason = "", output: OutputOption = Output.table) -> None:
    """End a quarantine: routes may name the version again, and none does by itself."""
    _say(registry.release(ref, reason=reason), output, "routes may name it again, and none does by itself")


def _say(version: "Version", output: Output, what: str) -> None:
    if output is Output.json:
        print_json(version)
    else:
        typer.echo(f"{version.name} is {version.state}: {what}.")
