"""A column of a table as the values of a tensor: cast to its datatype before anything is counted.

Counts are of what the model sees: a double that becomes a float lies where the float lies. So a value is rounded where
its tensor would round it, and refused where the tensor has no place for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.core.profiles import Strings
from tidegate.datatypes import BF16, BYTES, DTYPES, FLOATS, to_bf16_bits
from tidegate.drift.errors import ColumnsUnusable
from tidegate.drift.tables import Table, load_arrow
from tidegate.errors import Violation

Values = npt.NDArray[Any] | Strings


class _Misfit(Exception):  # noqa: N818  # becomes a sentence about its column at once
    """Why a column is none of this datatype."""


def read_values(table: Table, name: str, datatype: str, sentinel: float | str | None = None) -> Iterator[Values]:
    """A column in parts, each contiguous and in the tensor's datatype; BF16 as its bits.

    A null is NaN where the datatype has it, the sentinel where one is declared, and empty for BYTES.

    Raises:
        ColumnsUnusable: The column is missing, of another kind, or holds what the datatype has no value for.
    """
    try:
        for part in table.column(name).chunks:
            if datatype == BYTES:
                yield _strings(part, sentinel)
            elif datatype in FLOATS:
                yield _floats(_plain(part, datatype), datatype)
            else:
                yield _integers(_plain(part, datatype), datatype, sentinel)
    except _Misfit as misfit:
        raise ColumnsUnusable(table.name, [Violation(name, str(misfit))]) from None


def read_whole(table: Table, name: str, datatype: str, sentinel: float | str | None = None) -> Values:
    """A column in one part, by the rules of `read_values`."""
    parts = list(read_values(table, name, datatype, sentinel))
    if len(parts) == 1:
        return parts[0]
    if datatype != BYTES:
        empty = np.empty(0, dtype=np.uint16 if datatype == BF16 else DTYPES[datatype])
        return np.concatenate([empty, *parts])
    return _joined([part for part in parts if isinstance(part, Strings)])


def _joined(parts: list[Strings]) -> Strings:
    offsets: list[npt.NDArray[np.int64]] = [np.zeros(1, dtype=np.int64)]
    data = []
    reached = 0
    for part in parts:
        begin, end = int(part.offsets[0]), int(part.offsets[-1])
        offsets.append(part.offsets[1:].astype(np.int64) - begin + reached)
        data.append(part.data[begin:end])
        reached += end - begin
    return Strings(offsets=np.concatenate(offsets), data=np.concatenate([np.empty(0, dtype=np.uint8), *data]))


def _plain(part: Any, datatype: str) -> Any:
    """Integers or floats."""
    arrow = load_arrow()
    kinds = arrow.types
    if kinds.is_dictionary(part.type):
        part = part.dictionary_decode()
    if kinds.is_decimal(part.type) or kinds.is_null(part.type):
        return part.cast(arrow.float64())
    if kinds.is_boolean(part.type):
        return part.cast(arrow.uint8())
    if not (kinds.is_integer(part.type) or kinds.is_floating(part.type)):
        raise _Misfit(f"expected numbers for {datatype}, got a column of {part.type}")
    return part


def _floats(part: Any, datatype: str) -> npt.NDArray[Any]:
    arrow = load_arrow()
    if part.null_count:
        whole = part if arrow.types.is_floating(part.type) else part.cast(arrow.float64(), safe=False)
        part = whole.fill_null(float("nan"))
    source = part.to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, as in the tensor
        if datatype == BF16:
            return to_bf16_bits(np.ascontiguousarray(source, dtype=np.float32))
        return np.ascontiguousarray(source, dtype=DTYPES[datatype])


def _integers(part: Any, datatype: str, sentinel: float | str | None) -> npt.NDArray[Any]:
    arrow = load_arrow()
    if arrow.types.is_integer(part.type) and not part.null_count:
        whole = part.to_numpy(zero_copy_only=False)
        if whole.dtype == DTYPES[datatype]:
            return np.ascontiguousarray(whole)
    # A frame that has no integers with nulls has made floats of them.
    nothing = part.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    nulls = int(nothing.sum())
    if nulls and not isinstance(sentinel, int | float):
        advice = "declare the value that stands for nothing, as in --sentinel name=-1"
        raise _Misfit(f"{nulls:,} values are null, which {datatype} has no value for: {advice}")
    if part.null_count:
        zero = arrow.scalar(0, type=part.type)
        part = part.fill_null(zero)
    source = part.to_numpy(zero_copy_only=False)
    if nulls:
        source = np.where(nothing, sentinel, source)
    with np.errstate(invalid="ignore", over="ignore"):
        cast = source.astype(DTYPES[datatype])
    changed = cast != source
    if changed.any():
        example = source[changed][0]
        raise _Misfit(f"{int(changed.sum()):,} values would change in {datatype}, such as {example}")
    return np.ascontiguousarray(cast)


def _strings(part: Any, sentinel: float | str | None) -> Strings:
    arrow = load_arrow()
    kinds = arrow.types
    if kinds.is_dictionary(part.type):
        part = part.dictionary_decode()
    if kinds.is_null(part.type):
        part = part.cast(arrow.string())
    if kinds.is_string_view(part.type) or kinds.is_binary_view(part.type) or kinds.is_fixed_size_binary(part.type):
        part = part.cast(arrow.large_binary())
    is_long = kinds.is_large_string(part.type) or kinds.is_large_binary(part.type)
    if not (is_long or kinds.is_string(part.type) or kinds.is_binary(part.type)):
        raise _Misfit(f"expected text or bytes for BYTES, got a column of {part.type}")
    if part.null_count:
        part = part.fill_null(arrow.scalar(sentinel if isinstance(sentinel, str) else "", type=part.type))
    _, offsets, data = part.buffers()
    kind: Any = np.int64 if is_long else np.int32
    # A part may be a slice of longer buffers, and an empty one have none.
    begins = np.zeros(1, dtype=kind) if offsets is None or not len(part) else np.frombuffer(offsets, dtype=kind)
    return Strings(
        offsets=begins[part.offset : part.offset + len(part) + 1] if len(part) else begins[:1],
        data=np.empty(0, dtype=np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8),
    )
