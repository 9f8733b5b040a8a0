"""`tidegate config`: look at a gateway document as the gateway will."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import yaml

from tidegate.cli.output import BAD_INPUT, fail
from tidegate.config import load
from tidegate.errors import DocumentRefused


class Output(StrEnum):
    """How a document is printed."""

    YAML = "yaml"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Adds the `config` commands."""
    commands = typer.Typer(help="Look at a gateway document.", no_args_is_help=True)
    commands.command("show")(show)
    # Without a callback typer would make the only command the whole group.
    commands.callback()(_group)
    app.add_typer(commands, name="config")


def show(
    document: Annotated[Path, typer.Argument(help="The gateway document, YAML or JSON.")],
    output: Annotated[Output, typer.Option(help="How it is printed.")] = Output.YAML,
) -> None:
    """Print the document with every default filled in, or everything that is wrong with it."""
    try:
        fields = load(document).fields
    except DocumentRefused as refused:
        fail([str(refused)], BAD_INPUT)
    match output:
        case Output.YAML:
            typer.echo(yaml.safe_dump(dict(fields), sort_keys=False, allow_unicode=True), nl=False)
        case Output.JSON:
            typer.echo(json.dumps(fields, indent=2, ensure_ascii=False))


def _group() -> None:
    """Look at a gateway document."""
