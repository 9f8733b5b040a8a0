"""Columns of a pandas DataFrame."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from tidegate.client.frames.column import Column


def read(frame: Any) -> list[Column]:
    """Every column, in the order of the frame; labels may be anything and come more than once."""
    return [_column(label, frame.iloc[:, at]) for at, label in enumerate(frame.columns)]


def _column(label: Any, series: Any) -> Column:
    kinds = sys.modules["pandas"].api.types
    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        # NaN in a column of floats is a value of theirs.
        return Column(label=label, dtype=str(dtype), values=series.to_numpy())
    nulls = series.isna().to_numpy(dtype=np.bool_)
    if kinds.is_any_real_numeric_dtype(dtype) or kinds.is_bool_dtype(dtype):
        numbers = getattr(dtype, "numpy_dtype", None)  # sparse columns have none, and are refused
        values = None if numbers is None else series.to_numpy(dtype=numbers, na_value=0)
    elif kinds.is_object_dtype(dtype) or kinds.is_string_dtype(dtype) or isinstance(dtype, _category()):
        values = series.to_numpy(dtype=object, copy=True)
        values[nulls] = ""
    else:
        values = None
    return Column(label=label, dtype=str(dtype), values=values, nulls=nulls)


def _category() -> Any:
    return sys.modules["pandas"].CategoricalDtype
