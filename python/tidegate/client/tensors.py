"""Tensors between numpy and the wire: datatypes, raw contents, typed contents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.datatypes import BF16, BYTES, DTYPES, from_bf16_bits
from tidegate.inference.open_inference_pb2 import InferTensorContents

_TYPED_FIELDS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
}
_LENGTH_BYTES = 4


def to_raw_bytes(elements: Sequence[bytes]) -> bytes:
    """BYTES on the wire: each element after its length, four bytes little-endian."""
    return b"".join(part for element in elements for part in (len(element).to_bytes(_LENGTH_BYTES, "little"), element))


def from_raw(datatype: str, shape: Sequence[int], raw: bytes) -> npt.NDArray[Any]:
    """The array in raw contents, without a copy where the datatype allows it; read-only.

    Raises:
        ValueError: The contents do not fit the shape, or the datatype is unknown.
    """
    if datatype == BYTES:
        array = _array_of_bytes(_split(raw), shape)
    elif datatype == BF16:
        array = from_bf16_bits(_shaped(np.frombuffer(_whole(raw, 2), dtype="<u2"), shape))
    elif datatype in DTYPES:
        dtype = DTYPES[datatype]
        array = _shaped(np.frombuffer(_whole(raw, dtype.itemsize), dtype=dtype), shape)
    else:
        raise ValueError(f"its datatype is {datatype!r}, which this client does not know")
    array.flags.writeable = False
    return array


def from_typed(datatype: str, shape: Sequence[int], contents: InferTensorContents) -> npt.NDArray[Any]:
    """The array in typed contents; read-only.

    Raises:
        ValueError: The contents do not fit the shape, or the datatype is unknown or has no typed contents.
    """
    if datatype == BYTES:
        array = _array_of_bytes(list(contents.bytes_contents), shape)
    elif datatype in _TYPED_FIELDS:
        # Through 64 bits first, so that a number that does not fit shows instead of being cut.
        wide = np.array(getattr(contents, _TYPED_FIELDS[datatype]), dtype=_widest(DTYPES[datatype]))
        array = _shaped(wide.astype(DTYPES[datatype]), shape)
        if wide.dtype.kind in "iu" and not np.array_equal(array.ravel(), wide):
            raise ValueError(f"its contents do not fit in {datatype}")
    else:
        raise ValueError(f"its datatype is {datatype!r}, which has no typed contents")
    array.flags.writeable = False
    return array


def _widest(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return {"i": np.dtype("<i8"), "u": np.dtype("<u8")}.get(dtype.kind, dtype)


def _whole(raw: bytes, itemsize: int) -> bytes:
    if len(raw) % itemsize:
        raise ValueError(f"its {len(raw)} raw bytes are no whole number of elements of {itemsize} bytes")
    return raw


def _shaped(flat: npt.NDArray[Any], shape: Sequence[int]) -> npt.NDArray[Any]:
    dims = tuple(shape)
    if any(size < 0 for size in dims) or math.prod(dims) != flat.size:
        raise ValueError(f"its shape is {list(dims)}, but {flat.size} elements came")
    return flat.reshape(dims)


def _array_of_bytes(elements: list[bytes], shape: Sequence[int]) -> npt.NDArray[Any]:
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return _shaped(array, shape)


def _split(raw: bytes) -> list[bytes]:
    elements, at = [], 0
    while at < len(raw):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(raw[at:begin], "little")
        if begin > len(raw) or at > len(raw):
            raise ValueError("its raw bytes end within an element")
        elements.append(raw[begin:at])
    return elements
