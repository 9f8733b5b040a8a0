"""The digest of a table's content: the same for the same rows, however they lie in memory.

Of each column are hashed its type, which of its rows are null, and its values with nothing where it is null. What is only a
way to keep values has no part in it: chunks, offsets of slices, dictionaries, runs, 32 or 64 bits for offsets, views, and
which of its bits a NaN has set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate import optional

_FORM = b"tidegate.dataset.v1"
"""Changes if anything of this file would give another digest."""
_HALF, _SINGLE, _DOUBLE = 16, 32, 64
_FLOATS = {_HALF: np.float16, _SINGLE: np.float32, _DOUBLE: np.float64}


class NoDigest(Exception):  # noqa: N818  # becomes a refusal with the column's name at once
    """A type whose values are not told apart here."""


def load_arrow() -> Any:
    """The library that columns are in.

    Raises:
        ModuleNotFoundError: It is not installed; the sentence says how to.
    """
    return optional.load("pyarrow", needed_for="tidegate.training")


def content_digest(rows: int, columns: Iterable[tuple[str, Any]]) -> str:
    """The digest of a table.

    Args:
        rows: How many there are.
        columns: Names with `pyarrow.ChunkedArray`s, in their order, which is a part of the content.

    Raises:
        NoDigest: A column has a type that has no digest, such as a map.
    """
    return table_digest(rows, ((name, column_digest(column)) for name, column in columns))


def table_digest(rows: int, columns: Iterable[tuple[str, bytes]]) -> str:
    """The digest of a table, from those of its columns."""
    found = hashlib.sha256(_FORM + rows.to_bytes(8, "little"))
    for name, digest in columns:
        found.update(_text(name) + digest)
    return f"sha256:{found.hexdigest()}"


def column_digest(column: Any) -> bytes:
    """The digest of a `pyarrow.ChunkedArray` or a `pyarrow.Array`, 32 bytes.

    Raises:
        NoDigest: Its type has none.
    """
    kept = _Column(column.type)
    for chunk in getattr(column, "chunks", None) or ([column] if not hasattr(column, "chunks") else []):
        kept.add(chunk)
    return kept.digest()


def type_name(kind: Any) -> str:
    """A type without what is only a way to keep its values, as Arrow writes it.

    Raises:
        NoDigest: Values of this type have no digest.
    """
    return str(_plain_type(kind))


class _Column:
    """Hashes values as they come: chunks change nothing, because each stream of bytes is one hash."""

    def __init__(self, kind: Any) -> None:
        self._kind = _plain_type(kind)
        self._rows = 0
        self._nulls, self._lengths, self._values = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
        self._children = [_Column(child) for child in _children(self._kind)]

    def add(self, array: Any) -> None:
        types = load_arrow().types
        array = _plain(array)
        self._rows += len(array)
        is_null = _nulls(array)
        self._nulls.update(is_null.tobytes())
        if types.is_null(self._kind):
            return
        if types.is_struct(self._kind):
            for child, values in zip(self._children, array.flatten(), strict=True):
                child.add(values)
        elif types.is_list(self._kind) or types.is_fixed_size_list(self._kind):
            self._lengths.update(_lengths(array, is_null).tobytes())
            self._children[0].add(array.flatten())
        elif types.is_string(self._kind) or types.is_binary(self._kind):
            lengths, values = _bytes(array)
            self._lengths.update(lengths.tobytes())
            self._values.update(values)
        else:
            self._values.update(_fixed(array, is_null).tobytes())

    def digest(self) -> bytes:
        found = hashlib.sha256(_text(str(self._kind)) + self._rows.to_bytes(8, "little"))
        for stream in (self._nulls, self._lengths, self._values):
            found.update(stream.digest())
        for child in self._children:
            found.update(child.digest())
        return found.digest()


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(8, "little") + raw


def _plain_type(kind: Any) -> Any:
    arrow = load_arrow()
    types = arrow.types
    if isinstance(kind, arrow.BaseExtensionType):
        return _plain_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _plain_type(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return arrow.string()
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind):
        return arrow.binary()
    # Names of the values inside lists differ between libraries, and nobody reads by them.
    if types.is_list(kind) or types.is_large_list(kind):
        return arrow.list_(_plain_type(kind.value_type))
    if types.is_fixed_size_list(kind):
        return arrow.list_(_plain_type(kind.value_type), kind.list_size)
    if types.is_struct(kind):
        return arrow.struct([(field.name, _plain_type(field.type)) for field in kind])
    is_fixed = types.is_primitive(kind) or types.is_decimal(kind) or types.is_fixed_size_binary(kind)
    if is_fixed or types.is_boolean(kind) or types.is_null(kind):
        return kind
    raise NoDigest(f"values of type {kind} have no digest")


def _children(kind: Any) -> Iterator[Any]:
    types = load_arrow().types
    if types.is_struct(kind):
        yield from (field.type for field in kind)
    elif types.is_list(kind) or types.is_fixed_size_list(kind):
        yield kind.value_type


def _plain(array: Any) -> Any:
    """The values as an array of one of the ways to keep them that are read below."""
    arrow = load_arrow()
    types = arrow.types
    if isinstance(array.type, arrow.BaseExtensionType):
        return _plain(array.storage)
    if types.is_dictionary(array.type):
        return _plain(array.dictionary_decode())
    if types.is_run_end_encoded(array.type):
        compute = optional.load("pyarrow.compute", needed_for="tidegate.training")
        return _plain(compute.run_end_decode(array))
    if types.is_string_view(array.type):
        return array.cast(arrow.large_string())
    if types.is_binary_view(array.type):
        return array.cast(arrow.large_binary())
    return array


def _nulls(array: Any) -> npt.NDArray[np.uint8]:
    """One byte a row: 1 where there is no value."""
    if not array.null_count:
        return np.zeros(len(array), dtype=np.uint8)
    flags = array.is_null()
    return _bits(flags.buffers()[1], flags.offset, len(flags))


def _bits(buffer: Any, offset: int, length: int) -> npt.NDArray[np.uint8]:
    if buffer is None:
        return np.zeros(length, dtype=np.uint8)
    raw = np.frombuffer(buffer, dtype=np.uint8)[offset // 8 : (offset + length + 7) // 8]
    return np.unpackbits(raw, bitorder="little")[offset % 8 : offset % 8 + length]


def _fixed(array: Any, is_null: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The bytes of values of one width, zero where there is none."""
    arrow = load_arrow()
    buffer, offset, length = array.buffers()[1], array.offset, len(array)
    if arrow.types.is_boolean(array.type):
        return _bits(buffer, offset, length) * (1 - is_null)
    width = array.type.bit_width // 8
    if buffer is None or not width:
        return np.zeros(length * width, dtype=np.uint8)
    raw = np.frombuffer(buffer, dtype=np.uint8)[offset * width : (offset + length) * width]
    values = raw.reshape(length, width).copy()
    values[is_null.astype(bool)] = 0
    if arrow.types.is_floating(array.type):
        floats = values.view(_FLOATS[array.type.bit_width])
        floats[np.isnan(floats)] = np.nan
    return values.reshape(-1)


def _bytes(array: Any) -> tuple[npt.NDArray[np.int64], memoryview]:
    """The lengths of texts, and the texts one after the other; nothing where there is none."""
    types = load_arrow().types
    if array.null_count:
        array = array.fill_null("" if types.is_string(array.type) or types.is_large_string(array.type) else b"")
    is_large = types.is_large_string(array.type) or types.is_large_binary(array.type)
    _, offsets, values = array.buffers()
    if offsets is None or not len(array):
        return np.zeros(len(array), dtype=np.int64), memoryview(b"")
    kind = np.dtype(np.int64 if is_large else np.int32)
    places = np.frombuffer(offsets, dtype=kind)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    content = memoryview(values)[places[0] : places[-1]] if values is not None else memoryview(b"")
    return np.diff(places), content


def _lengths(array: Any, is_null: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False) if len(array) else np.zeros(0)
    return lengths.astype(np.int64) * (1 - is_null.astype(np.int64))
