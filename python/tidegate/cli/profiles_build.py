"""`tidegate profiles build`: a profile of the rows of training and of rows that the model has not seen, or of traffic."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.bars import bars
from tidegate.cli.drift_errors import told
from tidegate.cli.files import write_bytes
from tidegate.cli.gateways import DEFAULT, Http
from tidegate.cli.output import BadInput, Output, console, printable
from tidegate.cli.pairs import pairs
from tidegate.cli.profiles_table import heading, summary, warnings
from tidegate.cli.profiles_traffic import profile_of_traffic
from tidegate.drift.assembly import BINS, Choices
from tidegate.drift.build import build_profile


def build(
    data: Annotated[
        Path | None, typer.Option(help="The rows of training: Parquet (a file or a folder) or CSV.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="The ONNX model.")] = None,
    *,
    from_traffic: Annotated[
        str | None,
        typer.Option(metavar="ROUTE", help="A route that a gateway watches: the profile is made of its traffic."),
    ] = None,
    last: Annotated[
        str | None, typer.Option(help="How many days of traffic, today among them; 7d if left out.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="The version of the route, as model/number.")] = None,
    http: Http = DEFAULT,
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
        tables: dict[str, object] = {
            "--data": data,
            "--model": model,
            "--holdout": holdout,
            "--label": label,
            "--time": time,
        }
        tables |= {"--columns": columns, "--sentinel": sentinel, "--timezone": None if timezone == "UTC" else timezone}
        traffic = {"--last": last, "--version": version}
        if from_traffic is not None:
            _refuse(tables, f"is about a table; --from-traffic {from_traffic} has none")
            made, notes = profile_of_traffic(from_traffic, last=last, version=version, http=http, choices=choices)
        else:
            _refuse(traffic, "is about traffic; say of which route with --from-traffic")
            if data is None or model is None:
                raise BadInput("Say what the profile is made of: --data and --model, or --from-traffic.")
            notes = []
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
            json.dumps(
                {
                    "profile": str(out),
                    "digest": made.digest,
                    "rows": made.rows,
                    "source": made.source,
                    "left_out": notes,
                    **summary(made),
                },
                indent=2,
            )
        )
        return
    screen = console()
    screen.print(heading(made, str(out)))
    for warning in warnings(made, has_time=time is not None):
        screen.print(warning)
    for note in notes:
        screen.print(f"! left out: {printable(note)}", style="yellow", markup=False, highlight=False)


def _refuse(options: Mapping[str, Any], reason: str) -> None:
    if given := [name for name, value in options.items() if value]:
        raise BadInput(f"{', '.join(given)} {reason}.")


def _weights(given: Sequence[str] | None) -> dict[str, float]:
    weights = {}
    for name, text in pairs(given, "--weight").items():
        try:
            weights[name] = float(text)
        except ValueError:
            raise BadInput(f"--weight takes FEATURE=NUMBER, not {name}={text}.") from None
    return weights
