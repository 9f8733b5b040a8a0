"""The whole machine tried out on a profile: how often it is wrong when nothing drifts, and how often it sees what does.

Samples are drawn from the profile's own shares, with its own wander: the reference anew, chunk by chunk as the profile has
it, and a current side of a given size. Shares wander by a Dirichlet law whose variance is the wander of the profile. A
drift of a given PSI tilts the shares along the order of the bins, as a shift of the mean does. Everything is judged as
`compare` judges it: the same laws, the same list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.core.drift import Settings, State
from tidegate.core.profiles import Profile
from tidegate.drift.progress import Progress, Silent
from tidegate.drift.sampling import Population, draw_reference

ROWS = (200, 1_000, 10_000, 100_000)
REFERENCES = 20
CURRENT = 20
SEED = 2013
# The drifts that are looked for, in units of the tolerated PSI; with nothing tolerated, of 0.05.
TIMES = (2.0, 4.0)
_UNIT = 0.05
# A single test at the tolerated PSI may be wrong this often.
LEVEL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came out for a current side of so many rows."""

    rows: int
    samples: int
    """How many pairs of a reference and a current side were judged."""
    judged: float | None
    """The share of features that had rows enough."""
    false_lists: float | None
    """The share of samples in which something was listed though nothing had drifted; at most the asked rate."""
    false_alarms: float | None
    """The share of single tests with p ≤ 5 % when nothing has drifted, against no drift."""
    at_tolerated: float | None
    """The share of single tests with p ≤ 5 % when the true PSI is the tolerated one; None if nothing is tolerated."""
    found: Mapping[float, float | None]
    """The share of samples in which the one feature that drifted was listed, by its true PSI."""


def selftest(
    profile: Profile,
    *,
    settings: Settings | None = None,
    rows: Sequence[int] = ROWS,
    references: int = REFERENCES,
    current: int = CURRENT,
    progress: Progress | None = None,
) -> list[Trial]:
    """Tries the machine out on this profile, once for each number of rows.

    Args:
        profile: Whose shares, chunks and wander samples are drawn from.
        settings: What is tolerated, and how many false entries the list may have.
        rows: How large the current side is.
        references: How many references are drawn for each number of rows,
        current: and how many current sides for each reference.
        progress: Who shows how far it is.
    """
    settings = settings or Settings()
    advance = (progress or Silent()).begin("drawing and judging samples", len(rows) * references)
    populations = _populations(profile, settings)
    unit = settings.tolerate_psi or _UNIT
    trials = []
    for size in rows:
        rng = np.random.default_rng([SEED, size])
        tally = _Tally({times * unit: [] for times in TIMES})
        for _ in range(references):
            drawn = draw_reference(profile, populations, rng)
            for at in range(current):
                tally.add(drawn, populations, size, settings, turn=at, rng=rng)
            advance(1)
        trials.append(tally.trial(size))
    return trials


def _populations(profile: Profile, settings: Settings) -> list[Population]:
    """The populations that the profile looks like, with the wander that the core finds in it."""
    rows = {feature.name: tensor.rows for tensor in profile.tensors for feature in tensor.features}
    own = [Population.of(feature, rows[feature.name], 0.0) for feature in profile.features]
    rng = np.random.default_rng(SEED)
    found = _judge(profile, [population.draw_cell(1, rng) for population in own], settings)
    pairs = zip(profile.features, found, strict=True)
    return [Population.of(feature, rows[feature.name], one["wander"]["omega"]) for feature, one in pairs]


class _Tally:
    """What was found in the samples of one size."""

    def __init__(self, found: dict[float, list[bool]]) -> None:
        """Nothing yet; `found` has the drifts that are looked for."""
        self.found = found
        self.judged: list[bool] = []
        self.false_lists: list[bool] = []
        self.false_alarms: list[bool] = []
        self.at_tolerated: list[bool] = []

    def add(
        self,
        reference: Profile,
        populations: Sequence[Population],
        rows: int,
        settings: Settings,
        *,
        turn: int,
        rng: np.random.Generator,
    ) -> None:
        """Judges one current side of each kind; the one feature that drifts is another at each turn."""
        still = [population.draw_cell(rows, rng) for population in populations]
        found = _judge(reference, still, settings)
        self.judged += [one["judgement"] is not None for one in found]
        self.false_lists.append(any(one["state"] == State.WARN for one in found))
        self.false_alarms += [p <= LEVEL for p in _ps(found, "p_no_drift")]
        if settings.tolerate_psi:
            moved = [population.tilted(settings.tolerate_psi).draw_cell(rows, rng) for population in populations]
            self.at_tolerated += [p <= LEVEL for p in _ps(_judge(reference, moved, settings), "p_tolerated")]
        at = turn % len(populations)
        for psi, outcomes in self.found.items():
            one = populations[at].tilted(psi).draw_cell(rows, rng)
            drifted = _judge(reference, [*still[:at], one, *still[at + 1 :]], settings)[at]
            outcomes.append(drifted["state"] == State.WARN)

    def trial(self, rows: int) -> Trial:
        """Everything as shares."""
        return Trial(
            rows=rows,
            samples=len(self.false_lists),
            judged=_share(self.judged),
            false_lists=_share(self.false_lists),
            false_alarms=_share(self.false_alarms),
            at_tolerated=_share(self.at_tolerated),
            found={psi: _share(outcomes) for psi, outcomes in self.found.items()},
        )


def _judge(profile: Profile, cells: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    return profile.judge(cells, tolerated_psi=settings.tolerate_psi, list_fdr=settings.list_fdr)


def _ps(found: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [one["judgement"][name] for one in found if one["judgement"] is not None]


def _share(outcomes: Sequence[bool]) -> float | None:
    return sum(outcomes) / len(outcomes) if outcomes else None
