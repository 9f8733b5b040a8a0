"""The sinks that there are, by the scheme of their address."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tidegate.errors import InputRefused
from tidegate.sinks.base import Sink
from tidegate.sinks.file import FileSink
from tidegate.sinks.log import LogSink

SINKS: Mapping[str, Callable[[str], Sink]] = {
    "file": lambda where: FileSink(Path(where)),
    "log": lambda _where: LogSink(),
}


def open_sink(address: str) -> Sink:
    """Opens the sink at an address, such as `file:events.jsonl` or `log:`.

    Raises:
        InputRefused: No sink has this scheme.
    """
    scheme, colon, rest = address.partition(":")
    if scheme not in SINKS or not colon:
        known = ", ".join(sorted(SINKS))
        raise InputRefused(f"{address!r} is no address of a sink: <scheme>:<where>, of {known}", reason="SINK_UNKNOWN")
    return SINKS[scheme](rest)
