"""The document of one route, from how it is written to what a gateway gets: references resolved, tables computed.

A route's document has the fields of `routes.<name>` in a gateway document, and beside them its name and what goes with it:

    route: flight-delay
    split: {"flight-delay@champion": 90, "flight-delay/4": 10}
    versions: {"flight-delay/4": {intra_op_threads: 2}}
    keep_warm_s: 86400
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.documents import fill_in
from tidegate.core.names import DEFAULT, RouteName
from tidegate.core.routing import Range, RouteTable
from tidegate.core.simulation import stable_of, table_after
from tidegate.errors import DocumentRefused, InputRefused, NameRefused, RegistryError, Violation

PREVIEW = "preview"
"""The segment that a switch makes the split."""
KEEP_WARM_S = 24 * 3600
"""How long what a change replaces stays loaded, unless its document says otherwise: a working day and its night."""
_OWN = ("route", "versions", "keep_warm_s", "owner", "contact", "runbook")
_MOST_KEEP_WARM_S = 90 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A route's document, taken apart."""

    name: RouteName
    route: dict[str, Any]
    """The fields of a gateway document's route; its form is not checked yet."""
    settings: dict[str, Any]
    """Of versions, by reference."""
    keep_warm_s: int
    about: dict[str, str]
    """`owner`, `contact` and `runbook`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A route as a gateway gets it."""

    route: dict[str, Any]
    """Every default filled in, references resolved to `model/3`; it and its segments with stable arm and range table."""
    settings: dict[str, Any]
    """Of every version that it needs loaded, by `model/3`."""


def read(document: Any) -> Written:
    """Takes a document apart.

    Raises:
        InputRefused: It has no name, or what stands beside the route is wrong; all places are named.
    """
    if not isinstance(document, Mapping):
        raise refused([Violation("", f"must be a mapping, got {type(document).__name__}")])
    violations = []
    try:
        name = RouteName.parse(str(document.get("route", "")))
    except NameRefused as error:
        violations.append(Violation("route", error.message))
        name = RouteName(DEFAULT, DEFAULT, "unnamed")
    settings = document.get("versions", {})
    if not isinstance(settings, Mapping):
        violations.append(Violation("versions", "must be a mapping of versions to their settings"))
    keep_warm_s = document.get("keep_warm_s", KEEP_WARM_S)
    if type(keep_warm_s) is not int or not 0 <= keep_warm_s <= _MOST_KEEP_WARM_S:
        violations.append(
            Violation("keep_warm_s", f"must be seconds from 0 to {_MOST_KEEP_WARM_S} (90 days), got {keep_warm_s!r}")
        )
    about = {field: document.get(field, "") for field in ("owner", "contact", "runbook")}
    violations += [Violation(field, "must be text") for field, value in about.items() if not isinstance(value, str)]
    if violations:
        raise refused(violations)
    route = {field: value for field, value in document.items() if field not in _OWN}
    return Written(name=name, route=route, settings=dict(settings), keep_warm_s=keep_warm_s, about=about)


def compile_route(written: Written, resolve: Callable[[str], str], previous: Mapping[str, Any] | None) -> Compiled:
    """Resolves references, fills in defaults, and computes the table that moves the fewest callers from `previous`.

    Args:
        written: The document.
        resolve: The version, as `model/3`, that a reference means now.
        previous: The route as it is served; None if it is new.

    Raises:
        InputRefused: The document breaks rules, or names what is not there; all places are named.
    """
    violations: list[Violation] = []

    def found(path: str, reference: Any) -> Any:
        if not isinstance(reference, str):
            return reference
        try:
            return resolve(reference)
        except RegistryError as error:
            violations.append(Violation(path, error.message))
            return reference

    route = _with_versions(written.route, found)
    settings = {found(f"versions.{reference}", reference): said for reference, said in written.settings.items()}
    if violations:
        raise refused(violations)
    name = written.name.route
    try:
        filled = fill_in({"routes": {name: route}, "versions": settings})
    except DocumentRefused as error:
        raise refused([Violation(_own_path(path, name), reason) for path, reason, _ in error.violations]) from None
    route = filled["routes"][name]
    _give_tables(route, previous)
    return Compiled(route=route, settings=filled["versions"])


def versions_of(route: Mapping[str, Any]) -> set[str]:
    """Every version that a compiled route needs loaded."""
    splits = [route["split"], *(segment["split"] for segment in route["segments"])]
    return {version for split in splits for version in split} | {shadow["to"] for shadow in route["shadow"]}


def answering(route: Mapping[str, Any]) -> set[str]:
    """Every version that answers callers of a compiled route."""
    splits = [route["split"], *(segment["split"] for segment in route["segments"])]
    return {version for split in splits for version, weight in split.items() if weight}


