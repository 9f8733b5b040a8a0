"""Where a key falls and how buckets are shared out: the typed face of the native routing core."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tidegate import _native

BUCKETS = 2**32
"""How many buckets there are: buckets are the numbers from 0 up to, not including, this."""


class Range(NamedTuple):
    """Buckets from `start` up to, not including, `end` belong to `arm`."""

    start: int
    end: int
    arm: str


def bucket(salt: str, key: bytes | str) -> int:
    """The bucket of a key under a salt; a text is hashed as its UTF-8 bytes."""
    return _native.bucket(salt, key.encode() if isinstance(key, str) else key)


def allocate(previous: Sequence[Range], weights: Mapping[str, int], *, stable: str) -> tuple[Range, ...]:
    """The range table for `weights` that moves the fewest buckets away from `previous`.

    Args:
        previous: The table in force, whole and sorted; empty when `stable` has had everything so far.
        weights: Weight of each arm, 0 to 2^64 - 1, any scale; arms that it does not name lose what they have.
        stable: The arm that everything falls back to; it gives up its highest buckets, all others their lowest.

    Raises:
        ValueError: No arm has a weight, or `previous` is not a table.
    """
    ranges = _native.allocate(list[tuple[int, int, str]](previous), dict(weights), stable)
    return tuple(Range(*range_) for range_ in ranges)
