"""Frames as inputs: one column a value of a row, found by its name.

An input of one value a row (shape [n] or [n, 1]) is the column of its name; an input `x` of k values a row (shape [n, k])
is the columns `x[0]` … `x[k-1]`, in whatever order they stand. Answers come back under the same names. The order of columns
never decides anything, and neither does an index. Neither library is imported from here but by whoever asks for a frame.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.client import values
from tidegate.client.frames import from_pandas, from_polars
from tidegate.client.frames.column import Column
from tidegate.client.specs import TensorSpec
from tidegate.client.values import Encoded, Misfit
from tidegate.datatypes import BYTES
from tidegate.errors import Violation

# Which class of which library is a frame, and who reads it.
_READERS: Mapping[str, Callable[[Any], list[Column]]] = {"pandas": from_pandas.read, "polars": from_polars.read}
# How many columns are named for one reason before the rest is only counted.
NAMED_COLUMNS = 10
# So many columns are listed one by one; of more the first and the last.
_LISTED = 2


def is_frame(inputs: object) -> bool:
    """Whether this is a DataFrame of a library that we know."""
    return _reader(inputs) is not None


def encode(inputs: Any, specs: Iterable[TensorSpec]) -> tuple[list[Encoded], list[Violation]] | None:
    """Each input from its columns, and everything that is wrong with the frame; None if this is no frame."""
    read = _reader(inputs)
    if read is None:
        return None
    columns = read(inputs)
    by_label = {column.label: column for column in columns}
    encoded: list[Encoded] = []
    missing: list[Violation] = []
    broken: list[Violation] = []
    wanted: dict[str, None] = {}
    takes: list[str] = []
    for spec in specs:
        labels = _labels(spec, by_label)
        if labels is None:
            reason = f"has shape {list(spec.shape)}, which no columns make: send the inputs as a mapping of arrays"
            broken.append(Violation(values.path_of("inputs", spec.name), reason))
            continue
        wanted |= dict.fromkeys(labels)
        takes.append(_listed(labels) or f"no column for {spec.name}")
        if absent := [label for label in labels if label not in by_label]:
            missing += _absent(spec, labels, absent)
            continue
        try:
            encoded.append(_encode(spec, [by_label[label] for label in labels], len(inputs)))
        except Misfit as misfit:
            broken += misfit.violations
    return encoded, missing + broken + _odd(columns, wanted, takes)


def _reader(inputs: object) -> Callable[[Any], list[Column]] | None:
    """Who reads it, if its library is loaded: nobody has a frame of another."""
    if isinstance(inputs, Mapping):
        return None
    for library, read in _READERS.items():
        if isinstance(inputs, getattr(sys.modules.get(library), "DataFrame", ())):
            return read
    return None


def _labels(spec: TensorSpec, found: Mapping[Any, Column]) -> list[str] | None:
    """The columns that the input is made of; None if a frame cannot hold it."""
    match spec.shape:
        case (_,) | (_, 1):
            return [spec.name]
        case (_, -1):
            numbered = re.compile(re.escape(spec.name) + r"\[\d+\]")
            width = sum(isinstance(label, str) and numbered.fullmatch(label) is not None for label in found)
            return _numbered(spec.name, width) if width else [spec.name]
        case (_, width):
            return _numbered(spec.name, width)
        case _:
            return None


def _numbered(name: str, width: int) -> list[str]:
    return [f"{name}[{at}]" for at in range(width)]


def _encode(spec: TensorSpec, columns: list[Column], rows: int) -> Encoded:
    """The input, made of one array a column.

    Raises:
        Misfit: With every violation of every column.
    """
    shape = (rows,) if len(spec.shape) == 1 else (rows, len(columns))
    one = replace(spec, shape=(-1,))
    raws: list[bytes] = []
    broken: list[Violation] = []
    sources: list[npt.NDArray[Any]] = []
    for column in columns:
        path = values.path_of("inputs", str(column.label))
        try:
            sources.append(column.fitting(spec.datatype, path))
            raws.append(values.encode(sources[-1], one, path)[1])
        except Misfit as misfit:
            broken += misfit.violations
    if broken:
        raise Misfit(*broken)
    if len(columns) == 1:
        return Encoded(spec, shape, raws[0])
    if spec.datatype == BYTES:
        return Encoded(spec, *values.encode(_rows_of(sources, rows), replace(spec, shape=(-1, -1)), spec.name))
    unsigned = f"u{len(raws[0]) // rows}" if rows and raws else "u1"
    elements = _rows_of([np.frombuffer(raw, dtype=unsigned) for raw in raws], rows)
    return Encoded(spec, shape, elements.tobytes())


def _rows_of(columns: list[npt.NDArray[Any]], rows: int) -> npt.NDArray[Any]:
    return np.stack(columns, axis=1) if columns else np.empty((rows, 0))


def _absent(spec: TensorSpec, labels: list[str], absent: list[str]) -> list[Violation]:
    advice = f"is missing; the model takes {_listed(labels)}"
    if len(labels) > 1:
        advice += f': rename the columns, or send {{"{spec.name}": an array of shape {list(spec.shape)}}}'
    named = [Violation(values.path_of("inputs", label), advice) for label in absent[:NAMED_COLUMNS]]
    return named + _rest(values.path_of("inputs", spec.name), len(absent), "are missing too")


def _odd(columns: list[Column], wanted: Mapping[str, None], takes: list[str]) -> list[Violation]:
    """Columns that come more than once, and columns of no input."""
    seen: set[Any] = set()
    twice: list[Violation] = []
    strange: list[Violation] = []
    for column in columns:
        path = values.path_of("inputs", str(column.label))
        if column.label in seen:
            twice.append(Violation(path, "comes more than once"))
        elif column.label not in wanted:
            strange.append(Violation(path, f"the model has no such input; it takes {', '.join(takes) or 'none'}"))
        seen.add(column.label)
    return [
        *twice[:NAMED_COLUMNS],
        *_rest("inputs", len(twice), "come more than once too"),
        *strange[:NAMED_COLUMNS],
        *_rest("inputs", len(strange), "are not the model's either"),
    ]


def _rest(path: str, count: int, what: str) -> list[Violation]:
    return [Violation(path, f"{count - NAMED_COLUMNS} more columns {what}")] if count > NAMED_COLUMNS else []


def _listed(labels: list[str]) -> str:
    return ", ".join(labels) if len(labels) <= _LISTED else f"{labels[0]} … {labels[-1]}"
