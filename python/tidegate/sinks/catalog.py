"""The sinks that there are, by the scheme of their address."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tidegate.core.addresses import choose
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
    make, where = choose(address, SINKS, what="a sink", reason="SINK_UNKNOWN")
    return make(where)
