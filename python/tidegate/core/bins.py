"""What the bins of a feature are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

OTHERS = "other known"
POOLED = "small bins, pooled"
_FEWEST_DIGITS, _MOST_DIGITS = 4, 17


def bin_labels(reference: Mapping[str, Any]) -> list[str]:
    """A label a bin, in the order of the counts: intervals and single values, or categories and the rare ones together.

    Args:
        reference: The part of a profile that is about the feature.
    """
    if reference["kind"] == "categorical":
        return [*reference["categories"], OTHERS]
    edges: Sequence[float] = reference["edges"]
    if not edges:
        return ["any"]
    digits = _digits(edges)
    is_below = [_is_right_below(low, high) for low, high in pairwise(edges)]
    values = [_value(edge, digits) for edge in edges]
    is_open = is_below[:1] == [True] and isinstance(edges[0], float)
    first = f"< {values[1]}" if is_open else f"≤ {values[0]}"
    inner = [_inner(edges, values, at, is_below) for at in range(len(edges) - 1)]
    return [first, *inner, f"> {values[-1]}"]


def _inner(edges: Sequence[float], values: Sequence[str], at: int, is_below: Sequence[bool]) -> str:
    """The values above one edge and up to the next: a single one, or an interval."""
    if is_below[at]:
        return values[at + 1]
    low = edges[at]
    if isinstance(low, int):
        return f"{low + 1} … {values[at + 1]}"
    # An edge right below a single value is there for that value's sake.
    is_open = at + 1 < len(is_below) and is_below[at + 1]
    return f"({values[at]}, {values[at + 2]})" if is_open else f"({values[at]}, {values[at + 1]}]"


def _is_right_below(low: float, high: float) -> bool:
    """Whether nothing but `high` itself lies between the two edges: a frequent value has a bin of its own."""
    if isinstance(high, int):
        return high - low == 1
    # Edges are of the tensor's own datatype, which may be narrower than a double.
    return any(_is_neighbour(low, high, kind) for kind in (np.float32, np.float64))


def _is_neighbour(low: float, high: float, kind: type[np.floating[Any]]) -> bool:
    narrow = kind(high)
    return float(narrow) == high and float(np.nextafter(narrow, kind(-np.inf))) == low


def _digits(edges: Sequence[float]) -> int:
    """The fewest digits that tell all edges apart but those right below another."""
    apart = [low for low, high in pairwise(edges) if not _is_right_below(low, high)] + [edges[-1]]
    counts = range(_FEWEST_DIGITS, _MOST_DIGITS)
    return next(
        (digits for digits in counts if len({_value(edge, digits) for edge in apart}) == len(apart)), _MOST_DIGITS
    )


def _value(edge: float, digits: int) -> str:
    return str(edge) if isinstance(edge, int) else f"{edge:.{digits}g}"
