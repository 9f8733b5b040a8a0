"""`tidegate profiles build`: from the rows of training, and rows that the model has not seen, to a profile."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.bars import bars
from tidegate.cli.drift_errors import told
from tidegate.cli.files import write_bytes
from tidegate.cli.output import BadInput, Output, console
from tidegate.cli.pairs import pairs
from tidegate.cli.profiles_table import heading, summary, warnings
from tidegate.drift.assembly import BINS, Choices
from tidegate.drift.build import build_profile


def build(
    data: Annotated[Path, typer.Option(help="The rows of training: Parquet (a file or a folder) or CSV.")],
    model: Annotated[Path, typer.Option(help="The ONNX model.")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the profile is written.")],
    holdout: Annotated[
        Path | None, typer.Option(help="Rows that the model has not seen; its predictions are made of them.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="The column that the model predicts.")] = None,
    time: Annotated[str | None, typer.Option(help="The column of times; the reference is split into its days.")] = None,
    columns: Annotated[
        list[str] | None, typer.Option(help="INPUT=A,B,… names the columns of an input of several values; repeatable.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="A feature that is not watched; repeatable.")] = None,
    weight: Annotated[list[str] | None, typer.Option(help="FEATURE=WEIGHT, 1 without it; repeatable.")] = None,
    sentinel: Annotated[
        list[str] | None, typer.Option(help="FEATURE=VALUE that stands for nothing, such as age=-1; repeatable.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="Where days begin and end.")] = "UTC",
    bins: Annotated[
        int, typer.Option(min=2, max=100, help="Bins of a numeric feature; heavy values add theirs.")
    ] = BINS,
    output: Annotated[Output, typer.Option(help="How the summary is written.")] = Output.table,
) -> None:
    """Make the profile of a model: what its inputs and predictions looked like where it was trained."""
    with told(), bars() as progress:
        choices = Choices(
            bins=bins,
            exclude=[name for names in exclude or () for name in names.split(",")],
            weights=_weights(weight),
            sentinels=dict(pairs(sentinel, "--sentinel")),
        )
        made = build_profile(
            data,
            model=model,
            holdout=holdout,
            label=label,
            time=time,
            columns={name: listed.split(",") for name, listed in pairs(columns, "--columns").items()},
            timezone=timezone,
            choices=choices,
            progress=progress,
        )
        write_bytes(out, made.text.encode())
    if output is Output.json:
        typer.echo(
            json.dumps({"profile": str(out), "digest": made.digest, "rows": made.rows, **summary(made)}, indent=2)
        )
        return
    screen = console()
    screen.print(heading(made, str(out)))
    for warning in warnings(made, has_time=time is not None):
        screen.print(warning)


def _weights(given: Sequence[str] | None) -> dict[str, float]:
    weights = {}
    for name, text in pairs(given, "--weight").items():
        try:
            weights[name] = float(text)
        except ValueError:
            raise BadInput(f"--weight takes FEATURE=NUMBER, not {name}={text}.") from None
    return weights
