"""Judgements of drift: the typed face of the native decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tidegate.core.bins import POOLED, bin_labels
from tidegate.core.causes import Cause, read_cause
from tidegate.core.profiles import Profile

TOLERATE_PSI = 0.05
LIST_FDR = 0.05


class State(StrEnum):
    """What is made of a feature: by a comparison ok, warn or insufficient, by a gateway that follows it any of these."""

    OK = "ok"
    WARN = "warn"
    """It is listed: it differs by more than is tolerated, at the asked rate of false entries."""
    DRIFT = "drift"
    """It differs by so much that somebody is to be called."""
    CLEARING = "clearing"
    """It drifted, and its newest windows are quiet; some more have to be."""
    INSUFFICIENT = "insufficient"
    """There are too few rows to say."""
    UNKNOWN = "unknown"
    """What was last said of it is too old to be said again."""
    WARMING = "warming"
    """No window was judged yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a comparison is judged by."""

    tolerate_psi: float = TOLERATE_PSI
    """How large a PSI is no matter for anybody."""
    list_fdr: float = LIST_FDR
    """How many of the listed features may be there by chance, as a share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """A bin, or what is counted beside the bins, on both sides of a comparison."""

    label: str
    """What lies in it, such as `(9, 9.5]`, `9`, `UA`, or `small bins, pooled`."""
    reference: int
    current: int
    reference_share: float
    current_share: float
    term: float | None
    """Its part of the sum that PSI is; None for a bin that is only a part of those pooled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """A distance between reference and current counts, over all bins of the profile."""

    value: float | None
    """None where it has no value; `undefined` says why."""
    p_value: float | None
    """How likely a larger one is when nothing has moved; None for a distance whose law is not known."""
    is_conservative: bool
    """The true p is smaller, if anything."""
    undefined: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Psi:
    """The deciding statistic, with everything that it was decided by."""

    value: float
    expected: float
    """What chance and the wander of the reference give in the mean when nothing has moved."""
    threshold: float
    """What it had to exceed to be listed beside the features that are."""
    p_value: float
    """How likely a larger one is when nothing has moved."""
    p_tolerated: float
    """How likely a larger one is where the true one is the tolerated one; this is what decides."""
    q_value: float
    """The least share of false entries at which the feature is listed."""
    bins: int
    """How many bins decide, after those with too few rows were pooled."""
    sigma_shift: float
    """By how many standard deviations the mean of a normal feature would have moved for as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What lies beside the bins, as a share of all rows, tested by itself."""

    reference: float
    current: float
    p_value: float
    q_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a comparison makes of one feature, with its evidence."""

    name: str
    tensor: str
    direction: str
    in_sample: bool
    """Its reference are predictions of rows that the model has learnt from."""
    state: State
    n: int
    """Rows of the reference in bins."""
    m: int
    """Rows of the current side in bins."""
    wander: float
    """How far time chunks of the reference lie from each other, in the unit of 1/n + 1/m; 0 where that is not known."""
    psi: Psi | None
    """None where rows do not suffice."""
    kullback_leibler: Distance
    jensen_shannon: Distance
    hellinger: Distance
    kolmogorov_smirnov: Distance
    wasserstein: Distance
    chi_squared: Distance
    g: Distance
    maximum: Distance
    total_variation: Distance
    new: Share | None
    """Categories that the reference does not have; None where there are none."""
    newcomers: tuple[str, ...]
    """The most frequent of them."""
    missing: Share | None
    """Rows without a usable value; None where there are none."""
    cause: Cause | None
    """What has likely happened, if that can be told; only of what is listed."""
    bins: tuple[Bin, ...] = field(repr=False)


DISTANCES = (
    "kullback_leibler",
    "jensen_shannon",
    "hellinger",
    "kolmogorov_smirnov",
    "wasserstein",
    "chi_squared",
    "g",
    "maximum",
    "total_variation",
)


def judge(profile: Profile, cells: Sequence[Mapping[str, Any]], settings: Settings) -> list[Judgement]:
    """What was counted, judged feature by feature in the order of the profile.

    Args:
        profile: The reference.
        cells: What was counted of each of its features, as `Counts.cells` says it.
        settings: What is tolerated, and how many false entries the list may have.
    """
    found = profile.judge(cells, tolerated_psi=settings.tolerate_psi, list_fdr=settings.list_fdr)
    references = [feature.reference for feature in profile.features]
    return [judgement_of(*three) for three in zip(found, references, cells, strict=True)]


def judgement_of(found: Mapping[str, Any], reference: Mapping[str, Any], cell: Mapping[str, Any]) -> Judgement:
    """What the core found of a feature, beside its part of the profile and what was counted of it."""
    decided = found["judgement"]
    return Judgement(
        name=found["feature"],
        tensor=found["tensor"],
        direction=found["direction"],
        in_sample=found["in_sample"],
        state=State(found["state"]),
        n=found["n"],
        m=found["m"],
        wander=found["wander"]["omega"],
        psi=None if decided is None else _psi(decided, found["q"]),
        new=_share(found["new"]),
        newcomers=tuple(newcomer["name"] for newcomer in cell.get("newcomers", ())),
        missing=_share(found["missing"]),
        cause=read_cause(found["cause"]),
        bins=tuple(_bins(decided, reference, cell)),
        **{name: _distance(found["distances"][name]) for name in DISTANCES},
    )


def _psi(decided: Mapping[str, Any], q: float) -> Psi:
    return Psi(
        value=decided["psi"],
        expected=decided["expected"],
        threshold=decided["threshold"],
        p_value=decided["p_no_drift"],
        p_tolerated=decided["p_tolerated"],
        q_value=q,
        bins=decided["bins"],
        sigma_shift=decided["sigma_shift"],
    )


def _distance(found: Mapping[str, Any]) -> Distance:
    return Distance(
        value=found["value"],
        p_value=found["p"],
        is_conservative=found["is_conservative"],
        undefined=found["undefined"],
    )


def _share(found: Mapping[str, Any] | None) -> Share | None:
    if found is None:
        return None
    return Share(reference=found["reference"], current=found["current"], p_value=found["p"], q_value=found["q"])


def _bins(decided: Mapping[str, Any] | None, reference: Mapping[str, Any], cell: Mapping[str, Any]) -> Iterator[Bin]:
    """Every bin of the profile in its order, and last all of those together that are too small to decide alone."""
    terms = {} if decided is None else {moved["bin"]: moved["term"] for moved in decided["moved"]}
    labels = bin_labels(reference)
    before, now = (
        [*side["counts"], side["other"]] if "other" in side else side["counts"] for side in (reference, cell)
    )
    n, m = max(sum(before), 1), max(sum(now), 1)
    pooled = (0, 0)
    for at, (label, old, new) in enumerate(zip(labels, before, now, strict=True)):
        yield _bin(label, (old, new), (n, m), terms.get(at))
        if at not in terms:
            pooled = (pooled[0] + old, pooled[1] + new)
    if None in terms:
        yield _bin(POOLED, pooled, (n, m), terms[None])


def _bin(label: str, counts: tuple[int, int], rows: tuple[int, int], term: float | None) -> Bin:
    (reference, current), (n, m) = counts, rows
    return Bin(
        label=label,
        reference=reference,
        current=current,
        reference_share=reference / n,
        current_share=current / m,
        term=term,
    )
