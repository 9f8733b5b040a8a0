"""A column of a frame, whichever library it came from, and how its values become those of an input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.client.values import NAMED_ELEMENTS, Misfit
from tidegate.datatypes import BYTES, FLOATS
from tidegate.errors import Violation

# The largest whole number up to which FP64 has all of them.
_LAST_EXACT = 2**53


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """The values of one column."""

    label: Any
    """As the frame has it; of pandas it need not be text."""

    dtype: str
    """As the library names it, for people."""

    values: npt.NDArray[Any] | None
    """Bools, integers or floats, or objects where it holds text or bytes, of shape [rows]; None if it holds other things."""

    nulls: npt.NDArray[np.bool_] | None = None
    """Where it holds nothing, whatever `values` says there; None if it holds something everywhere."""

    def fitting(self, datatype: str, path: str) -> npt.NDArray[Any]:
        """The values for an input of this datatype; a null is NaN where the datatype has one.

        Raises:
            Misfit: It holds things of another kind, or nulls that the datatype has no value for.
        """
        is_text = self.values is not None and self.values.dtype.kind == "O"
        if self.values is None or is_text != (datatype == BYTES):
            expected = "text or bytes" if datatype == BYTES else "numbers"
            raise Misfit(Violation(path, f"expected {expected} for {datatype}, got a column of {self.dtype}"))
        if self.nulls is not None and self.nulls.any():
            if datatype not in FLOATS:
                raise Misfit(*self._named_nulls(self.nulls, datatype, path))
            return _with_nan(self.values, self.nulls)
        # Arrays of uint16 are the bits of BF16; a column of them is numbers.
        return self.values.astype(np.int32) if self.values.dtype == np.uint16 else self.values

    def _named_nulls(self, nulls: npt.NDArray[np.bool_], datatype: str, path: str) -> list[Violation]:
        rows = np.flatnonzero(nulls)
        named = [
            Violation(f"{path}[{row}]", f"is null, which {datatype} has no value for") for row in rows[:NAMED_ELEMENTS]
        ]
        if len(rows) > NAMED_ELEMENTS:
            named.append(Violation(path, f"{len(rows) - NAMED_ELEMENTS} more elements likewise"))
        return named


def _with_nan(source: npt.NDArray[Any], nulls: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Floats, or objects where floats cannot hold every number of the column."""
    if source.dtype.kind in "iu" and bool(((source > _LAST_EXACT) | (source < -_LAST_EXACT)).any()):
        with_nan = source.astype(object)
    else:
        with_nan = source.astype(source.dtype if source.dtype.kind == "f" else np.float64)
    with_nan[nulls] = np.nan
    return with_nan
