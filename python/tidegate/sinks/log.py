"""Changes of a registry as lines of the log. A gateway tells its own log of drift itself, at the level that a line deserves."""

import logging
from collections.abc import Sequence
from typing import Any

from tidegate.errors import InputRefused

LOG = "log:"
"""The only address of it."""
_LOG = logging.getLogger("tidegate.events")


class LogSink:
    """See :class:`tidegate.sinks.base.Sink`."""

    def __init__(self, where: str = "") -> None:
        """There is one log.

        Raises:
            InputRefused: Another one is named.
        """
        if where:
            raise InputRefused(
                f"'log:{where}' is no address of a sink: there is one log, 'log:'", reason="SINK_UNKNOWN"
            )

    def last(self) -> int | None:
        """A log is no memory: only what is new is told."""
        return None

    def known(self) -> frozenset[str]:
        """It keeps nothing."""
        return frozenset()

    def deliver(self, events: Sequence[dict[str, Any]]) -> None:
        """One line an event."""
        for event in events:
            said = event["data"]
            reason = f": {said['reason']}" if said["reason"] else ""
            _LOG.info(
                "%s %s %s by %s%s", event["sequence"], said["action"], event["subject"], said["actor"]["name"], reason
            )

    def close(self) -> None:
        """Nothing is held."""
