"""`tidegate profiles show`: what a profile says, feature by feature."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.drift_errors import told
from tidegate.cli.output import Output, console
from tidegate.cli.profiles_table import features, heading, warnings
from tidegate.drift.profiles import read_profile


def show(
    profile: Annotated[Path, typer.Argument(help="A profile, as profiles build writes it.")],
    *,
    output: Annotated[Output, typer.Option(help="How it is written.")] = Output.table,
) -> None:
    """Show the features of a profile: datatypes, ranges, bins, what is missing, how far its days lie apart."""
    with told():
        read = read_profile(profile)
    if output is Output.json:
        typer.echo(json.dumps(json.loads(read.text), indent=2, ensure_ascii=False))
        return
    screen = console()
    screen.print(heading(read, str(profile)))
    screen.print()
    screen.print(features(read))
    for warning in warnings(read, has_time=True):
        screen.print(warning)
