"""Who moves when weights change: buckets counted exactly, and every key of a list by its name."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from tidegate.core.routing import BUCKETS, Range, RouteTable, allocate, bucket


class Move(NamedTuple):
    """From one arm to another."""

    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMove:
    """A key whose caller is answered by another arm."""

    key: bytes
    move: Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What a change of weights does to the callers of a route."""

    before: RouteTable
    after: RouteTable
    moved_buckets: Mapping[Move, int]
    """How many of the 2^32 buckets change from one arm to another."""
    keys_before: Counter[str]
    """How many of the keys each arm answers now."""
    keys_after: Counter[str]
    key_moves: tuple[KeyMove, ...]
    """The keys that move, in their order."""


def simulate(before: RouteTable, weights: Mapping[str, int], *, stable: str, keys: Iterable[bytes] = ()) -> Simulation:
    """What happens when the weights of a route become `weights`.

    Args:
        before: The table in force.
        weights: The new weight of each arm, any scale.
        stable: The arm that everything falls back to under the new weights.
        keys: Sticky values as they are hashed.
    """
    after = table_after(before, weights, stable=stable, salt=before.salt)
    find_before, find_after = ArmFinder(before.ranges), ArmFinder(after.ranges)
    keys_before, keys_after = Counter[str](), Counter[str]()
    key_moves = []
    for key in keys:
        place = bucket(before.salt, key)
        move = Move(find_before.arm_of(place), find_after.arm_of(place))
        keys_before[move.before] += 1
        keys_after[move.after] += 1
        if move.before != move.after:
            key_moves.append(KeyMove(key=key, move=move))
    return Simulation(
        before=before,
        after=after,
        moved_buckets=moved_buckets(before.ranges, after.ranges),
        keys_before=keys_before,
        keys_after=keys_after,
        key_moves=tuple(key_moves),
    )


def table_after(before: RouteTable | None, weights: Mapping[str, int], *, stable: str, salt: str) -> RouteTable:
    """The table that a gateway makes for `weights`: the smallest change of one with the same salt, or all anew."""
    previous = before.ranges if before and before.salt == salt else ()
    return RouteTable(salt=salt, stable=stable, ranges=allocate(previous, weights, stable=stable))


def moved_buckets(before: Sequence[Range], after: Sequence[Range]) -> dict[Move, int]:
    """How many buckets change from one arm to another; both tables are sorted and cover every bucket."""
    find_before, find_after = ArmFinder(before), ArmFinder(after)
    moved = Counter[Move]()
    for start, end in pairwise(sorted({range_.start for range_ in (*before, *after)} | {BUCKETS})):
        move = Move(find_before.arm_of(start), find_after.arm_of(start))
        if move.before != move.after:
            moved[move] += end - start
    return dict(moved)


def bucket_counts(ranges: Iterable[Range]) -> dict[str, int]:
    """How many of the 2^32 buckets each arm of a table has."""
    counts = Counter[str]()
    for range_ in ranges:
        counts[range_.arm] += range_.end - range_.start
    return dict(counts)


def stable_of(weights: Mapping[str, int], *wishes: str | None) -> str:
    """The arm that everything falls back to: the first of `wishes` that is an arm, else the heaviest, ties by name."""
    heaviest = min(weights, key=lambda arm: (-weights[arm], arm))
    return next((wish for wish in wishes if wish is not None and wish in weights), heaviest)


class ArmFinder:
    """Looks up which arm of a table has a bucket."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        """Takes the ranges of a table: sorted, and every bucket in one of them."""
        self._ranges = ranges
        self._starts = [range_.start for range_ in ranges]

    def arm_of(self, place: int) -> str:
        """The arm that has a bucket."""
        return self._ranges[bisect_right(self._starts, place) - 1].arm
