"""What the gateway of the demo says of drift on a route that one version answers, as comparisons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.drift import Settings, judgement_of
from tidegate.drift import Report

MONTH, DAY = "1mo", "1d"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDay:
    """What is remembered of a day, by feature."""

    psi: Mapping[str, float | None]
    listed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedMonth:
    """What a gateway made of a month, and of the days before its end by the seconds at which they begin."""

    report: Report
    days: Mapping[int, JudgedDay]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many rows were counted, and how many of them in no window of their own time."""

    rows: int
    misplaced: int


def read_month(document: Any, start_s: int) -> JudgedMonth | None:
    """The judgement of the month that begins then, out of what stands under `/drift/<route>`; None while there is none."""
    watches = [found["watch"] for found in document["versions"] if found["watch"] is not None]
    if not watches or MONTH not in watches[0]["windows"]:
        return None
    [watch] = watches
    latest = watch["windows"][MONTH]["latest"]
    if latest is None or latest["start_s"] != start_s:
        return None
    monitor = document["monitor"]
    settings = Settings(tolerate_psi=monitor["tolerate_psi"], list_fdr=monitor["list_fdr"])
    features = watch["features"]
    judgements = [
        judgement_of(each["finding"], feature["reference"], each["cell"])
        for each, feature in zip(latest["features"], features, strict=True)
    ]
    report = Report.of(judgements, settings, reference="the profile", current="the month at the gateway")
    names = [feature["feature"] for feature in features]
    days = {past["start_s"]: _day(past, names) for past in watch["windows"][DAY]["history"]}
    return JudgedMonth(report=report, days=days)


def read_counted(document: Any) -> Counted:
    """What was counted on the route since the start of its gateway."""
    rows = sum(sum(found["watch"]["rows"].values()) for found in document["versions"])
    misplaced = sum(found["watch"]["late"] + found["timeless"] for found in document["versions"])
    return Counted(rows=rows, misplaced=misplaced)


def _day(past: Mapping[str, Any], names: list[str]) -> JudgedDay:
    return JudgedDay(
        psi=dict(zip(names, past["psi"], strict=True)),
        listed=tuple(name for name, is_listed in zip(names, past["listed"], strict=True) if is_listed),
    )
