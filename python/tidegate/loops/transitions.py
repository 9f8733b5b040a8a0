"""Drift states that have changed as events for a sink: the gateway has their outbox."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tidegate.core.events import event_of_transition
from tidegate.loops.deliver import Deliveries
from tidegate.sinks import LOG, Sink


class Gateway(Protocol):
    """What tells of drift."""

    def transitions(self, sink: str, told: int, most: int) -> Sequence[tuple[int, Mapping[str, Any]]]:
        """Changes that a sink does not have yet, each with its number."""
        ...

    def delivery_failed(self, sink: str) -> None:
        """Counts that a sink could not be told."""
        ...

    def warn(self, event: str, reason: str) -> None:
        """Writes a warning into the gateway's log."""
        ...


class Transitions:
    """See :class:`tidegate.loops.deliver.Outbox`."""

    def __init__(self, gateway: Gateway, address: str, sink: Sink) -> None:
        """Begins with what the gateway has for the sink.

        Args:
            gateway: Whose versions are watched.
            address: Of the sink, as the gateway's document has it.
            sink: It may have been told what the gateway, which was killed, does not know.
        """
        self._gateway = gateway
        self._address = address
        self._known = sink.known()
        self._told = 0
        self._given = 0

    def waiting(self, most: int) -> Sequence[dict[str, Any]]:
        """What the gateway has for the sink, but for what the sink has."""
        while changes := self._gateway.transitions(self._address, self._told, most):
            self._given = changes[-1][0]
            events = [event_of_transition(change) for _, change in changes]
            if fresh := [event for event in events if event["id"] not in self._known]:
                return fresh
            self.delivered()
        return ()

    def delivered(self) -> None:
        """The gateway hears of it when it is asked for more."""
        self._told = self._given

    def failed(self) -> None:
        """The gateway counts it."""
        self._gateway.delivery_failed(self._address)


def tell_of_drift(gateway: Gateway, sinks: Mapping[str, Sink]) -> list[Deliveries]:
    """Tells sinks, by their address, of drift from now on; the log is told by the gateway itself."""
    told = [
        Deliveries(sink, [Transitions(gateway, address, sink)], gateway.warn)
        for address, sink in sinks.items()
        if address != LOG
    ]
    for deliveries in told:
        deliveries.start()
    return told
