"""The one place that reads the time of day."""

import time
from typing import Protocol


class Clock(Protocol):
    """Says what time it is."""

    def now_us(self) -> int:
        """Microseconds since 1970."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now_us(self) -> int:
        """Microseconds since 1970; may jump when the clock is set."""
        return time.time_ns() // 1_000
