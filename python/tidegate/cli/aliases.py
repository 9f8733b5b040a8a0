"""`tidegate aliases`: names such as `fraud@champion` that people and routes write instead of a number."""

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.models_states import Ref
from tidegate.cli.output import (
    FAILED,
    BadInput,
    Output,
    OutputOption,
    cell,
    console,
    fail,
    moment,
    plain_table,
    print_json,
)
from tidegate.cli.registries import Reason, asks

if TYPE_CHECKING:
    from tidegate.client.registry import Registry

Alias = Annotated[str, typer.Argument(help="The alias: model@alias.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    aliases = typer.Typer(help="Name versions: fraud@champion.", no_args_is_help=True)
    aliases.command("set")(set_alias)
    aliases.command("list")(list_aliases)
    aliases.command("history")(history)
    aliases.command("remove")(remove)
    app.add_typer(aliases, name="aliases")


@asks
def set_alias(
    registry: "Registry", alias: Alias, ref: Ref, *, reason: Reason = "", output: OutputOption = Output.table
) -> None:
    """Have an alias point to a version; traffic does not move, and routes that were written with it are named."""
    found = registry.set_alias(_checked(alias), ref, reason=reason)
    if output is Output.json:
        print_json(found)
        return
    before = f" (was {found.previous})" if found.previous and found.previous != found.version else ""
    typer.echo(f"{found.name} points to {found.version}{before}.")
    for route in found.routes:
        typer.echo(f"  {route} serves the one before: `tidegate routes apply` moves it")


@asks
def list_aliases(
    registry: "Registry",
    model: Annotated[str, typer.Argument(help="The model.")],
    *,
    output: OutputOption = Output.table,
) -> None:
    """List the aliases of a model with the versions that they point to."""
    found = registry.list_aliases(model)
    if output is Output.json:
        print_json(found)
        return
    if not found:
        typer.echo(f"{model} has no aliases: set one with `tidegate aliases set {model}@champion {model}/1`.")
        return
    table = plain_table("alias", "version")
    for each in found:
        table.add_row(cell(each.name, "bold"), cell(each.version))
    console().print(table)


@asks
def history(
    registry: "Registry",
    alias: Alias,
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    output: OutputOption = Output.table,
) -> None:
    """Show which versions an alias has pointed to, from when to when, by whom and why."""
    from tidegate.client.registry import alias_history  # noqa: PLC0415  # as all of the client

    found = alias_history(registry, _checked(alias), limit=limit)
    if output is Output.json:
        print_json(found)
        return
    if not found:
        fail([f"{alias} was never set: `tidegate aliases list MODEL` shows what there is."], FAILED)
    table = plain_table("from", "to", "version", "by", "why")
    for past in found:
        table.add_row(
            moment(past.start_time),
            moment(past.end_time) if past.end_time else "now",
            cell(past.was or "nowhere", "bold" if past.was else "dim"),
            cell(past.principal),
            cell(past.reason or "-"),
        )
    console().print(table)


@asks
def remove(registry: "Registry", alias: Alias, *, reason: Reason = "", output: OutputOption = Output.table) -> None:
    """Have an alias point nowhere; routes that were written with it keep what they serve."""
    version = registry.remove_alias(_checked(alias), reason=reason)
    if output is Output.json:
        print_json({"name": alias, "previous": version})
    else:
        typer.echo(f"{alias} is gone (was {version}).")


def _checked(alias: str) -> str:
    model, at, name = alias.rpartition("@")
    if not at or not model or not name:
        raise BadInput(f"{alias!r} is no alias: write model@alias, such as fraud@champion.")
    return alias
