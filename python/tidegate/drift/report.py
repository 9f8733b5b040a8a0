"""What a comparison found: one judgement a feature, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tidegate import optional
from tidegate.core.causes import Cause, CauseKind
from tidegate.core.drift import DISTANCES, Bin, Distance, Judgement, Psi, Settings, Share, State

if TYPE_CHECKING:  # neither is a dependency
    import pandas as pd
    import polars as pl
    from matplotlib.figure import Figure

__all__ = ["Bin", "Cause", "CauseKind", "Distance", "Judgement", "Psi", "Report", "Settings", "Share", "State"]

# The worst first: what somebody is told of, then what could not be judged, then the rest.
_RANKS = {
    State.DRIFT: 0,
    State.WARN: 1,
    State.CLEARING: 2,
    State.UNKNOWN: 3,
    State.INSUFFICIENT: 4,
    State.WARMING: 5,
    State.OK: 6,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report(Mapping[str, Judgement]):
    """The judgements of a comparison by the names of their features, the worst first."""

    judgements: Mapping[str, Judgement]
    settings: Settings
    reference: str
    """What was compared with, as sentences call it."""
    current: str

    @classmethod
    def of(cls, judgements: Sequence[Judgement], settings: Settings, *, reference: str, current: str) -> Report:
        """A report with the worst first."""
        by_name = {judgement.name: judgement for judgement in sorted(judgements, key=_rank)}
        return cls(judgements=by_name, settings=settings, reference=reference, current=current)

    def __getitem__(self, name: str) -> Judgement:
        """The judgement of a feature."""
        return self.judgements[name]

    def __iter__(self) -> Iterator[str]:
        """The names of the features, the worst first."""
        return iter(self.judgements)

    def __len__(self) -> int:
        """The number of features."""
        return len(self.judgements)

    @property
    def drifted(self) -> tuple[Judgement, ...]:
        """The list: the features that differ by more than is tolerated, at the asked rate of false entries."""
        return tuple(judgement for judgement in self.values() if judgement.state in (State.WARN, State.DRIFT))

    def to_document(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            "reference": self.reference,
            "current": self.current,
            "settings": asdict(self.settings),
            "drifted": [judgement.name for judgement in self.drifted],
            "features": [asdict(judgement) for judgement in self.values()],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One row a feature, as programs read them."""
        return [_row(judgement) for judgement in self.values()]

    def to_frame(self) -> pd.DataFrame:
        """One row a feature as a DataFrame of pandas.

        Raises:
            ModuleNotFoundError: pandas is not installed.
        """
        frame: pd.DataFrame = optional.load("pandas", needed_for="to_frame").DataFrame(self.to_rows())
        return frame

    def to_polars(self) -> pl.DataFrame:
        """One row a feature as a DataFrame of polars.

        Raises:
            ModuleNotFoundError: polars is not installed.
        """
        frame: pl.DataFrame = optional.load("polars", needed_for="to_polars").DataFrame(self.to_rows())
        return frame

    def plot(self) -> Figure:
        """Features by PSI beside their thresholds, and the bins of the worst, as a figure of matplotlib.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
        """
        from tidegate.drift.picture import draw_report  # noqa: PLC0415  # matplotlib takes a second, and few have it

        return draw_report(self)


def _rank(judgement: Judgement) -> tuple[int, float]:
    """Within a state by how far the statistic is beyond its threshold, as a ratio: thresholds differ by feature."""
    psi = judgement.psi
    beyond = 0.0 if psi is None or not psi.threshold else psi.value / psi.threshold
    return _RANKS[judgement.state], -beyond


def _row(judgement: Judgement) -> dict[str, Any]:
    psi, new, missing = judgement.psi, judgement.new, judgement.missing
    return {
        "feature": judgement.name,
        "tensor": judgement.tensor,
        "state": judgement.state.value,
        "psi": None if psi is None else psi.value,
        "expected": None if psi is None else psi.expected,
        "threshold": None if psi is None else psi.threshold,
        "p_value": None if psi is None else psi.p_value,
        "p_tolerated": None if psi is None else psi.p_tolerated,
        "q_value": None if psi is None else psi.q_value,
        "cause": None if judgement.cause is None else judgement.cause.kind.value,
        "n": judgement.n,
        "m": judgement.m,
        "wander": judgement.wander,
        "new_share": None if new is None else new.current,
        "new_q_value": None if new is None else new.q_value,
        "missing_share": None if missing is None else missing.current,
        "missing_q_value": None if missing is None else missing.q_value,
        **{name: getattr(judgement, name).value for name in DISTANCES},
    }
