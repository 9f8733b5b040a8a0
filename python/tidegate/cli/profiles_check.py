"""`tidegate profiles check`: would the gate take these rows?"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from tidegate.cli.bars import bars
from tidegate.cli.drift_errors import told
from tidegate.cli.output import BAD_INPUT, Output, cell, console, plain_table
from tidegate.drift.check import check as check_rows
from tidegate.drift.profiles import read_profile


def check(
    profile: Annotated[Path, typer.Argument(help="A profile, as profiles build writes it.")],
    *,
    data: Annotated[Path, typer.Option(help="The rows: Parquet (a file or a folder) or CSV.")],
    output: Annotated[Output, typer.Option(help="How the result is written.")] = Output.table,
) -> None:
    """List every rule of a profile that rows break: nullability, ranges, categories, lengths. Exit code 2 if any is."""
    with told(), bars() as progress:
        breaches = check_rows(read_profile(profile), data, progress=progress)
    if output is Output.json:
        typer.echo(json.dumps({"breaches": [asdict(breach) for breach in breaches]}, indent=2, ensure_ascii=False))
    elif not breaches:
        console().print(Text("Every row keeps every rule of the profile.", style="green"))
    else:
        table = plain_table("feature", "rule", "rows", "expected", "found", right=("rows",))
        for breach in breaches:
            table.add_row(
                cell(breach.feature), breach.rule.value, f"{breach.rows:,}", cell(breach.expected), cell(breach.found)
            )
        console().print(table)
    if breaches:
        raise typer.Exit(BAD_INPUT)
