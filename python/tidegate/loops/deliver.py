"""Tells sinks of what has happened, in its order and at least once: what is to be told waits in outboxes until a sink has it."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tidegate.errors import TidegateError
from tidegate.sinks import Sink

BATCH = 500
LOOK_S = 0.25
"""How often outboxes are looked into that do not say when there is something new."""
PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Between tries of a sink that fails; the last one is repeated."""
STOP_S = 5.0
"""How long the end waits for a sink that takes something just now: a disk may hang, and nothing is lost."""


class Outbox(Protocol):
    """Events that wait for one sink."""

    def waiting(self, most: int) -> Sequence[dict[str, Any]]:
        """The oldest events that the sink does not have."""
        ...

    def delivered(self) -> None:
        """The sink has what was given last."""
        ...

    def failed(self) -> None:
        """The sink could not take it; it will be asked for again."""
        ...


class Deliveries:
    """One thread for one sink, so that a slow one holds up no other."""

    def __init__(self, sink: Sink, outboxes: Sequence[Outbox], report: Callable[[str, str], None]) -> None:
        """Does nothing until :meth:`start`.

        Args:
            sink: Who is told.
            outboxes: What it is told.
            report: Told of what goes wrong: an event and its reason.
        """
        self._sink = sink
        self._outboxes = tuple(outboxes)
        self._report = report
        self._is_due = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tidegate-deliver", daemon=True)

    def start(self) -> None:
        """Tells what the sink does not have, and from now on everything."""
        self._is_due.set()
        self._thread.start()

    def stop(self) -> bool:
        """Ends, and says whether it has; what the sink does not have is told after the next start."""
        self._is_over.set()
        self._is_due.set()
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            return False
        self._sink.close()
        return True

    def wake(self) -> None:
        """There is something new to tell."""
        self._is_due.set()

    def _run(self) -> None:
        failures = 0
        while True:
            self._is_due.wait(LOOK_S)
            if self._is_over.is_set():
                return
            self._is_due.clear()
            failures = failures + 1 if self._has_failed() else 0
            if failures:
                self._is_over.wait(PAUSES_S[min(failures, len(PAUSES_S)) - 1])
                self._is_due.set()

    def _has_failed(self) -> bool:
        """Tells what there is; whether the sink, or an outbox, could not."""
        for outbox in self._outboxes:
            try:
                while events := outbox.waiting(BATCH):
                    self._sink.deliver(events)
                    outbox.delivered()
            except (OSError, TidegateError) as error:
                outbox.failed()
                self._report("delivery_failed", f"{type(self._sink).__name__}: {error}")
                return True
        return False
