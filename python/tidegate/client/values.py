"""A caller's values as the model's datatype, refused where a value would change.

Rounding a float to the nearest float of the datatype is no change; becoming infinite is. A whole number must come out as
the same whole number, whatever it was before and becomes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tidegate.client import tensors
from tidegate.client.specs import TensorSpec
from tidegate.datatypes import BF16, BYTES, DTYPES, from_bf16_bits, to_bf16_bits
from tidegate.errors import Violation

# How many elements of one input are named before the rest is only counted.
NAMED_ELEMENTS = 10
# From here on a float of the datatype no longer tells neighbouring whole numbers apart. numpy makes floats of a list that
# mixes both, so beyond it a list is looked at one by one.
_FIRST_DOUBTFUL = {BF16: 2.0**8, "FP16": 2.0**11, "FP32": 2.0**24}
_FIRST_DOUBTFUL_ELSE = 2.0**53
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+")
_INT64_MIN, _UINT64_MAX = -(2**63), 2**64 - 1


class Encoded(NamedTuple):
    """An input as it goes on the wire."""

    spec: TensorSpec
    shape: tuple[int, ...]
    raw: bytes


class Misfit(Exception):  # noqa: N818  # no error to a caller: collected into one that names all of them
    """The value cannot be sent as this input."""

    def __init__(self, *violations: Violation) -> None:
        """Keep every violation of the input."""
        super().__init__(*violations)
        self.violations = violations


def encode(value: object, spec: TensorSpec, path: str) -> tuple[tuple[int, ...], bytes]:
    """The shape and the raw contents of a value for an input.

    Args:
        value: An array, a list (of lists …) or a scalar. A flat one for an input of shape [-1, 1] is a column.
        spec: The input as the model declares it.
        path: How violations name the input.

    Raises:
        Misfit: With every violation.
    """
    if spec.datatype not in (*DTYPES, BF16, BYTES):
        raise Misfit(Violation(path, f"its datatype is {spec.datatype}, which this client does not know"))
    source = _objects_of(value, path) if spec.datatype == BYTES else _numbers_of(value, spec.datatype, path)
    shape, broken = _fit_rank(source.shape, spec, path)
    changed, what, raw = _ENCODERS.get(spec.datatype, _encode_numbers)(source, spec.datatype)
    if changed.any():
        broken += _named(source, changed, what, path)
    if broken:
        raise Misfit(*broken)
    return shape, raw


def path_of(place: str, name: str) -> str:
    """How violations name a part of a request."""
    return f"{place}.{name}" if _PLAIN_NAME.fullmatch(name) else f'{place}["{name}"]'


def _fit_rank(shape: tuple[int, ...], spec: TensorSpec, path: str) -> tuple[tuple[int, ...], list[Violation]]:
    if len(shape) == len(spec.shape):
        return shape, []
    if len(shape) == 1 and len(spec.shape) == 2 and spec.shape[1] == 1:  # noqa: PLR2004  # a column
        return (*shape, 1), []
    expected, got = list(spec.shape), list(shape)
    return shape, [Violation(path, f"expected {len(expected)} axes, as in {expected}, got {len(got)}, as in {got}")]


# Each takes what the caller gave and the datatype; it gives the changed elements, the words for them, and the contents.
_Encoded = tuple[npt.NDArray[np.bool_], str, bytes]


def _encode_numbers(source: npt.NDArray[Any], datatype: str) -> _Encoded:
    dtype = DTYPES[datatype]
    if source.dtype == dtype:
        return np.zeros((), dtype=np.bool_), "", source.tobytes()
    cast, changed = (_cast_one_by_one if source.dtype.kind == "O" else _cast)(source, dtype)
    return changed, f"does not fit in {datatype} unchanged", cast.tobytes()


def _encode_bf16(source: npt.NDArray[Any], datatype: str) -> _Encoded:
    """An array of uint16 is taken as bits, everything else as values."""
    if source.dtype == np.uint16:
        return np.zeros((), dtype=np.bool_), "", source.astype("<u2").tobytes()
    floats, changed = (_cast_one_by_one if source.dtype.kind == "O" else _cast)(source, DTYPES["FP32"])
    bits = to_bf16_bits(floats)
    back = from_bf16_bits(bits)
    changed = changed | (np.isinf(back) & ~np.isinf(floats))
    changed = changed | (_is_whole(source) & (back != floats))
    return changed, f"does not fit in {datatype} unchanged", bits.tobytes()


def _is_whole(source: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which elements the caller gave as whole numbers."""
    if source.dtype.kind != "O":
        return np.full(source.shape, source.dtype.kind in "iu")
    whole = [isinstance(element, int | np.integer) for element in source.ravel()]
    return np.array(whole, dtype=np.bool_).reshape(source.shape)


def _encode_bytes(source: npt.NDArray[Any], datatype: str) -> _Encoded:
    elements = [_one_bytes(element) for element in source.ravel().tolist()]
    changed = np.array([element is None for element in elements], dtype=np.bool_).reshape(source.shape)
    raw = tensors.to_raw_bytes([element or b"" for element in elements])
    return changed, f"is neither bytes nor text that can be written as UTF-8 ({datatype})", raw


