"""From a gateway's document and what it has made of it to documents of a registry: no caller moves by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.core.names import VersionName
from tidegate.core.routes import versions_of
from tidegate.core.routing import Range, RouteTable
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
    if applied is not None and table is not None:
        document |= {"stable": names[table.stable], "ranges": _joined(table.ranges, names)}
        if document.get("segments"):
            tables = applied.only(name)["routes"][name].get("segment_tables", {})
            document["segments"] = [_with_table(each, tables.get(each["name"]), names) for each in document["segments"]]
    own = {
        names[version]: {key: value for key, value in (settings[version] or {}).items() if key not in _PINNED}
        for version in sorted(versions_of(filled))
        if version in settings
    }
    if own := {version: said for version, said in own.items() if said}:
        document["versions"] = own
    return Adopted(document=document, has_table=table is not None)


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
        renamed["segments"] = [_renamed(each, names) for each in route["segments"]]
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


def _with_table(segment: dict[str, Any], table: Mapping[str, Any] | None, names: Mapping[str, str]) -> dict[str, Any]:
    """A segment with the table by which it is served, if it is."""
    if table is None:
        return segment
    ranges = _joined([Range(*each) for each in table["ranges"]], names)
    return {**segment, "stable": names[table["stable"]], "ranges": ranges}
