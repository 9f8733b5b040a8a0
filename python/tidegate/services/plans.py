"""Plans: what a route's document would change, looked at before it is applied."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tidegate.core import guard
from tidegate.core import routes as compiler
from tidegate.core.canonical import digest_of
from tidegate.core.manifests import Evidence
from tidegate.core.names import RouteName
from tidegate.core.patches import Operation, diff
from tidegate.core.revisions import Cause
from tidegate.core.signatures import breaks
from tidegate.core.versions import check_servable
from tidegate.errors import ChangeConflict, ChangeRefused, InputRefused, Missing, Violation
from tidegate.services import heads as scopes
from tidegate.services.heads import Swap
from tidegate.services.registry import Caller, Change, Receipt, Registry, check_etag
from tidegate.services.routes import missing
from tidegate.services.versions import resolve
from tidegate.stores import artifacts, heads
from tidegate.stores import plans as stored
from tidegate.stores.models import Version
from tidegate.stores.plans import Plan

PLAN_LIVES_US = 3600 * 1_000_000
"""How long a plan may be applied: long enough to be read by another, too short to be forgotten."""
_ID_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A change that was looked at."""

    plan: Plan
    changes: Sequence[Operation]
    """What callers will find otherwise; empty if nothing changes."""
    loads: Sequence[tuple[str, int]]
    """Versions that no head needs now, with their size in bytes."""
    breaking: Sequence[Violation]
    """What callers of the versions that answer now would find broken."""
    replaces: int | None
    """The revision that it takes the place of: where a rollback leads once that has proven itself."""


def plan(registry: Registry, caller: Caller, document: dict[str, Any]) -> Planned:
    """Looks at what a document would change, and keeps that for an hour.

    Raises:
        InputRefused: The document breaks rules.
        Missing: It names what is not there.
        Forbidden: The caller may not.
    """

    def work(change: Change) -> Receipt:
        kept, _ = _compile(change, document)
        guard.allow(caller.actor, "routes.plan", kept.scope, before=None, after=None)
        stored.keep(change.connection, kept, now_us=change.now_us)
        return {"plan": kept.id}

    return get(registry, registry.change(caller, work)["plan"])


def kept(registry: Registry, plan_id: str) -> Plan:
    """A plan as it was made.

    Raises:
        Missing: There is no such plan; plans go some time after they are over.
    """
    with registry.reading() as connection:
        return _kept(connection, plan_id)


def get(registry: Registry, plan_id: str) -> Planned:
    """A plan, against what the route is now.

    Raises:
        Missing: There is no such plan; plans go some time after they are over.
    """
    with registry.reading() as connection:
        kept = _kept(connection, plan_id)
        loaded = _loaded(connection, kept.scope)
        sizes = {version: pinned["size_bytes"] for version, pinned in kept.content["versions"].items()}
        known = heads.get(connection, kept.scope)
        current = None if known is None else heads.revision_of(connection, kept.scope, known.revision).content
        return Planned(
            plan=kept,
            changes=diff(current, kept.content),
            loads=[(version, size_bytes) for version, size_bytes in sizes.items() if version not in loaded],
            breaking=_breaking(connection, current, kept.content),
            replaces=None if known is None else known.revision,
        )


def apply(
    registry: Registry, caller: Caller, plan_id: str, *, allow_breaking: bool = False, release_hold: bool = False
) -> Receipt:
    """Makes a planned change, if nothing has changed since.

    Returns:
        `revision` and `generation` of the route; `changed`, whether there was anything to do.

    Raises:
        Missing: There is no such plan.
        ChangeConflict: The plan is over, or the route or what its references mean has changed.
        ChangeRefused: The route is held, or callers would break.
        Forbidden: The caller may not.
    """

    def work(change: Change) -> Receipt:
        kept = _kept(change.connection, plan_id)
        _check_fresh(change, kept)
        fresh, current = _compile(change, kept.document)
        if (fresh.digest, fresh.base_generation) != (kept.digest, kept.base_generation):
            raise ChangeConflict(
                f"The plan for {kept.scope} is stale: the route, or a version that it names, changed. Plan again.",
                reason="PLAN_STALE",
                resource=kept.scope,
            )
        breaking = [] if allow_breaking else _breaking(change.connection, current, kept.content)
        if breaking:
            reasons = "; ".join(f"{path}: {reason}" for path, reason in breaking)
            raise ChangeRefused(
                f"Callers of {kept.scope} would break ({reasons}): say --allow-breaking if they know.",
                reason="SIGNATURE_BREAKS",
                violations=tuple(breaking),
                resource=kept.scope,
            )
        known = heads.get(change.connection, kept.scope)
        if known is not None and current == kept.content and known.hold is None:
            return {"revision": known.revision, "generation": known.generation, "changed": False}
        swap = Swap(scope=kept.scope, cause=Cause.APPLY, expected=kept.base_generation, releases_hold=release_hold)
        head = scopes.revise(change, swap, kept.document, kept.content)
        return {"revision": head.revision, "generation": head.generation, "changed": True}

    return registry.change(caller, work)