_ENCODERS: dict[str, Callable[[npt.NDArray[Any], str], _Encoded]] = {BF16: _encode_bf16, BYTES: _encode_bytes}


def _cast(array: npt.NDArray[Any], dtype: np.dtype[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """The array in the datatype, and which elements changed on the way."""
    if array.dtype.kind == "b":
        return array.astype(dtype), np.zeros(array.shape, dtype=np.bool_)
    if dtype.kind == "b":
        return array.astype(dtype), (array != 0) & (array != 1)
    if dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            cast = array.astype(dtype)
        if array.dtype.kind == "f":
            return cast, np.isinf(cast) & ~np.isinf(array)
        return cast, ~_is_same_whole(cast, array)
    limits = np.iinfo(dtype)
    if array.dtype.kind == "f":
        array = array.astype(np.float64, copy=False) if array.dtype.itemsize < 8 else array  # noqa: PLR2004  # bytes
        # Both bounds are powers of two (or 0), hence exact as floats; the upper one is the first that does not fit.
        fits = (array >= float(limits.min)) & (array < float(2 ** (limits.bits - (limits.min < 0))))
        fits &= np.trunc(array) == array
        return np.where(fits, array, 0).astype(dtype), ~fits
    # A Python integer as bound: numpy compares it exactly with any integer datatype.
    return array.astype(dtype), (array < limits.min) | (array > limits.max)


def _is_same_whole(floats: npt.NDArray[Any], whole: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    limits = np.iinfo(whole.dtype)
    wide = floats.astype(np.float64)
    fits = (wide >= float(limits.min)) & (wide < float(2 ** (limits.bits - (limits.min < 0))))
    back = np.where(fits, wide, 0).astype(whole.dtype)
    same: npt.NDArray[np.bool_] = fits & (back == whole)
    return same


def _cast_one_by_one(array: npt.NDArray[Any], dtype: np.dtype[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """The slow way, for lists that numpy could only make one array of by changing some element."""
    cast = np.zeros(array.shape, dtype=dtype)
    changed = np.zeros(array.shape, dtype=np.bool_)
    for at, element in np.ndenumerate(array):
        one = _one_number(element)
        if one is None:
            changed[at] = True
        else:
            value, bad = _cast(one, dtype)
            cast[at], changed[at] = value[()], bool(bad)
    return cast, changed


def _one_number(element: object) -> npt.NDArray[Any] | None:
    if isinstance(element, int) and not _INT64_MIN <= element <= _UINT64_MAX:
        try:
            nearest = float(element)
        except OverflowError:
            return None
        return np.asarray(nearest) if nearest == element else None
    if not isinstance(element, bool | int | float | np.bool_ | np.number):
        return None
    one = np.asarray(element)
    return one if one.dtype.kind in "biuf" else None


def _numbers_of(value: object, datatype: str, path: str) -> npt.NDArray[Any]:
    """The value as an array of numbers that are still what the caller gave, or of objects where numpy has none."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
    else:
        try:
            array = np.array(value)
        except (ValueError, OverflowError):  # ragged, or numbers that numpy has no datatype for
            return _objects_of(value, path)
        limit = _FIRST_DOUBTFUL.get(datatype, _FIRST_DOUBTFUL_ELSE)
        doubtful = array.dtype.kind == "f" and bool((np.abs(array) >= limit).any())
        if doubtful or array.dtype.kind in "US":
            return _objects_of(value, path)
    if array.dtype.name == "bfloat16":
        return array.astype(np.float32)
    if array.dtype.kind not in "biufO":
        raise Misfit(Violation(path, f"expected numbers, got {array.dtype}"))
    return array


def _objects_of(value: object, path: str) -> npt.NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value.astype(object)
    try:
        array = np.array(value, dtype=object)
    except ValueError as ragged:
        raise Misfit(Violation(path, "its rows differ in length")) from ragged
    if any(isinstance(element, list | tuple | np.ndarray) for element in array.ravel()):
        raise Misfit(Violation(path, "its rows differ in length"))
    return array


def _one_bytes(element: object) -> bytes | None:
    match element:
        case str():
            try:
                return element.encode("utf-8")
            except UnicodeEncodeError:  # half of a surrogate pair
                return None
        case bytes() | bytearray() | memoryview():
            return bytes(element)
        case _:
            return None


def _named(array: npt.NDArray[Any], changed: npt.NDArray[np.bool_], what: str, path: str) -> list[Violation]:
    places = np.argwhere(changed)
    named = []
    for place in places[:NAMED_ELEMENTS]:
        element = array[tuple(place)]
        shown = element.item() if isinstance(element, np.generic) else element
        named.append(Violation(path + "".join(f"[{index}]" for index in place), f"{_shown(shown)} {what}"))
    if len(places) > NAMED_ELEMENTS:
        named.append(Violation(path, f"{len(places) - NAMED_ELEMENTS} more elements likewise"))
    return named


def _shown(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "…"
