"""`tidegate restore`: a registry made of a backup."""

from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.backup import DATA, Data, code_of
from tidegate.cli.output import Output, OutputOption, fail, print_json
from tidegate.errors import RegistryError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("restore")(restore)


def restore(
    backup: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    *,
    data: Data = DATA,
    output: OutputOption = Output.table,
) -> None:
    """Make a registry of a backup, in a folder that has none; gateways follow it from then on."""
    from tidegate import app  # noqa: PLC0415  # see above

    try:
        incarnation = app.restore(backup, data)
    except RegistryError as error:
        fail([str(error)], code_of(error))
    if output is Output.json:
        print_json({"folder": str(data), "incarnation": incarnation})
        return
    typer.echo(f"{data} has the registry of {backup}, as incarnation {incarnation}; serve it with `tidegate up`.")
