"""Takes a version out of every route at once, and lets it come back."""

from typing import Any

from sqlalchemy import Connection

from tidegate.core import routes as compiler
from tidegate.core.names import RouteName, VersionName
from tidegate.core.revisions import Cause
from tidegate.core.versions import Standing, State, check_move
from tidegate.errors import ChangeRefused
from tidegate.services import heads as scopes
from tidegate.services.heads import Swap
from tidegate.services.registry import Caller, Change, Receipt, Registry, check_etag
from tidegate.services.routes import target_of
from tidegate.services.versions import resolve
from tidegate.stores import heads, models
from tidegate.stores.models import Version


def quarantine(registry: Registry, caller: Caller, reference: str, *, etag: str = "") -> Receipt:
    """Takes a version out of every route, in one change, and lets no route name it until it is released.

    A route goes back to what it would be rolled back to; where there is nothing, the version leaves the split, its
    segments and its shadows; where nobody else answers, the route is closed. Each is held.

    Returns:
        `version`; `routes`, the routes that changed with what became of each: `route`, `revision`, `is_closed`.

    Raises:
        ChangeRefused: It is quarantined already.
        ChangeConflict: The version has another etag.
    """

    def work(change: Change) -> Receipt:
        version = resolve(change.connection, reference)
        name = version.name
        check_etag(etag, version.seq, str(name))
        check_move(Standing(version=name, state=version.state, served_by=()), State.QUARANTINED)
        _move(change, version, State.QUARANTINED, "versions.quarantine")
        routes = [_leave(change, scope, name, registry.min_bake_us) for scope in serving(change.connection, name)]
        return {"version": str(name), "routes": routes}

    return registry.change(caller, work)


def release(registry: Registry, caller: Caller, reference: str, *, etag: str = "") -> Receipt:
    """Lets routes name a version again that was quarantined or retired; none does by itself.

    Raises:
        ChangeRefused: It is in no such state.
        ChangeConflict: The version has another etag.
    """

    def work(change: Change) -> Receipt:
        version = resolve(change.connection, reference)
        check_etag(etag, version.seq, str(version.name))
        check_move(Standing(version=version.name, state=version.state, served_by=()), State.REGISTERED)
        # What people took away, people give back; a retirement is nobody's alarm.
        action = "versions.release" if version.state is State.QUARANTINED else "versions.restore"
        return _move(change, version, State.REGISTERED, action)

    return registry.change(caller, work)


def retire(registry: Registry, caller: Caller, reference: str, *, etag: str = "") -> Receipt:
    """Says that nobody needs a version any more: its bytes may go with the next `tidegate gc`.

    Raises:
        ChangeRefused: A route needs it, or would be rolled back to it.
        ChangeConflict: The version has another etag.
    """

    def work(change: Change) -> Receipt:
        connection = change.connection
        version = resolve(connection, reference)
        check_etag(etag, version.seq, str(version.name))
        served_by = [RouteName.parse(scope).short for scope in serving(connection, version.name)]
        targets = [RouteName.parse(scope).short for scope in rolled_back_to(change, version.name, registry.min_bake_us)]
        check_move(
            Standing(version=version.name, state=version.state, served_by=served_by, rolled_back_to_by=targets),
            State.RETIRED,
        )
        return _move(change, version, State.RETIRED, "versions.retire")

    return registry.change(caller, work)


def served_by(registry: Registry, version: VersionName) -> list[str]:
    """Every route, by full name, whose head needs a version loaded."""
    with registry.reading() as connection:
        return serving(connection, version)


def serving(connection: Connection, version: VersionName) -> list[str]:
    """Every route, by full name, whose head needs a version loaded."""
    contents = heads.contents_under(connection, f"projects/{version.model.project}/environments/")
    return [scope for scope, content in contents if "/routes/" in scope and version.short in content["versions"]]


def rolled_back_to(change: Change, version: VersionName, min_bake_us: int) -> list[str]:
    """Every route, by full name, that a rollback would bring back to a version."""
    found = []
    for scope, _ in heads.contents_under(change.connection, f"projects/{version.model.project}/environments/"):
        if "/routes/" in scope:
            try:
                target = target_of(change.connection, scope, change.now_us, min_bake_us)
            except ChangeRefused:
                continue
            content = heads.revision_of(change.connection, scope, target.revision).content
            found += [scope] if version.short in content["versions"] else []
    return found


def _move(change: Change, version: Version, to: State, action: str) -> Receipt:
    """Gives a version another state, which it may have."""
    before, after = {"state": version.state.value}, {"state": to.value}
    seq = change.enter(action, str(version.name), before=before, after=after)
    models.move_version(change.connection, version.name, to, change.caller.reason, seq)
    return {"version": str(version.name), "state": to.value}


def _leave(change: Change, scope: str, version: VersionName, min_bake_us: int) -> dict[str, Any]:
    """Has a route go on without a version."""
    hold = f"{version.short} was quarantined by {change.caller.actor.name}"
    swap = Swap(scope=scope, cause=Cause.QUARANTINE, hold=hold)
    try:
        target = target_of(change.connection, scope, change.now_us, min_bake_us)
    except ChangeRefused:
        head = heads.get(change.connection, scope)
        revision = heads.revision_of(change.connection, scope, head.revision if head else 0)
        content = _without(revision.content, version.short)
        made = scopes.revise(change, swap, revision.document, content)
        return {"route": scope, "revision": made.revision, "is_closed": content["route"] is None}
    made = scopes.repoint(change, swap, target.revision)
    return {"route": scope, "revision": made.revision, "is_closed": False}


def _without(content: dict[str, Any], version: str) -> dict[str, Any]:
    route = compiler.without(content["route"], version)
    if route is None:
        return {**content, "route": None, "versions": {}}
    needed = compiler.versions_of(route)
    return {**content, "route": route, "versions": {v: said for v, said in content["versions"].items() if v in needed}}
