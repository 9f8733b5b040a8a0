"""What routes are and were, and the way back."""

from dataclasses import dataclass

from sqlalchemy import Connection

from tidegate.core.names import RouteName, VersionName
from tidegate.core.revisions import Cause, Target, Tenure, lives_of, rollback_target
from tidegate.core.versions import check_servable
from tidegate.errors import ChangeRefused, Missing
from tidegate.services import heads as scopes
from tidegate.services.heads import Swap
from tidegate.services.registry import Caller, Change, Receipt, Registry, check_etag
from tidegate.stores import heads, models
from tidegate.stores.heads import Head, StoredRevision

_MOST_PROVEN = 64
"""Proven revisions that are looked at for what is to stay loaded; hardly ever is the second one needed."""


def rollback(
    registry: Registry,
    caller: Caller,
    name: RouteName,
    *,
    to: int | None = None,
    etag: str = "",
) -> Receipt:
    """Has a route be what it was, and holds it there.

    Args:
        registry: The registry.
        caller: Who asks.
        name: The route.
        to: The revision; by default the newest one of an earlier change that has proven itself.
        etag: Of the route as the caller has seen it; empty if any will do.

    Returns:
        `revision` and `generation`; `passed_over`, newer revisions with the reasons why they were not taken.

    Raises:
        Missing: There is no such route or revision.
        ChangeRefused: There is nothing to roll back to, or it cannot be served.
        ChangeConflict: The route has another etag.
    """
    scope = str(name)

    def work(change: Change) -> Receipt:
        head = _head(change.connection, name)
        check_etag(etag, head.seq, scope)
        target = (
            target_of(change.connection, scope, change.now_us, registry.min_bake_us)
            if to is None
            else Target(revision=to, passed_over=())
        )
        reason = why_not(change.connection, heads.revision_of(change.connection, scope, target.revision))
        if reason is not None:
            raise ChangeRefused(
                f"{name.short} cannot be rolled back to revision {target.revision}: {reason}.",
                reason="REVISION_NOT_SERVABLE",
                resource=scope,
            )
        hold = f"rolled back by {caller.actor.name}" + (f": {caller.reason}" if caller.reason else "")
        head = scopes.repoint(change, Swap(scope=scope, cause=Cause.ROLLBACK, hold=hold), target.revision)
        passed_over = [list(violation) for violation in target.passed_over]
        return {"revision": head.revision, "generation": head.generation, "passed_over": passed_over}

    return registry.change(caller, work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A time of a route."""

    tenure: Tenure
    revision: StoredRevision
    end_us: int | None
    """None while it goes on."""


def history(
    registry: Registry, name: RouteName, *, at_us: int | None = None, before: int | None = None, limit: int = 50
) -> list[Past]:
    """The times of a route, the newest first, before a generation; with `at_us` the one that this moment is in.

    Raises:
        Missing: There is no such route, or there was none at that time.
    """
    with registry.reading() as connection:
        _head(connection, name)
        if at_us is not None:
            times = heads.tenures_at(connection, str(name), at_us)
            if not times:
                raise Missing(f"There was no route {name.short} at that time.", reason="ROUTE_MISSING", route=str(name))
        else:
            # One more than asked for: a time ends when the next one begins.
            times = heads.tenures(connection, str(name), upto=before, limit=limit + 1)
        ends = [*(tenure.begin_us for tenure in times[1:]), None]
        past = list(zip(times, ends, strict=True))
        past = (
            past[:1] if at_us is not None else [each for each in past if before is None or each[0].generation < before]
        )
        past = past[-limit:]
        revisions = heads.revisions_of(connection, str(name), [time.revision for time, _ in past])
        return [Past(tenure=time, revision=revisions[time.revision], end_us=end) for time, end in reversed(past)]


def get(registry: Registry, name: RouteName) -> tuple[Head, StoredRevision]:
    """What a route is now.

    Raises:
        Missing: There is no such route.
    """
    with registry.reading() as connection:
        head = _head(connection, name)
        return head, heads.revision_of(connection, str(name), head.revision)


def list_routes(registry: Registry, project: str, environment: str, *, after: str = "", limit: int = 50) -> list[Head]:
    """The heads of an environment's routes, in the order of names, behind an id."""
    prefix = f"projects/{project}/environments/{environment}/routes/"
    with registry.reading() as connection:
        return heads.list_under(connection, prefix, after=prefix + after, limit=limit)


def get_revision(registry: Registry, name: RouteName, number: int) -> StoredRevision:
    """A revision of a route.

    Raises:
        Missing: There is no such route or revision.
    """
    with registry.reading() as connection:
        _head(connection, name)
        return heads.revision_of(connection, str(name), number)


def list_revisions(
    registry: Registry, name: RouteName, *, before: int | None = None, limit: int = 50
) -> list[StoredRevision]:
    """Revisions of a route, the newest first, before a number.

    Raises:
        Missing: There is no such route.
    """
    with registry.reading() as connection:
        _head(connection, name)
        return heads.list_revisions(connection, str(name), before=before, limit=limit)


def target_of(connection: Connection, scope: str, now_us: int, min_bake_us: int) -> Target:
    """Where a rollback of a route leads.

    Raises:
        Missing: There is no such route.
        ChangeRefused: There is nothing to roll back to.
    """
    times = heads.tenures(connection, scope)
    if not times:
        raise missing(RouteName.parse(scope))
    return rollback_target(
        lives_of(times, now_us),
        heads.changes(connection, scope),
        current=times[-1].revision,
        min_bake_us=min_bake_us,
        # Contents are read of those alone that have proven themselves: of thousands of revisions a few.
        why_not=lambda number: why_not(connection, heads.revision_of(connection, scope, number)),
    )


def proven_target_of(connection: Connection, scope: str, current: int, now_us: int, min_bake_us: int) -> int | None:
    """The revision that a rollback of a route leads to, without what was passed over; None if there is none.

    Looked for among the newest that have proven themselves: this is asked at every change, however long the history.
    """
    lives = heads.proven(connection, scope, now_us=now_us, min_us=min_bake_us, limit=_MOST_PROVEN)
    try:
        return rollback_target(
            lives,
            heads.changes(connection, scope, {*lives, current}),
            current=current,
            min_bake_us=min_bake_us,
            why_not=lambda number: why_not(connection, heads.revision_of(connection, scope, number)),
        ).revision
    except ChangeRefused:
        return None


def why_not(connection: Connection, revision: StoredRevision) -> str | None:
    """Why a revision cannot be served now; None if it can."""
    for short, pinned in revision.content["versions"].items():
        version = models.get_version(connection, VersionName.parse(short))
        if version is None or version.artifact != pinned["digest"]:
            return f"{short} is not what it was"
        reason = check_servable(version.name, version.state)
        if reason is not None:
            return reason
    return None


def _head(connection: Connection, name: RouteName) -> Head:
    head = heads.get(connection, str(name))
    if head is None:
        raise missing(name)
    return head


def missing(name: RouteName) -> Missing:
    """The error that says that there is no such route."""
    return Missing(
        f"There is no route {name.short}: `tidegate routes list` shows what there is.",
        reason="ROUTE_MISSING",
        route=str(name),
    )
