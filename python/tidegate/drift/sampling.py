"""Samples of a profile, drawn from its own shares: references as it has them, and current sides that drift or do not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.core.profiles import Profile, ProfileFeature, parse_profile

Shares = npt.NDArray[np.float64]

_OUTSIDE = ("nan", "positive_infinite", "negative_infinite", "null")
# Halving an interval so often leaves less than a double can tell.
_HALVINGS = 80
_STEEPEST_TILT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Population:
    """What rows of a feature are drawn from."""

    feature: ProfileFeature
    shares: Shares
    """Of each bin, for rows that are in one."""
    missing: float
    """The share of rows that are in none."""
    wander: float
    """The variance of a bin's share p from chunk to chunk is this times p and its complement."""

    @classmethod
    def of(cls, feature: ProfileFeature, rows: int, omega: float) -> Population:
        """The population that the reference of a feature looks like; ω as the core estimates it."""
        counts = np.array(bins_of(feature.reference), dtype=np.float64)
        missing = sum(feature.reference.get(name, 0) for name in (*_OUTSIDE, "new"))
        # A chunk is compared with all others, which wander too: that share of ω is theirs.
        chunks = len(feature.reference.get("chunks", ()))
        own = omega * (chunks - 1) / chunks if chunks else 0.0
        shares = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
        return cls(feature=feature, shares=shares, missing=missing / rows, wander=own)

    def tilted(self, psi: float) -> Population:
        """The same with a drift of this PSI: later bins gain what earlier ones lose, as when a mean moves."""
        places = np.linspace(0.0, 1.0, len(self.shares))

        def at(tilt: float) -> Shares:
            weighted: Shares = self.shares * np.exp(tilt * (places - places[-1]))
            return np.asarray(weighted / weighted.sum())

        low, high = 0.0, _STEEPEST_TILT
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if psi_of(self.shares, at(middle)) > psi else (middle, high)
        return Population(feature=self.feature, shares=at(low), missing=self.missing, wander=self.wander)

    def draw(self, rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Counts of so many rows that are in bins, from shares that have wandered first."""
        shares = self.shares
        if self.wander > 0:
            shares = rng.dirichlet(np.maximum(shares * (1 / self.wander - 1), 1e-12))
        return rng.multinomial(rows, shares)

    def draw_cell(self, rows: int, rng: np.random.Generator) -> dict[str, Any]:
        """What would have been counted of so many rows."""
        missing = int(rng.binomial(rows, self.missing))
        counts = self.draw(rows - missing, rng).tolist()
        reference = self.feature.reference
        if reference["kind"] == "categorical":
            known = {"counts": counts[:-1], "other": counts[-1], "new": 0, "null": missing, "newcomers": []}
            return {"kind": "categorical", **known, "distinct_new": 0.0}
        beside = dict.fromkeys((*_OUTSIDE, "below", "above"), 0) | {"null": missing}
        moments = {name: reference.get(name) for name in ("min", "max")}
        return {"kind": "numeric", "counts": counts, **beside, **moments, "centre": 0.0, "sum": 0.0, "squares": 0.0}


def draw_reference(profile: Profile, populations: Sequence[Population], rng: np.random.Generator) -> Profile:
    """The profile with a reference that was drawn anew, chunk by chunk; what is in no bin stays as it is."""
    document = json.loads(profile.text)
    features = [feature for tensor in document["tensors"] for feature in tensor["features"]]
    for feature, population in zip(features, populations, strict=True):
        chunks = [population.draw(sum(chunk), rng) for chunk in feature.get("chunks", ())]
        # Rows of no chunk, or all where there are none.
        rest = sum(bins_of(feature)) - int(sum(int(chunk.sum()) for chunk in chunks))
        counts = (sum(chunks, np.zeros(len(population.shares), dtype=np.int64)) + population.draw(rest, rng)).tolist()
        if feature["kind"] == "categorical":
            feature["counts"], feature["other"] = counts[:-1], counts[-1]
        else:
            feature["counts"] = counts
        feature["chunks"] = [chunk.tolist() for chunk in chunks]
    return parse_profile(json.dumps(document, ensure_ascii=False))


def bins_of(counted: Mapping[str, Any]) -> list[int]:
    """The counts of all bins of a feature, rare known categories among them."""
    return [*counted["counts"], counted["other"]] if counted["kind"] == "categorical" else counted["counts"]


def psi_of(before: Shares, now: Shares) -> float:
    """PSI between shares without an empty one."""
    return float(np.sum((now - before) * np.log(now / before)))
