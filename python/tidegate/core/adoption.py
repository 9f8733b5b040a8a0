"""From a gateway's document and what it has made of it to documents of a registry: no caller moves by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.core.names import VersionName
from tidegate.core.routes import versions_of
from tidegate.core.routing import Range, RouteTable
from tidegate.core.simulation import Move, moved_buckets, stable_of, table_after
from tidegate.core.snapshots import Snapshot
from tidegate.errors import RouteUnknown

_PINNED = ("digest", "profile_digest")
"""What a document says of a version that a registry knows by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """A route as a registry takes it."""

    document: dict[str, Any]
    has_table: bool
    """Whether the gateway's table was taken over."""
    moved: Mapping[str, int]
    """Buckets of segments that go to another arm: their tables have a history that no document carries."""


def versions_named(fields: Mapping[str, Any]) -> dict[str, list[int]]:
    """The numbers of every version that a document names, by model and in order."""
    named = set(fields["versions"]).union(*(versions_of(route) for route in fields["routes"].values()))
    found: dict[str, list[int]] = {}
    for version in sorted(VersionName.parse(each) for each in named):
        found.setdefault(version.model.model, []).append(version.number)
    return found


def strayed(fields: Mapping[str, Any], applied: Snapshot) -> list[str]:
    """The routes of a document that a gateway serves otherwise: their tables are of other weights."""
    return [name for name, route in fields["routes"].items() if not _is_served(name, route, applied)]


def adopt(
    name: str,
    *,
    written: Mapping[str, Any],
    settings: Mapping[str, Any],
    filled: Mapping[str, Any],
    applied: Snapshot | None,
    names: Mapping[str, str],
) -> Adopted:
    """The document of one route.

    Args:
        name: The route.
        written: The route as the gateway's document has it.
        settings: Of versions, as the document has them.
        filled: The route with every default filled in.
        applied: What the gateway serves; None if no table is to be taken over.
        names: What each version of the document is called in the registry.
    """
    document: dict[str, Any] = {"route": name, **_renamed(written, names)}
    table = None if applied is None else _table(name, applied)
    if table is not None:
        document |= {"stable": names[table.stable], "ranges": _joined(table.ranges, names)}
    own = {
        names[version]: {key: value for key, value in (settings[version] or {}).items() if key not in _PINNED}
        for version in sorted(versions_of(filled))
        if version in settings
    }
    if own := {version: said for version, said in own.items() if said}:
        document["versions"] = own
    moved = {} if applied is None or table is None else _moved(name, filled, applied, table.stable)
    return Adopted(document=document, has_table=table is not None, moved=moved)


def _is_served(name: str, route: Mapping[str, Any], applied: Snapshot) -> bool:
    try:
        served = applied.content(name).fields
    except RouteUnknown:
        return True  # nobody has asked it yet, so nobody can move
    return bool(served["split"] == route["split"] and served["salt"] == route["salt"])


def _table(name: str, applied: Snapshot) -> RouteTable | None:
    try:
        return applied.content(name).table
    except RouteUnknown:
        return None


def _renamed(route: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A written route whose versions have their names of the registry."""
    renamed = dict(route)
    renamed["split"] = _split(route["split"], names)
    if route.get("segments"):
        renamed["segments"] = [{**each, "split": _split(each["split"], names)} for each in route["segments"]]
    if route.get("shadow"):
        renamed["shadow"] = [{**each, "to": names[each["to"]]} for each in route["shadow"]]
    if route.get("stable"):
        renamed["stable"] = names[route["stable"]]
    if route.get("ranges"):
        renamed["ranges"] = _joined([Range(*each) for each in route["ranges"]], names)
    return renamed


def _split(split: Mapping[str, int], names: Mapping[str, str]) -> dict[str, int]:
    """Two folders of the same bytes are one version, which has the weights of both."""
    renamed: dict[str, int] = {}
    for version, weight in split.items():
        renamed[names[version]] = renamed.get(names[version], 0) + weight
    return renamed


def _joined(ranges: Sequence[Range], names: Mapping[str, str]) -> list[list[Any]]:
    joined: list[list[Any]] = []
    for start, end, arm in ranges:
        if joined and joined[-1][2] == names[arm]:
            joined[-1][1] = end
        else:
            joined.append([start, end, names[arm]])
    return joined


def _moved(name: str, filled: Mapping[str, Any], applied: Snapshot, stable: str) -> dict[str, int]:
    tables = applied.only(name)["routes"][name].get("segment_tables", {})
    found = {}
    for segment in filled["segments"]:
        if segment["name"] in tables:
            was = tuple(Range(*each) for each in tables[segment["name"]]["ranges"])
            arm = stable_of(segment["split"], stable)
            becomes = table_after(None, segment["split"], stable=arm, salt=segment["salt"]).ranges
            moves: Mapping[Move, int] = moved_buckets(was, becomes)
            if count := sum(moves.values()):
                found[segment["name"]] = count
    return found
