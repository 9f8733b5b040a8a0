"""`tidegate drift explain`: which bins of a feature moved, and what each adds to its PSI."""

import json
from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated

import typer

from tidegate.cli.drift_errors import told
from tidegate.cli.drift_options import (
    Current,
    Format,
    ModelFile,
    Png,
    ProfileFile,
    Reference,
    Time,
    Timezone,
    Tolerate,
    compared,
    write_picture,
)
from tidegate.cli.drift_table import show_feature
from tidegate.cli.output import BadInput, Output, console
from tidegate.core.drift import TOLERATE_PSI, Settings
from tidegate.drift.report import Judgement, Report


def explain(
    feature: Annotated[str, typer.Argument(help="A feature of both tables.")],
    current: Current,
    *,
    reference: Reference = None,
    profile: ProfileFile = None,
    model: ModelFile = None,
    time: Time = None,
    timezone: Timezone = "UTC",
    tolerate_psi: Tolerate = TOLERATE_PSI,
    output: Format = Output.table,
    png: Png = None,
) -> None:
    """Show the bins of a feature that moved: old and new shares, and the terms of the sum that PSI is."""
    with told():
        if png is not None:
            from tidegate.drift.picture import draw_feature, to_png  # noqa: PLC0415  # matplotlib takes a second
        settings = Settings(tolerate_psi=tolerate_psi)
        report = compared(
            reference, current, profile, model=model, time=time, timezone=timezone, exclude=None, settings=settings
        )
        judgement = _found(feature, report)
        if png is not None:
            write_picture(png, to_png(draw_feature(judgement, report)))
    if output is Output.json:
        typer.echo(json.dumps(asdict(judgement), indent=2, ensure_ascii=False))
    else:
        show_feature(judgement, report, console())


def _found(feature: str, report: Report) -> Judgement:
    if feature in report:
        return report[feature]
    near = get_close_matches(feature, list(report), n=2) or list(report)[:5]
    raise BadInput(f"There is no feature {feature!r}; there are {', '.join(near)}.")
