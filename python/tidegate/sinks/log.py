"""Events as lines of the log."""

import logging
from collections.abc import Sequence
from typing import Any

_LOG = logging.getLogger("tidegate.events")


class LogSink:
    """See :class:`tidegate.sinks.base.Sink`."""

    def last(self) -> int | None:
        """A log is no memory: only what is new is told."""
        return None

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
