"""Changes of a registry as events for a sink: the journal is their outbox."""

import threading
from collections.abc import Sequence
from typing import Any

from tidegate.core.events import event_of
from tidegate.core.journal import Entry
from tidegate.services import journal
from tidegate.services.registry import Registry
from tidegate.sinks import Sink


class Changes:
    """See :class:`tidegate.loops.deliver.Outbox`."""

    def __init__(self, registry: Registry, sink: Sink) -> None:
        """Begins behind what the sink has, or with what comes from now on.

        Raises:
            RegistryDamaged: The sink has events of another.
        """
        end, last = journal.end(registry), sink.last()
        self._registry = registry
        self._instance = end.instance
        self._told = end.seq if last is None else last
        self._given = self._told
        self._is_due = threading.Event()
        self._is_due.set()

    def notice(self, _entries: Sequence[Entry]) -> None:
        """There is something new."""
        self._is_due.set()

    def waiting(self, most: int) -> Sequence[dict[str, Any]]:
        """Entries behind what the sink has; the journal is only read if something is new."""
        if not self._is_due.is_set():
            return ()
        self._is_due.clear()
        entries = journal.after(self._registry, self._told, limit=most)
        if entries:
            self._is_due.set()
            self._given = entries[-1].seq
        return [event_of(entry, self._instance) for entry in entries]

    def delivered(self) -> None:
        """Goes on behind what was given."""
        self._told = self._given

    def failed(self) -> None:
        """Gives it again."""
        self._is_due.set()
