"""Columns of a polars DataFrame."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.client.frames.column import Column

# By name, so that a release that has fewer of them is no error. 128 bits are more than any datatype has.
_WHOLE = {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
_NUMBERS = {"Boolean", *_WHOLE, "Float16", "Float32", "Float64"}
_TEXT = {"String", "Categorical", "Enum"}


def read(frame: Any) -> list[Column]:
    """Every column, in the order of the frame."""
    return [_column(series) for series in frame.get_columns()]


def _column(series: Any) -> Column:
    kind = series.dtype.base_type().__name__
    values: npt.NDArray[Any] | None = None
    if kind in _NUMBERS:
        values = series.fill_null(False if kind == "Boolean" else 0).to_numpy()
    elif kind in _TEXT:
        values = _objects(series.cast(sys.modules["polars"].String).fill_null(""))
    elif kind == "Binary":
        values = _objects(series.fill_null(b""))
    nulls = series.is_null().to_numpy() if series.null_count() else None
    return Column(label=series.name, dtype=str(series.dtype), values=values, nulls=nulls)


def _objects(series: Any) -> npt.NDArray[Any]:
    objects = np.empty(len(series), dtype=object)
    objects[:] = series.to_list()
    return objects
