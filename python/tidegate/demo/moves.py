"""Who moved when the weights changed, and who should have: told from tail numbers and tables alone."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidegate.core.routing import BUCKETS, Range, allocate, bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What a change of weights did to the aircraft that were asked about before and after it."""

    aircraft: int
    moved: Counter[tuple[str, str]]
    """How many went from which version to which."""
    expected: int
    """How many had to, by arithmetic."""
    surprises: int
    """Aircraft that were not where arithmetic puts them, before or after."""
    share: float
    """The part of all possible callers that has to move."""


def tables(before: Mapping[str, int], after: Mapping[str, int], stable: str) -> tuple[tuple[Range, ...], ...]:
    """The tables of two weights, the second reached from the first."""
    first = allocate((), before, stable=stable)
    return first, allocate(first, after, stable=stable)


def compare(
    before: Mapping[str, str], after: Mapping[str, str], old: Sequence[Range], new: Sequence[Range], salt: str
) -> Moves:
    """Hold who was answered by which version against the tables; `before` and `after` are versions by tail number."""
    both = before.keys() & after.keys()
    places = {tail_number: bucket(salt, tail_number) for tail_number in both}
    expected = {tail: (_owner(old, place), _owner(new, place)) for tail, place in places.items()}
    seen = {tail: (before[tail], after[tail]) for tail in both}
    stays = sum(max(0, min(a.end, b.end) - max(a.start, b.start)) for a in old for b in new if a.arm == b.arm)
    return Moves(
        aircraft=len(both),
        moved=Counter(pair for pair in seen.values() if pair[0] != pair[1]),
        expected=sum(pair[0] != pair[1] for pair in expected.values()),
        surprises=sum(seen[tail] != expected[tail] for tail in both),
        share=1 - stays / BUCKETS,
    )


def _owner(table: Sequence[Range], place: int) -> str:
    return table[bisect_right(table, place, key=lambda piece: piece.start) - 1].arm
