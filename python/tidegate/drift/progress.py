"""How far a long piece of work is, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """Told what is done, step by step."""

    def begin(self, what: str, steps: int) -> Callable[[int], None]:
        """A piece of work of so many steps begins; what it gives is called with the steps that were done."""


class Silent:
    """Shows nothing."""

    def begin(self, what: str, steps: int) -> Callable[[int], None]:
        """Shows nothing."""
        del what, steps
        return lambda _: None
