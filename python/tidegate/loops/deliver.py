"""Tells sinks of every change, in the order of the journal, and at least once: the journal is the outbox."""

import threading
from collections.abc import Callable, Sequence

from tidegate.core.events import event_of
from tidegate.core.journal import Entry
from tidegate.errors import TidegateError
from tidegate.services import journal
from tidegate.services.registry import Registry
from tidegate.sinks import Sink

BATCH = 500
PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Between tries of a sink that fails; the last one is repeated."""


class Deliveries:
    """One thread for one sink, so that a slow one holds up no other."""

    def __init__(self, registry: Registry, sink: Sink, report: Callable[[str, str], None]) -> None:
        """Does nothing until :meth:`start`.

        Args:
            registry: Whose changes are told.
            sink: Who is told.
            report: Told of what goes wrong: an event and its reason.
        """
        self._registry = registry
        self._sink = sink
        self._report = report
        self._is_due = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tidegate-deliver", daemon=True)

    def start(self) -> None:
        """Tells what the sink does not have, and from now on everything."""
        self._is_due.set()
        self._thread.start()

    def stop(self) -> None:
        """Ends; what the sink does not have is told after the next start."""
        self._is_over.set()
        self._is_due.set()
        self._thread.join()
        self._sink.close()

    def notice(self, _entries: Sequence[Entry]) -> None:
        """There is something new to tell."""
        self._is_due.set()

    def _run(self) -> None:
        end, last = journal.end(self._registry), self._sink.last()
        told, failures = end.seq if last is None else last, 0
        while True:
            self._is_due.wait()
            if self._is_over.is_set():
                return
            self._is_due.clear()
            try:
                told = self._catch_up(told, end.instance)
                failures = 0
            except (OSError, TidegateError) as error:
                self._report("delivery_failed", f"{type(self._sink).__name__}: {error}")
                self._is_over.wait(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
                failures += 1
                self._is_due.set()

    def _catch_up(self, told: int, instance: str) -> int:
        while entries := journal.after(self._registry, told, limit=BATCH):
            self._sink.deliver([event_of(entry, instance) for entry in entries])
            told = entries[-1].seq
        return told
