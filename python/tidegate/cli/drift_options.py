"""What the commands that compare two tables have in common."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.bars import bars
from tidegate.cli.output import Output
from tidegate.core.drift import Settings
from tidegate.drift import compare
from tidegate.drift.profiles import read_profile
from tidegate.drift.report import Report

Reference = Annotated[Path | None, typer.Option(help="The rows to compare with: Parquet (a file or a folder) or CSV.")]
Current = Annotated[Path, typer.Option(help="The rows that are judged, in the same forms.")]
ProfileFile = Annotated[
    Path | None,
    typer.Option("--profile", help="Compare in the bins of this profile, and with it if there is no --reference."),
]
ModelFile = Annotated[
    Path | None, typer.Option("--model", help="The model of the profile: its predictions are compared, too.")
]
Time = Annotated[
    str | None, typer.Option(help="The column of times; how far days of the reference lie apart is no drift.")
]
Timezone = Annotated[str, typer.Option(help="Where days begin and end.")]
Exclude = Annotated[list[str] | None, typer.Option(help="A column that is not compared; repeatable, or with commas.")]
Tolerate = Annotated[float, typer.Option("--tolerate-psi", min=0, help="How large a PSI matters to nobody.")]
Fdr = Annotated[
    float,
    typer.Option("--list-fdr", min=1e-9, max=0.5, help="How many of the listed may be there by chance, as a share."),
]
Format = Annotated[Output, typer.Option("--output", help="How the result is written.")]
Png = Annotated[Path | None, typer.Option(help="Draw the result into this file, too.")]


def compared(
    reference: Path | None,
    current: Path,
    profile: Path | None,
    *,
    model: Path | None,
    time: str | None,
    timezone: str,
    exclude: Sequence[str] | None,
    settings: Settings,
) -> Report:
    """The comparison that was asked for, with bars while it takes."""
    with bars() as progress:
        return compare(
            reference=reference,
            current=current,
            profile=None if profile is None else read_profile(profile),
            model=model,
            time=time,
            timezone=timezone,
            exclude=[name for names in exclude or () for name in names.split(",")],
            settings=settings,
            progress=progress,
        )
