"""What every sink promises."""

from collections.abc import Sequence
from typing import Any, Protocol


class Sink(Protocol):
    """Takes events in their order, each at least once. `tests/conformance/test_sinks.py` is the definition of done."""

    def last(self) -> int | None:
        """The sequence of the last change of a registry that it has for sure; None if it keeps none, and wants only what is new."""
        ...

    def known(self) -> frozenset[str]:
        """The ids of the events that it took last, as far as it keeps them."""
        ...

    def deliver(self, events: Sequence[dict[str, Any]]) -> None:
        """Takes events; when it returns they will not be told again, and when it raises, all of them will.

        Raises:
            OSError: It cannot take them now, and has taken none.
        """
        ...

    def close(self) -> None:
        """Gives up what it holds."""
        ...
