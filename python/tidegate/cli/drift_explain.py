"""`tidegate drift explain`: which bins of a feature moved, and what each adds to its PSI."""

import json
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.drift_errors import told
from tidegate.cli.drift_options import (
    Format,
    ModelFile,
    Png,
    ProfileFile,
    Reference,
    Time,
    Timezone,
    Tolerate,
    compared,
)
from tidegate.cli.drift_show import VersionOption, WindowOption, chosen_window, watched
from tidegate.cli.drift_table import show_feature
from tidegate.cli.files import write_bytes
from tidegate.cli.gateways import DEFAULT, Http
from tidegate.cli.output import BadInput, Output, console
from tidegate.core.drift import TOLERATE_PSI, Settings
from tidegate.drift.report import Judgement, Report


def explain(
    name: Annotated[str, typer.Argument(help="A route that is watched; with --current a feature of both tables.")],
    feature: Annotated[str | None, typer.Argument(help="A feature of the route's versions.")] = None,
    *,
    window: WindowOption = None,
    version: VersionOption = None,
    http: Http = DEFAULT,
    current: Annotated[Path | None, typer.Option(help="Rows that are judged in place of a route's.")] = None,
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
        if current is not None:
            if feature is not None:
                raise BadInput("With --current there is no route: say the feature alone.")
            settings = Settings(tolerate_psi=tolerate_psi)
            report = compared(
                reference, current, profile, model=model, time=time, timezone=timezone, exclude=None, settings=settings
            )
            explained = [(_found(name, report), report)]
        elif feature is None:
            raise BadInput(
                "Say a route and one of its features, or a feature and two tables: --reference and --current."
            )
        else:
            explained = [(_found(feature, report), report) for report in _watched(name, http, version, window)]
        if png is not None:
            write_bytes(png, to_png(draw_feature(*explained[0])))
    for judgement, report in explained:
        if output is Output.json:
            typer.echo(json.dumps(asdict(judgement), indent=2, ensure_ascii=False))
        else:
            show_feature(judgement, report, console())


def _watched(route: str, http: str, version: str | None, length: str | None) -> list[Report]:
    """The newest judged window of each version of a route."""
    _, versions = watched(route, http, version)
    windows = [chosen_window(found, length) for found in versions]
    reports = [window.report for window in windows if window is not None]
    if not reports:
        raise BadInput("No window was judged yet: the first is when it has closed.")
    return reports


def _found(feature: str, report: Report) -> Judgement:
    if feature in report:
        return report[feature]
    near = get_close_matches(feature, list(report), n=2) or list(report)[:5]
    raise BadInput(f"There is no feature {feature!r}; there are {', '.join(near)}.")
