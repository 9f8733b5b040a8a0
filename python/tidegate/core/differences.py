"""What a document changes about the routes of another: field by field, and how many callers move."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tidegate.core.paths import extend_path
from tidegate.core.routing import BUCKETS, Range, RouteTable
from tidegate.core.simulation import bucket_counts, moved_buckets, stable_of, table_after


class FieldChange(NamedTuple):
    """One field that says something else; `None` where it is absent."""

    path: str
    """Within the route: `split["m/2"]`, `segments.hawaiian.when`, `shadow["m/3"].share_bp`; `segments` is their order."""
    old: Any
    new: Any


class Movement(NamedTuple):
    """How many of a split's callers another document sends to another arm."""

    share: float
    """From 0 to 1."""
    is_exact: bool
    """Counted; otherwise every caller is dealt anew, and this is what to expect of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChange:
    """What changes about one route."""

    fields: tuple[FieldChange, ...]
    movements: Mapping[str, Movement]
    """By the place of the split: `split`, `segments.hawaiian.split`; those that cannot move anybody are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What changes when one document takes the place of another."""

    added: Mapping[str, Mapping[str, Any]]
    removed: Mapping[str, Mapping[str, Any]]
    changed: Mapping[str, RouteChange]
    elsewhere: tuple[str, ...]
    """The fields beside `routes` that differ."""


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Differences:
    """Compares two documents that have every default filled in.

    How many callers move is counted as if `old` were the first document of its gateway: tables depend on their history.
    """
    before, after = old["routes"], new["routes"]
    return Differences(
        added={name: route for name, route in after.items() if name not in before},
        removed={name: route for name, route in before.items() if name not in after},
        changed={
            name: _change(before[name], route)
            for name, route in after.items()
            if name in before and before[name] != route
        },
        elsewhere=tuple(name for name in new if name != "routes" and old.get(name) != new[name]),
    )


def _change(old: Mapping[str, Any], new: Mapping[str, Any]) -> RouteChange:
    fields = (*_field_changes("", _by_name(old), _by_name(new)), *_order_changes(old["segments"], new["segments"]))
    return RouteChange(fields=fields, movements=dict(_movements(old, new)))


def _by_name(route: Mapping[str, Any]) -> dict[str, Any]:
    """A route whose segments and shadows are found by their names."""
    segments = {segment["name"]: _without(segment, "name") for segment in route["segments"]}
    shadows = {shadow["to"]: _without(shadow, "to") for shadow in route["shadow"]}
    return {**route, "segments": segments, "shadow": shadows}


def _order_changes(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[FieldChange]:
    """Whether segments that both have are asked in another order."""
    before, after = [segment["name"] for segment in old], [segment["name"] for segment in new]
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield FieldChange("segments", before, after)


def _without(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    # What is not said need not be told of.
    return {key: value for key, value in entry.items() if key != name and value is not None}


def _field_changes(path: str, old: Any, new: Any) -> Iterator[FieldChange]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            yield from _field_changes(extend_path(path, key), old.get(key), new.get(key))
    else:
        yield FieldChange(path, old, new)


def _movements(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Movement]]:
    is_keyed_alike = old["sticky"] == new["sticky"]
    before = _table(None, old, old["stable"])
    after = _table(before, new, new["stable"])
    splits = [("split", before, after)]
    earlier = {segment["name"]: segment for segment in old["segments"]}
    for segment in new["segments"]:
        if segment["name"] in earlier:
            was = _table(None, earlier[segment["name"]], earlier[segment["name"]]["stable"] or before.stable)
            becomes = _table(was, segment, segment["stable"] or after.stable)
            splits.append((f"segments.{segment['name']}.split", was, becomes))
    for place, was, becomes in splits:
        movement = _movement(was, becomes, is_keyed_alike=is_keyed_alike)
        if movement.share:
            yield place, movement


def _table(before: RouteTable | None, split: Mapping[str, Any], wish: str | None) -> RouteTable:
    stable = stable_of(split["split"], wish, before.stable if before else None)
    if split["ranges"] is not None:
        return RouteTable(salt=split["salt"], stable=stable, ranges=tuple(Range(*range_) for range_ in split["ranges"]))
    return table_after(before, split["split"], stable=stable, salt=split["salt"])


def _movement(before: RouteTable, after: RouteTable, *, is_keyed_alike: bool) -> Movement:
    if is_keyed_alike and before.salt == after.salt:
        return Movement(sum(moved_buckets(before.ranges, after.ranges).values()) / BUCKETS, is_exact=True)
    # Another hash of the caller has nothing to do with the one before: who stays does so by chance.
    was, becomes = bucket_counts(before.ranges), bucket_counts(after.ranges)
    stay = sum(count * becomes.get(arm, 0) for arm, count in was.items())
    return Movement(1 - stay / BUCKETS**2, is_exact=False)