def without(route: Mapping[str, Any], version: str) -> dict[str, Any] | None:
    """A compiled route with a version taken out, where only its callers move; None if nobody is left to answer."""
    left = _without_arm(route, version)
    if not any(left["split"].values()):
        return None
    segments = [_without_arm(segment, version) for segment in route["segments"]]
    # A segment without anybody falls back to the split.
    left["segments"] = [segment for segment in segments if any(segment["split"].values())]
    left["shadow"] = [shadow for shadow in route["shadow"] if shadow["to"] != version]
    _give_tables(left, route)
    return left


def _without_arm(part: Mapping[str, Any], version: str) -> dict[str, Any]:
    """A route or a segment without an arm, and without the table that had it."""
    split = {arm: weight for arm, weight in part["split"].items() if arm != version}
    return {**part, "split": split, "ranges": None}


def switched(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document in which what the segment `preview` was for a few is the split for all: the second half of blue-green.

    Raises:
        InputRefused: The document has no such segment.
    """
    segments = document.get("segments", [])
    preview = next((segment for segment in segments if segment.get("name") == PREVIEW), None)
    if preview is None:
        names = ", ".join(str(segment.get("name")) for segment in segments) or "none"
        raise refused([Violation("segments", f"has no segment {PREVIEW!r} to switch to; there are: {names}")])
    others = [segment for segment in segments if segment is not preview]
    kept = {name: value for name, value in document.items() if name not in ("stable", "ranges")}
    return {**kept, "split": preview["split"], "segments": others}


def refused(violations: list[Violation]) -> InputRefused:
    """All places of a document that break rules, as one error."""
    sentences = "; ".join(f"{path}: {reason}" if path else reason for path, reason in violations)
    return InputRefused(f"The route is refused: {sentences}.", reason="ROUTE_REFUSED", violations=tuple(violations))


def _with_versions(route: Mapping[str, Any], found: Callable[[str, Any], Any]) -> dict[str, Any]:
    """The route with every reference put through `found`; what has another form is left for the compiler to refuse."""

    def split(path: str, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        resolved: dict[Any, Any] = {}
        for reference, weight in value.items():
            version = found(f"{path}.{reference}", reference)
            # Two references to one version share its arm.
            known = resolved.get(version, 0)
            resolved[version] = known + weight if isinstance(known, int) and isinstance(weight, int) else weight
        return resolved

    def each(path: str, value: Any, one: Callable[[str, Mapping[str, Any]], Any]) -> Any:
        if not isinstance(value, list):
            return value
        return [one(f"{path}[{at}]", item) if isinstance(item, Mapping) else item for at, item in enumerate(value)]

    def segment(path: str, item: Mapping[str, Any]) -> Any:
        changed = {**item, "split": split(f"{path}.split", item["split"])} if "split" in item else dict(item)
        if item.get("stable") is not None:
            changed["stable"] = found(f"{path}.stable", item["stable"])
        return changed

    def shadow(path: str, item: Mapping[str, Any]) -> Any:
        return {**item, "to": found(f"{path}.to", item["to"])} if "to" in item else item

    changed = dict(route)
    if "split" in route:
        changed["split"] = split("split", route["split"])
    if route.get("stable") is not None:
        changed["stable"] = found("stable", route["stable"])
    changed["segments"] = each("segments", route.get("segments", []), segment)
    changed["shadow"] = each("shadow", route.get("shadow", []), shadow)
    return changed


def _give_tables(route: dict[str, Any], previous: Mapping[str, Any] | None) -> None:
    _give_table(route, previous, [])
    segments = {} if previous is None else {segment["name"]: segment for segment in previous["segments"]}
    for segment in route["segments"]:
        _give_table(segment, segments.get(segment["name"]), [route["stable"]])


def _give_table(part: dict[str, Any], previous: Mapping[str, Any] | None, wishes: list[str]) -> None:
    """Gives a route, or a segment of one, its stable arm and, unless it has one, the table that moves the fewest callers.

    The arm before is wished, so that a ramp past one half can be walked back.
    """
    before = previous or {}
    part["stable"] = stable_of(part["split"], part.get("stable"), *wishes, before.get("stable"))
    if part["ranges"] is None:
        table = None
        # Segments of older revisions have none.
        if before.get("ranges"):
            ranges = tuple(Range(*range_) for range_ in before["ranges"])
            table = RouteTable(salt=before["salt"], stable=before["stable"], ranges=ranges)
        table = table_after(table, part["split"], stable=part["stable"], salt=part["salt"])
        part["ranges"] = [list(range_) for range_ in table.ranges]


def _own_path(path: str, name: str) -> str:
    """A path of the gateway document as one of the route's."""
    return path.removeprefix(f"routes.{name}").removeprefix(".")
