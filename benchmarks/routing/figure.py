"""What every figure is made with and what it comes to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import Effort, Tools

FULL = Effort(pairs=5, seconds=6.0, warm_up_s=1.0)
QUICK = Effort(pairs=1, seconds=2.0, warm_up_s=0.3)


class UntrustworthyError(Exception):
    """A tool is missing, or what was measured is not what was meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The bar of a row: the value is to be at most, or at least, the bound."""

    bound: float
    is_floor: bool = False

    def holds(self, value: float) -> bool:
        """Whether the value reaches the bar."""
        return value >= self.bound if self.is_floor else value <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured value, with the least and the most of what it was made from; without a limit it is only shown."""

    what: str
    value: float
    unit: str
    digits: int = 1
    spread: tuple[float, float] | None = None
    limit: Limit | None = None

    @property
    def passed(self) -> bool:
        """Whether the limit holds, if there is one."""
        return self.limit is None or self.limit.holds(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The rows of a figure, sentences for the reader, and the measurements behind them."""

    rows: list[Row]
    remarks: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What figures need from the outside; `decide` is the built example of that name, `repository` has both models."""

    decide: Path
    tidegate: Path
    repository: Path
    tools: Tools
    is_quick: bool

    @property
    def effort(self) -> Effort:
        """How long to look where pairs of runs are compared."""
        return QUICK if self.is_quick else FULL


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Something that is measured, by the name that the command line knows."""

    name: str
    measure: Callable[[Stage], Outcome]


def spread(values: list[float]) -> tuple[float, float]:
    """The least and the most."""
    return min(values), max(values)
