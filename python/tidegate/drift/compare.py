"""Comparing two tables, or a table with a profile."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from tidegate.core.drift import Settings, judge
from tidegate.core.profiles import Profile
from tidegate.drift.assembly import Choices, Source, assemble
from tidegate.drift.chunks import split_by_time
from tidegate.drift.counting import count
from tidegate.drift.errors import NothingToCompare
from tidegate.drift.models import Model
from tidegate.drift.progress import Progress, Silent
from tidegate.drift.references import narrowed, with_counts_of, with_predictions
from tidegate.drift.report import Report
from tidegate.drift.signatures import bind_columns
from tidegate.drift.tables import read_table


def compare(
    *,
    current: Any,
    reference: Any = None,
    profile: Profile | None = None,
    model: Path | str | None = None,
    time: str | None = None,
    timezone: str = "UTC",
    names: Sequence[str] | None = None,
    exclude: Collection[str] = (),
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Report:
    """How the columns of one table differ from those of another.

    Args:
        current: A frame of pandas, polars or pyarrow, an array of numpy, or the path of a Parquet or CSV file.
        reference: What it is compared with, in the same forms; without it the counts of `profile`.
        profile: Whose bins are counted in; without it bins are made of the reference.
        model: The model of the profile, whose predictions of the current rows are compared, too.
        time: The column of times by which the reference is split into chunks: their wander is no drift.
        timezone: Where days begin and end.
        names: The names of the columns of a matrix.
        exclude: Columns that are not compared.
        settings: What is tolerated, and how many false entries the list may have.
        progress: Who shows how far it is.

    Only what both sides have is judged.

    Raises:
        TableUnreadable: A table cannot be read, or has no rows.
        ColumnsUnusable: A column holds other things in one table than in the other.
        ProfileMisfit: The profile asks for columns that a table does not have.
        NothingToCompare: The tables share no column, or neither a reference nor a profile is given.
    """
    settings, progress = settings or Settings(), progress or Silent()
    now = read_table(current, name="current", names=names)
    before = None if reference is None else read_table(reference, name="reference", names=names)
    if profile is not None:
        loaded = None if model is None else Model(Path(model))
        now = now if loaded is None else with_predictions(now, profile, loaded, progress=progress)
        profile = narrowed(profile, now, exclude=exclude)
        if before is not None:
            before = before if loaded is None else with_predictions(before, profile, loaded, progress=progress)
            profile = with_counts_of(profile, before, progress=progress)
    elif before is not None:
        chunks = None if time is None else split_by_time(before, time, timezone)
        inputs = bind_columns([before, now], leave_out={time, *exclude})
        sources = [Source(before, tensor, chunks=chunks) for tensor in inputs]
        profile = assemble(sources, {"rows": before.rows, "timezone": timezone}, Choices(), progress)
    else:
        raise NothingToCompare("There is nothing to compare with: name a reference, or a profile.")
    judgements = judge(profile, count(profile, now, progress=progress).cells(), settings)
    name = "the profile" if before is None else before.name
    return Report.of(judgements, settings, reference=name, current=now.name)
