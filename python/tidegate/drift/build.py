"""Making a profile: what the inputs and the predictions of a model looked like in its reference data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from tidegate.core.profiles import Profile
from tidegate.drift.assembly import Choices, Source, assemble
from tidegate.drift.chunks import split_by_time
from tidegate.drift.errors import ProfileMisfit
from tidegate.drift.models import Model, predictions
from tidegate.drift.progress import Progress, Silent
from tidegate.drift.signatures import bind, bind_columns
from tidegate.drift.tables import Table, read_table


def build_profile(
    data: Any,
    *,
    model: Path | str | None = None,
    holdout: Any = None,
    label: str | None = None,
    time: str | None = None,
    columns: Mapping[str, Sequence[str]] | None = None,
    timezone: str = "UTC",
    choices: Choices | None = None,
    progress: Progress | None = None,
) -> Profile:
    """The profile of a model's inputs, and of its predictions.

    Args:
        data: The rows that the model was trained on, as a frame of pandas, polars or pyarrow, an array of numpy, or a path.
        model: The ONNX file; without it each column of numbers or text is an input, and there are no predictions.
        holdout: Rows that the model has not seen, to predict; without them predictions are made of `data` and marked
            `in_sample`: a model is surer of what it has learnt, so they may be shown and never page.
        label: The column that the model predicts; no input.
        time: The column of times, also of the holdout, by which the reference is split into chunks (see
            `tidegate.drift.chunks`).
        columns: The columns of an input of several values a row.
        timezone: Where days begin and end.
        choices: Bins, weights, sentinels, and features to leave out.
        progress: Who shows how far it is.

    Raises:
        TableUnreadable: A table cannot be read, or has no rows.
        ProfileMisfit: Columns and inputs do not fit, or a feature is named that there is none of.
        ColumnsUnusable: A column holds what its input cannot.
        ModelUnusable: The model cannot be read, or not be run.
    """
    choices, progress = choices or Choices(), progress or Silent()
    _check_timezone(timezone)
    table = read_table(data, name="data")
    chunks = None if time is None else split_by_time(table, time, timezone)
    if model is None:
        left_out = {*choices.exclude, label, time}
        sources = [Source(table, tensor, chunks=chunks) for tensor in bind_columns([table], leave_out=left_out)]
    else:
        loaded = Model(Path(model))
        sources = [Source(table, tensor, chunks=chunks) for tensor in bind(loaded.signature, table, columns)]
        if holdout is None:
            sources += _outputs(loaded, table, chunks, columns, progress, in_sample=True)
        else:
            unseen = read_table(holdout, name="holdout")
            unseen_chunks = None if time is None else split_by_time(unseen, time, timezone)
            sources += _outputs(loaded, unseen, unseen_chunks, columns, progress, in_sample=False)
    head = {"rows": table.rows, "timezone": timezone, **({} if label is None else {"label": label})}
    return assemble(sources, head, choices, progress)


def _outputs(
    model: Model,
    table: Table,
    chunks: npt.NDArray[np.uint32] | None,
    columns: Mapping[str, Sequence[str]] | None,
    progress: Progress,
    *,
    in_sample: bool,
) -> list[Source]:
    """What it predicts of these rows, which wander from day to day as the rows do."""
    bound = bind(model.signature, table, columns)
    answers = model.predict(table, bound, advance=progress.begin("predicting", table.rows))
    predicted, outputs = predictions(answers, str(model.path))
    return [Source(predicted, tensor, direction="output", in_sample=in_sample, chunks=chunks) for tensor in outputs]


def _check_timezone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ProfileMisfit([f"there is no time zone {timezone!r}: say one such as Europe/Berlin"]) from None
