"""`tidegate drift compare`: two tables, or a table and a profile, feature by feature."""

import json

import typer

from tidegate.cli.drift_errors import told
from tidegate.cli.drift_options import (
    Current,
    Exclude,
    Fdr,
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
from tidegate.cli.drift_table import show
from tidegate.cli.files import write_bytes
from tidegate.cli.output import Output, console
from tidegate.core.drift import LIST_FDR, TOLERATE_PSI, Settings


def compare(
    current: Current,
    *,
    reference: Reference = None,
    profile: ProfileFile = None,
    model: ModelFile = None,
    time: Time = None,
    timezone: Timezone = "UTC",
    exclude: Exclude = None,
    tolerate_psi: Tolerate = TOLERATE_PSI,
    list_fdr: Fdr = LIST_FDR,
    output: Format = Output.table,
    png: Png = None,
) -> None:
    """List features by how far they have drifted, with what no drift would show and the threshold; the worst first."""
    with told():
        if png is not None:
            from tidegate.drift.picture import draw_report, to_png  # noqa: PLC0415  # matplotlib takes a second
        settings = Settings(tolerate_psi=tolerate_psi, list_fdr=list_fdr)
        report = compared(
            reference, current, profile, model=model, time=time, timezone=timezone, exclude=exclude, settings=settings
        )
        if png is not None:
            write_bytes(png, to_png(draw_report(report)))
    if output is Output.json:
        typer.echo(json.dumps(report.to_document(), indent=2, ensure_ascii=False))
    else:
        show(report, console())
