"""Making a profile: what the inputs and the predictions of a model looked like in its reference data."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from tidegate.core.drift import Profile, build_feature, parse_profile
from tidegate.datatypes import BYTES, FLOATS
from tidegate.drift.chunks import split_by_time
from tidegate.drift.columns import read_whole
from tidegate.drift.errors import ColumnsUnusable, ProfileMisfit, TableUnreadable
from tidegate.drift.models import Model, predictions
from tidegate.drift.progress import Progress, Silent
from tidegate.drift.signatures import BoundTensor, bind, bind_columns
from tidegate.drift.tables import Table, read_table
from tidegate.errors import Violation

FORMAT = "tidegate.profile/1"
BINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person may say of features, by their names."""

    bins: int = BINS
    exclude: Collection[str] = ()
    """Features that are not watched."""
    weights: Mapping[str, float] = field(default_factory=dict)
    sentinels: Mapping[str, float | str] = field(default_factory=dict)
    """Values that stand for nothing."""


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
        time: The column of times by which the reference is split into chunks (see `tidegate.drift.chunks`).
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
    table = _with_rows(read_table(data, name="data"))
    chunks = None if time is None else split_by_time(table, time, timezone)
    if model is None:
        left_out = {*choices.exclude, label, time}
        sources = [_Source(table, tensor, chunks=chunks) for tensor in bind_columns([table], leave_out=left_out)]
    else:
        held_out = None if holdout is None else _with_rows(read_table(holdout, name="holdout"))
        sources = _of_model(Model(Path(model)), table, held_out, columns, chunks, progress)
    _check_names(choices, sources)
    advance = progress.begin("counting", sum(len(source.tensor.columns) for source in sources))
    document = {
        "format": FORMAT,
        "rows": table.rows,
        "timezone": timezone,
        **({} if label is None else {"label": label}),
        "tensors": [_tensor(source, choices, advance) for source in sources],
    }
    return parse_profile(json.dumps(document, allow_nan=False, ensure_ascii=False))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Source:
    """A tensor and the table that its columns are in."""

    table: Table = field(kw_only=False)
    tensor: BoundTensor = field(kw_only=False)
    direction: str = "input"
    in_sample: bool = False
    chunks: npt.NDArray[np.uint32] | None = None


def _of_model(
    model: Model,
    table: Table,
    held_out: Table | None,
    columns: Mapping[str, Sequence[str]] | None,
    chunks: npt.NDArray[np.uint32] | None,
    progress: Progress,
) -> list[_Source]:
    """Its inputs from the table, its predictions from rows that it has not seen if there are any."""
    inputs = bind(model.signature, table, columns)
    rows, bound = (table, inputs) if held_out is None else (held_out, bind(model.signature, held_out, columns))
    answers = model.predict(rows, bound, advance=progress.begin("predicting", rows.rows))
    predicted, outputs = predictions(answers, str(model.path))
    return [
        *(_Source(table, tensor, chunks=chunks) for tensor in inputs),
        *(_Source(predicted, tensor, direction="output", in_sample=held_out is None) for tensor in outputs),
    ]


def _tensor(source: _Source, choices: Choices, advance: Callable[[int], None]) -> dict[str, Any]:
    """A tensor of the document, with the features that are watched."""
    tensor = source.tensor
    features = []
    for at, name in enumerate(tensor.columns):
        if name not in choices.exclude:
            features.append(_feature(source, at, name, choices))
        advance(1)
    return {
        "name": tensor.name,
        "direction": source.direction,
        "datatype": tensor.datatype,
        "width": len(tensor.columns),
        "in_sample": source.in_sample,
        "rows": source.table.rows,
        "features": features,
    }


def _feature(source: _Source, at: int, name: str, choices: Choices) -> dict[str, Any]:
    datatype = source.tensor.datatype
    sentinel = _sentinel(choices.sentinels.get(name), datatype, name, source.table)
    values = read_whole(source.table, name, datatype, sentinel)
    settings = {"name": name, "column": at, "datatype": datatype, "bins": choices.bins, "sentinel": sentinel}
    return build_feature({**settings, "weight": choices.weights.get(name, 1.0)}, values, source.chunks)


def _sentinel(said: float | str | None, datatype: str, name: str, table: Table) -> float | str | None:
    """The value that stands for nothing, in the kind of the tensor: what is typed is always text."""
    if said is None or (datatype == BYTES) == isinstance(said, str):
        return said
    try:
        if datatype != BYTES:
            return float(said) if datatype in FLOATS else int(said)
    except ValueError:
        pass
    raise ColumnsUnusable(table.name, [Violation(name, f"{said!r} cannot stand for nothing in {datatype}")])


def _check_timezone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ProfileMisfit([f"there is no time zone {timezone!r}: say one such as Europe/Berlin"], profile=(), model=())


def _check_names(choices: Choices, sources: Sequence[_Source]) -> None:
    """A name that is misspelt must not silently mean nothing."""
    known = [name for source in sources for name in source.tensor.columns]
    columns = {name for source in sources for name in source.table.columns}
    reasons = [f"{name} is to be left out, and is no feature" for name in choices.exclude if name not in columns | {*known}]
    for what, names in (("a weight", choices.weights), ("a sentinel", choices.sentinels)):
        reasons += [f"{name} has {what}, and is no feature" for name in names if name not in known]
    if reasons:
        raise ProfileMisfit(reasons, profile=known, model=[source.tensor.name for source in sources])


def _with_rows(table: Table) -> Table:
    if not table.rows:
        raise TableUnreadable(table.name, "it has no rows")
    return table
