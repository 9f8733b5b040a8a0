"""What the gateways of an environment are to serve: the contents of all heads, and what they may go back to."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tidegate.core.publications import Publication
from tidegate.core.revisions import Cause
from tidegate.services.registry import Registry
from tidegate.services.routes import proven_target_of
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
        self._routes: dict[str, _Part] = {}
        """By the id of the route, as are the monitors."""
        self._monitors: dict[str, _Part] = {}
        self._seq = -1
        """The journal entry that the parts know of; below zero they know nothing."""

    def newest(self) -> Publication:
        """What the environment is now."""
        with self._lock, self._registry.reading() as connection:
            end = journal.end(connection)
            self._catch_up(connection, end.seq)
            now_us = self._registry.now_us()
            # A route that nobody is left to answer is closed.
            served = {name: part.content for name, part in self._routes.items() if part.content["route"] is not None}
            versions: dict[str, Any] = {}
            for part in self._routes.values():
                if part.warm and now_us <= part.warm_until_us and part.content["route"] is not None:
                    versions.update(part.warm)
            # What is served says how a version is run, before what a rollback may lead to.
            for content in served.values():
                versions.update(content["versions"])
            return Publication(
                instance=end.instance,
                incarnation=end.incarnation,
                epoch=end.seq,
                routes={route: content["route"] for route, content in served.items()},
                versions=versions,
                monitors={route: part.content for route, part in self._monitors.items() if route in served},
            )

    def _catch_up(self, connection: Connection, seq: int) -> None:
        changed = None if self._seq < 0 else self._changed(connection)
        if changed is None:
            self._routes, self._monitors = {}, {}
            for scope, content in heads.contents_under(connection, self._prefix):
                self._put(connection, scope, content)
        else:
            for scope in sorted(changed):
                head = heads.get(connection, scope)
                if head is not None:
                    self._put(connection, scope, heads.revision_of(connection, scope, head.revision).content)
        self._seq = seq

    def _put(self, connection: Connection, scope: str, content: dict[str, Any]) -> None:
        collection, _, name = scope.removeprefix(self._prefix).partition("/")
        parts = self._monitors if collection == "monitors" else self._routes
        parts[name] = self._part(connection, scope, content)

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
        proven = proven_target_of(connection, scope, now.revision, self._registry.now_us(), self._registry.min_bake_us)
        target = before.revision if proven is None else proven
        warm = heads.revision_of(connection, scope, target).content["versions"]
        return _Part(content=content, warm=warm, warm_until_us=now.begin_us + content["keep_warm_s"] * 1_000_000)
