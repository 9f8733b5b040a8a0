"""What the gateways of an environment are to serve: the contents of all heads, and what they may go back to."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tidegate.core.publications import Publication
from tidegate.core.revisions import Cause
from tidegate.services.registry import Registry
from tidegate.services.routes import MIN_BAKE_US, proven_target_of
from tidegate.stores import heads, journal

_MOST_ENTRIES = 1_000
"""After more changes than this everything is read anew."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What one route or monitor adds."""

    content: dict[str, Any]
    warm: Mapping[str, Any]
    """The versions that a rollback needs, by short name."""
    warm_until_us: int


class Publications:
    """Makes the publications of one environment; reads of the registry what has changed since the one before."""

    def __init__(self, registry: Registry, project: str, environment: str) -> None:
        """Reads nothing yet."""
        self._registry = registry
        self._prefix = f"projects/{project}/environments/{environment}/"
        self._lock = threading.Lock()
        self._parts: dict[str, _Part] = {}
        self._seq = -1
        """The journal entry that the parts know of; below zero they know nothing."""

    def newest(self) -> Publication:
        """What the environment is now."""
        with self._lock, self._registry.reading() as connection:
            end = journal.end(connection)
            self._catch_up(connection, end.seq)
            now_us = self._registry.now_us()
            routes = self._under("routes")
            versions: dict[str, Any] = {}
            for part in routes.values():
                warm = part.warm if now_us <= part.warm_until_us else {}
                versions = {**warm, **versions, **part.content["versions"]}
            return Publication(
                instance=end.instance,
                incarnation=end.incarnation,
                epoch=end.seq,
                routes={route: part.content["route"] for route, part in routes.items()},
                versions=versions,
                monitors={route: part.content for route, part in self._under("monitors").items() if route in routes},
            )

    def _under(self, collection: str) -> dict[str, _Part]:
        """The parts of a kind that are served, by the id of the route, in the order of names."""
        prefix = f"{self._prefix}{collection}/"
        parts = {scope.removeprefix(prefix): part for scope, part in self._parts.items() if scope.startswith(prefix)}
        # A route that nobody is left to answer is closed.
        return {name: part for name, part in sorted(parts.items()) if part.content.get("route", part) is not None}

    def _catch_up(self, connection: Connection, seq: int) -> None:
        changed = None if self._seq < 0 else self._changed(connection)
        if changed is None:
            self._parts = {
                scope: self._part(connection, scope, content)
                for scope, content in heads.contents_under(connection, self._prefix)
            }
        else:
            for scope in changed:
                head = heads.get(connection, scope)
                if head is not None:
                    content = heads.revision_of(connection, scope, head.revision).content
                    self._parts[scope] = self._part(connection, scope, content)
        self._seq = seq

    def _changed(self, connection: Connection) -> set[str] | None:
        """The scopes that have changed; None if all may have."""
        entries = journal.after_resources(connection, self._seq, limit=_MOST_ENTRIES)
        # A version's state decides what its routes may go back to.
        if len(entries) == _MOST_ENTRIES or any("/versions/" in resource for resource in entries):
            return None
        return {resource for resource in entries if resource.startswith(self._prefix)}

    def _part(self, connection: Connection, scope: str, content: dict[str, Any]) -> _Part:
        none = _Part(content=content, warm={}, warm_until_us=0)
        newest = heads.tenures(connection, scope, limit=2)
        if "route" not in content or len(newest) < len(("before", "now")) or newest[-1].cause is Cause.QUARANTINE:
            return none
        before, now = newest
        proven = proven_target_of(connection, scope, now.revision, self._registry.now_us(), MIN_BAKE_US)
        target = before.revision if proven is None else proven
        warm = heads.revision_of(connection, scope, target).content["versions"]
        return _Part(content=content, warm=warm, warm_until_us=now.begin_us + content["keep_warm_s"] * 1_000_000)
