"""The routes and monitors of a gateway's document, as those of a registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidegate.cli.imports_versions import WOULD_BE, VersionImport
from tidegate.config.source import read_source
from tidegate.core.adoption import Adopted, adopt
from tidegate.core.snapshots import Snapshot
from tidegate.errors import Missing

if TYPE_CHECKING:
    from tidegate.client.registry import Registry
    from tidegate.config import Document

APPLIED, SAME, LEFT_ALONE = "applied", "is so already", "is another by now: left alone"
STAY, ANEW = "stay where they are", "are dealt anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteImport:
    """What became of one route."""

    route: str
    what: str
    callers: str
    document: Mapping[str, Any]


def import_routes(
    registry: "Registry",
    document: "Document",
    applied: Snapshot | None,
    versions: Sequence[VersionImport],
    *,
    reason: str,
    dry_run: bool,
) -> list[RouteImport]:
    """Applies every route of a document whose name is new.

    Raises:
        RegistryError: As it says; what was applied before stays.
    """
    names = {each.folder: each.version for each in versions}
    is_all_there = all(each.what != WOULD_BE for each in versions)
    written = _written(document)
    found = []
    for name, filled in document.fields["routes"].items():
        adopted = adopt(
            name,
            written=written["routes"][name],
            settings=written.get("versions") or {},
            filled=filled,
            applied=applied,
            names=names,
        )
        what = _apply(registry, name, adopted, reason, dry_run=dry_run, can_plan=is_all_there)
        found.append(
            RouteImport(
                route=name,
                what=what,
                callers="-" if what == LEFT_ALONE else STAY if adopted.has_table or what == SAME else ANEW,
                document=adopted.document,
            )
        )
    return found


def import_monitors(
    registry: "Registry", document: "Document", routes: Sequence[RouteImport], *, reason: str, dry_run: bool
) -> dict[str, str]:
    """Watches the routes that a document watches, but for those that were left alone."""
    written = _written(document).get("monitors") or {}
    left_alone = {each.route for each in routes if each.what == LEFT_ALONE}
    found = {}
    for name, said in written.items():
        if name in left_alone:
            found[name] = "its route is another by now: left alone"
        elif dry_run:
            found[name] = "would be watched"
        else:
            found[name] = APPLIED if registry.watch(name, said or {}, reason=reason).has_changed else SAME
    return found


def _written(document: "Document") -> dict[str, Any]:
    """The document as it stands in its file, without defaults: those of the registry's release count from now on."""
    value: dict[str, Any] = read_source(document.text, is_json=document.path.suffix == ".json").value
    return value


def _apply(registry: "Registry", name: str, adopted: Adopted, reason: str, *, dry_run: bool, can_plan: bool) -> str:
    if not can_plan:
        return LEFT_ALONE if _is_there(registry, name) else "would be applied"
    plan = registry.plan(adopted.document)
    if not plan.changes:
        return SAME
    if plan.replaced_revision is not None:
        return LEFT_ALONE
    if dry_run:
        return "would be applied"
    registry.apply(plan, reason=reason)
    return APPLIED


def _is_there(registry: "Registry", name: str) -> bool:
    try:
        registry.route(name)
    except Missing:
        return False
    return True
