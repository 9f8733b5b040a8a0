"""What every sink promises."""

from collections.abc import Sequence
from typing import Any, Protocol


class Sink(Protocol):
    """Takes events in their order, each at least once. `tests/conformance/test_sinks.py` is the definition of done."""

    def last(self) -> int | None:
        """The sequence of the last event that it has for sure; None if it keeps none, and wants only what is new."""
        ...

    def deliver(self, events: Sequence[dict[str, Any]]) -> None:
        """Takes events; when it returns they will not be told again.

        Raises:
            OSError: It cannot take them now.
        """
        ...

    def close(self) -> None:
        """Gives up what it holds."""
        ...