def switch(
    registry: Registry, caller: Caller, name: RouteName, *, release_hold: bool = False, etag: str = ""
) -> Receipt:
    """Lets what the segment `preview` was for a few answer all, in one step; a rollback is the way back.

    Returns:
        `revision` and `generation` of the route.

    Raises:
        Missing: There is no such route.
        InputRefused: It has no segment of this name.
        ChangeRefused: It is held.
        ChangeConflict: It has another etag.
    """
    scope = str(name)

    def work(change: Change) -> Receipt:
        known = heads.get(change.connection, scope)
        if known is None:
            raise missing(name)
        check_etag(etag, known.seq, scope)
        written = heads.revision_of(change.connection, scope, known.revision).document
        plan, _ = _compile(change, compiler.switched(written))
        swap = Swap(scope=scope, cause=Cause.SWITCH, expected=plan.base_generation, releases_hold=release_hold)
        head = scopes.revise(change, swap, plan.document, plan.content)
        return {"revision": head.revision, "generation": head.generation}

    return registry.change(caller, work)


def _compile(change: Change, document: dict[str, Any]) -> tuple[Plan, dict[str, Any] | None]:
    """The plan for a document, and the content that it would replace."""
    connection = change.connection
    written = compiler.read(document)
    scope = str(written.name)
    known = heads.get(connection, scope)
    current = None if known is None else heads.revision_of(connection, scope, known.revision).content
    previous = None if current is None else current["route"]
    # By short name, so that each is read once.
    found: dict[str, Version] = {}
    compiled = compiler.compile_route(written, lambda reference: _servable(connection, reference, found), previous)
    content = {
        "route": compiled.route,
        "versions": {
            version: _pinned(connection, found[version], compiled.settings[version])
            for version in sorted(compiler.versions_of(compiled.route))
        },
        "keep_warm_s": written.keep_warm_s,
        "about": written.about,
    }
    base_generation, digest = 0 if known is None else known.generation, digest_of(content)
    named = digest_of({"scope": scope, "base": base_generation, "content": digest, "at_us": change.now_us})
    plan = Plan(
        id=named.removeprefix("sha256:")[:_ID_DIGITS],
        scope=scope,
        base_generation=base_generation,
        document=document,
        content=content,
        digest=digest,
        expire_us=change.now_us + PLAN_LIVES_US,
    )
    return plan, current


def _kept(connection: Connection, plan_id: str) -> Plan:
    kept = stored.get(connection, plan_id)
    if kept is None:
        raise Missing(
            f"There is no plan {plan_id}: make one with `tidegate routes plan`.", reason="PLAN_MISSING", plan=plan_id
        )
    return kept


def _check_fresh(change: Change, kept: Plan) -> None:
    if kept.expire_us <= change.now_us:
        raise ChangeConflict(
            f"The plan for {kept.scope} is over: plan again, and look again.",
            reason="PLAN_EXPIRED",
            resource=kept.scope,
        )


def _servable(connection: Connection, reference: str, found: dict[str, Version]) -> str:
    version = found.get(reference) or resolve(connection, reference)
    found[version.name.short] = version
    reason = check_servable(version.name, version.state)
    if reason is not None:
        raise InputRefused(reason, reason="VERSION_NOT_SERVABLE")
    return version.name.short


def _pinned(connection: Connection, version: Version, settings: dict[str, Any]) -> dict[str, Any]:
    """What a revision says of a version: its digests, and how it is run."""
    profiles = [a for a in artifacts.attached(connection, version.artifact) if a.kind == Evidence.PROFILE.value]
    return {
        "digest": version.artifact,
        "files": version.files,
        "size_bytes": artifacts.of(connection, version.artifact).size_bytes,
        # The newest one judges from now on; what was judged before stays with its revision.
        "profile": profiles[-1].manifest["layers"][0]["digest"] if profiles else None,
        "settings": settings,
    }


def _loaded(connection: Connection, scope: str) -> set[str]:
    """Every version that a head of the same environment needs."""
    contents = heads.contents_under(connection, scope.rpartition("/")[0] + "/")
    return {version for _, content in contents for version in content["versions"]}


def _breaking(connection: Connection, current: dict[str, Any] | None, content: dict[str, Any]) -> list[Violation]:
    if current is None or current["route"] is None:
        return []
    new = sorted(compiler.answering(content["route"]) - compiler.answering(current["route"]))
    if not new:
        return []
    old = resolve(connection, current["route"]["stable"])
    return [
        Violation(f"{version}: {path}", reason)
        for version in new
        for path, reason in breaks(old.signature, resolve(connection, version).signature)
    ]
