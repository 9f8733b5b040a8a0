"""`tidegate tokens`: who may ask the registry."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.output import BadInput, Output, OutputOption, cell, console, moment, plain_table, print_json
from tidegate.cli.registries import Reason, asks

if TYPE_CHECKING:
    from tidegate.client.registry import Registry


class Kind(StrEnum):
    """What a principal is."""

    person = "person"
    automation = "automation"
    gateway = "gateway"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    tokens = typer.Typer(help="Who may ask the registry: persons, automations, gateways.", no_args_is_help=True)
    tokens.command("create")(create)
    tokens.command("revoke")(revoke)
    tokens.command("list")(list_tokens)
    app.add_typer(tokens, name="tokens")


Name = Annotated[str, typer.Argument(help="The name of the person, automation or gateway.")]


@asks
def create(
    registry: "Registry",
    name: Name,
    *,
    kind: Annotated[Kind, typer.Option(help="An automation cannot end a hold, a gateway only reads.")],
    out: Annotated[
        Path | None, typer.Option(help="A new file for the token, which nobody else can read; else it is printed.")
    ] = None,
    reason: Reason = "",
    output: OutputOption = Output.table,
) -> None:
    """Make a principal and its token; the registry keeps no copy, so nobody can read it again."""
    kept = None if out is None else _new_file(out)
    try:
        token = registry.create_token(name, kind.value, reason=reason)
    except BaseException:
        if out is not None and kept is not None:
            os.close(kept)
            out.unlink()
        raise
    if kept is not None:
        with os.fdopen(kept, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
    if output is Output.json:
        print_json({"name": name, "kind": kind.value} | ({"token": token} if out is None else {"file": str(out)}))
    elif out is None:
        # The token alone on stdout, so that it can go to a file or a vault.
        typer.echo(f"The token of {name} ({kind.value}); it is shown this once:", err=True)
        typer.echo(token)
    else:
        typer.echo(f"The token of {name} ({kind.value}) is in {out}.")


@asks
def revoke(registry: "Registry", name: Name, *, reason: Reason = "", output: OutputOption = Output.table) -> None:
    """Let a token be nobody's, from now on."""
    found = registry.revoke_token(name, reason=reason)
    if output is Output.json:
        print_json(found)
    else:
        typer.echo(f"The token of {found.name} is revoked.")


@asks
def list_tokens(registry: "Registry", *, output: OutputOption = Output.table) -> None:
    """List everybody who may ask, or might once."""
    found = registry.list_principals()
    if output is Output.json:
        print_json(found)
        return
    table = plain_table("name", "kind", "since", "revoked")
    for each in found:
        style = "dim" if each.revoke_time else "bold"
        table.add_row(cell(each.name, style), each.kind, moment(each.create_time), moment(each.revoke_time))
    console().print(table)


def _new_file(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadInput(f"{path} is there already: name a new file, so that no token is lost.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from None
