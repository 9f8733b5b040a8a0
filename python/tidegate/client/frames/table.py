"""An answer as the columns of a frame, under the names that frames of inputs have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

_ROWS, _ROWS_AND_COLUMNS = 1, 2


def columns(outputs: Mapping[str, npt.NDArray[Any]], *, text: bool) -> dict[str, npt.NDArray[Any]]:
    """One array of shape [rows] a column: an output `y` of one value a row is `y`, one of k values `y[0]` … `y[k-1]`.

    BYTES are objects: text if asked, or else bytes.

    Raises:
        ValueError: Outputs that are no columns, or not of one number of rows; all of them are named.
        UnicodeDecodeError: BYTES that should be text and are not UTF-8.
    """
    shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
    is_flat = all(array.ndim in (_ROWS, _ROWS_AND_COLUMNS) for array in outputs.values())
    if not is_flat or len({len(array) for array in outputs.values()}) > 1:
        raise ValueError(f"A frame has as many rows in each column, and these outputs do not make one: {shapes}.")
    found: dict[str, npt.NDArray[Any]] = {}
    for name, array in outputs.items():
        plain = _decoded(array) if text and array.dtype.kind == "O" else array
        if plain.ndim == _ROWS or plain.shape[1] == 1:
            found[name] = plain.reshape(len(plain))
        else:
            found |= {f"{name}[{at}]": np.ascontiguousarray(plain[:, at]) for at in range(plain.shape[1])}
    return found


def _decoded(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    decoded = np.empty(array.size, dtype=object)
    decoded[:] = [element.decode("utf-8") for element in array.ravel()]
    return decoded.reshape(array.shape)
