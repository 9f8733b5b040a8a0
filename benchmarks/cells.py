"""What is measured: the load of each cell and the bar that Tidegate must reach against the C++ reference."""

from dataclasses import dataclass
from enum import Enum

from benchmarks.models import MID, TINY, Model


class Bar(Enum):
    """What a cell's bar is about."""

    THROUGHPUT = "req/s and CPU per request, at least"
    LATENCY = "p50, at most"
    NONE = "shown, not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One load: `connections` x `streams` one-row requests to `route` in flight at any time.

    With a `rate` the loop is open: so many requests are due a second, and that is the most in flight. With `is_apart` the server runs on one core and the load generator on another. A single stream needs it: left alone,
    the scheduler sometimes puts both on one core, which makes an answer three times faster whatever the server does.
    """

    name: str
    route: str
    model: Model
    connections: int
    streams: int
    bar: Bar
    ratio: float = 0.0
    rate: float = 0.0
    is_apart: bool = False


CELLS = (
    Cell(name="tiny-64x1", route="tiny", model=TINY, connections=64, streams=1, bar=Bar.THROUGHPUT, ratio=1.2),
    Cell(name="tiny-4x16", route="tiny", model=TINY, connections=4, streams=16, bar=Bar.THROUGHPUT, ratio=1.2),
    Cell(name="mid-4x16", route="mid", model=MID, connections=4, streams=16, bar=Bar.THROUGHPUT, ratio=2.0),
    Cell(
        name="tiny-1x1-apart",
        route="tiny",
        model=TINY,
        connections=1,
        streams=1,
        bar=Bar.LATENCY,
        ratio=1.1,
        is_apart=True,
    ),
    Cell(name="tiny-1x1", route="tiny", model=TINY, connections=1, streams=1, bar=Bar.NONE),
)

# Reached req/s may stay this much below the bar, because the load generator shares the cores; CPU per request may not.
THROUGHPUT_TOLERANCE = 0.95

# The routes' split between version 1 and version 2, in hundredths, and the sticky header with its distinct values.
SPLIT = {1: 90, 2: 10}
STICKY_HEADER = "x-unit"
STICKY_KEYS = 2000
