"""What the gateways of an environment are to serve: the contents of all heads, and what they may go back to."""

from typing import Any

from sqlalchemy import Connection

from tidegate.core.publications import Publication
from tidegate.core.revisions import Cause
from tidegate.errors import ChangeRefused
from tidegate.services.registry import Registry
from tidegate.services.routes import MIN_BAKE_US, target_of
from tidegate.stores import heads, journal


def publication(registry: Registry, project: str, environment: str) -> Publication:
    """What an environment is now."""
    prefix = f"projects/{project}/environments/{environment}/"
    with registry.reading() as connection:
        end = journal.end(connection)
        routes: dict[str, Any] = {}
        versions: dict[str, Any] = {}
        for scope, content in heads.contents_under(connection, f"{prefix}routes/"):
            if content["route"] is None:
                continue
            routes[scope.rpartition("/")[2]] = content["route"]
            for version, pinned in {**_warm(connection, scope, registry.now_us()), **content["versions"]}.items():
                versions.setdefault(version, pinned)
        contents = heads.contents_under(connection, f"{prefix}monitors/")
        monitors = {scope.rpartition("/")[2]: content for scope, content in contents}
    return Publication(
        instance=end.instance,
        incarnation=end.incarnation,
        epoch=end.seq,
        routes=routes,
        versions=versions,
        monitors={route: monitor for route, monitor in monitors.items() if route in routes},
    )


def _warm(connection: Connection, scope: str, now_us: int) -> dict[str, Any]:
    """The versions that a rollback of a route needs, for as long as they are kept warm."""
    newest = heads.tenures(connection, scope, limit=2)
    if len(newest) < len(("before", "now")) or newest[-1].cause is Cause.QUARANTINE:
        return {}
    before, now = newest
    content = heads.revision_of(connection, scope, now.revision).content
    if now_us > now.begin_us + content["keep_warm_s"] * 1_000_000:
        return {}
    try:
        target = target_of(connection, scope, now_us, MIN_BAKE_US).revision
    except ChangeRefused:
        target = before.revision
    kept: dict[str, Any] = heads.revision_of(connection, scope, target).content["versions"]
    return kept
