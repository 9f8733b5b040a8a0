"""`tidegate backup`: a whole registry, copied while it goes on."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tidegate.cli.output import BAD_INPUT, FAILED, Output, OutputOption, console, fail, print_json
from tidegate.errors import AlreadyThere, Missing, RegistryError

Data = Annotated[Path, typer.Option("--data", help="The folder of the registry.")]
DATA = Path("tidegate-data")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("backup")(back_up)


def back_up(
    to: Annotated[Path, typer.Argument(help="A folder that is new or empty.")],
    *,
    data: Data = DATA,
    output: OutputOption = Output.table,
) -> None:
    """Copy a registry, with every byte that it needs, while it goes on: all of one moment."""
    from tidegate import app  # noqa: PLC0415  # SQLAlchemy takes its time to import

    columns = (TextColumn("copying"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        try:
            blobs = app.back_up(data, to, lambda done, total: bar.update(task, completed=done, total=total))
        except RegistryError as error:
            fail([str(error)], code_of(error))
    if output is Output.json:
        print_json({"folder": str(to), "blob_count": blobs})
        return
    typer.echo(f"{to} has the registry of {data} with {blobs:,} blobs; bring it back with `tidegate restore {to}`.")


def code_of(error: RegistryError) -> int:
    """Whether what was typed is at fault, or the world."""
    return BAD_INPUT if isinstance(error, AlreadyThere | Missing) else FAILED
