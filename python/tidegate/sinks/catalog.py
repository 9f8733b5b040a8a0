"""The sinks that there are, by the scheme of their address."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tidegate.core.addresses import choose
from tidegate.errors import InputRefused
from tidegate.sinks.base import Sink
from tidegate.sinks.file import FileSink
from tidegate.sinks.log import LogSink

SINKS: Mapping[str, Callable[[str, Path], Sink]] = {
    "file": lambda where, base: FileSink(base / where),
    "log": lambda where, _base: LogSink(where),
}


def open_sink(address: str, base: Path = Path()) -> Sink:
    """Opens the sink at an address, such as `file:events.jsonl` or `log:`.

    Args:
        address: Its scheme, a colon, and where it is.
        base: The folder that relative paths start from.

    Raises:
        InputRefused: No sink has this scheme, or it cannot be opened.
        RegistryDamaged: There is something else.
    """
    make, where = choose(address, SINKS, what="a sink", reason="SINK_UNKNOWN")
    try:
        return make(where, base)
    except OSError as error:
        raise InputRefused(
            f"The sink {address!r} cannot be opened: {error}. Name another, or make it writable.",
            reason="SINK_UNUSABLE",
        ) from None
