"""Who moved when the weights changed, and who should have: told from tail numbers and tables alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidegate.core.routing import BUCKETS, Range, allocate, bucket
from tidegate.core.simulation import ArmFinder, moved_buckets


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
    find_old, find_new = ArmFinder(old), ArmFinder(new)
    expected = {tail: (find_old.arm_of(place), find_new.arm_of(place)) for tail, place in places.items()}
    seen = {tail: (before[tail], after[tail]) for tail in both}
    return Moves(
        aircraft=len(both),
        moved=Counter(pair for pair in seen.values() if pair[0] != pair[1]),
        expected=sum(pair[0] != pair[1] for pair in expected.values()),
        surprises=sum(seen[tail] != expected[tail] for tail in both),
        share=sum(moved_buckets(old, new).values()) / BUCKETS,
    )
