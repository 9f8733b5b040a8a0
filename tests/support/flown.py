"""Flights of a made-up year, and a gateway that watches them: it counts and judges as ours does, in this process."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tidegate import drift
from tidegate.demo.flights import DAY_S, Flight, columns
from tidegate.demo.replay import Answered, Failed, Outcome, Prediction
from tidegate.drift.counting import count
from tidegate.drift.tables import read_table

CARRIERS = ("AA", "DL", "HA", "UA")
SETTINGS = drift.Settings()


def a_flight(**changes: Any) -> Flight:
    """Half past nine on 1 April 2013."""
    planned_s = int(datetime(2013, 4, 1, 9, 30, tzinfo=UTC).timestamp())
    whole = {"planned_s": planned_s, "carrier": "HA", "dep_hour": 9.5, "tail_number": "N380HA", "is_late": False}
    return Flight(**{**whole, **changes})


def flights(first: datetime, days: int, a_day: int = 60, seed: int = 2013) -> list[Flight]:
    """So many a day, alike on every day."""
    rng = np.random.default_rng(seed)
    found = []
    for day in range(days):
        for hour in sorted(rng.uniform(5, 23, a_day)):
            planned_s = int(first.timestamp()) + day * DAY_S + int(hour * 3600)
            carrier = str(rng.choice(CARRIERS))
            found.append(a_flight(planned_s=planned_s, carrier=carrier, dep_hour=float(hour), is_late=bool(hour > 14)))
    return found


def one_by_one(
    flights: Sequence[Flight], ask: Callable[[Flight], Prediction | str], **_: Any
) -> Iterator[list[Outcome]]:
    """As `replay.replay` asks, by one caller who waits for whoever takes the answers."""
    for flight in flights:
        begun_s = time.perf_counter()
        answer = ask(flight)
        if isinstance(answer, Prediction):
            yield [Answered(flight=flight, prediction=answer, begun_s=begun_s, latency_s=0.0)]
        else:
            yield [Failed(flight=flight, reason=answer)]


def profile() -> drift.Profile:
    """Of a quarter of such flights; of what is asked, not of what is predicted."""
    return drift.build_profile(columns(flights(datetime(2013, 1, 1, tzinfo=UTC), 90, seed=1)), time="planned")


@dataclass
class WatchingGateway:
    """Answers days, and judges a month when a day of a later one was asked about."""

    profile: drift.Profile = field(default_factory=profile)
    asked: list[list[Flight]] = field(default_factory=list)
    dropped: int = 0
    """So many flights are answered and not counted."""

    def ask(self, day: Sequence[Flight]) -> dict[str, Any]:
        """As `year.asking_days` has it."""
        self.asked.append(list(day))
        probability = np.array([flight.dep_hour / 24 for flight in day], dtype=np.float32)
        return {"label": (probability > 0.5).astype(np.int64), "probability": probability}

    def report(self) -> dict[str, Any]:
        """As it stands under `/drift/<route>`."""
        every = [flight for day in self.asked for flight in day][self.dropped :]
        months = sorted({_month(flight) for flight in every})
        windows = {} if len(months) < 2 else {"1mo": {"latest": self._judged(every, months[-2])}}
        windows["1d"] = {"history": [self._remembered(day) for day in self.asked[:-1]]}
        features = [{"feature": each.name, "reference": each.reference} for each in self.profile.features]
        rows = {"split": len(every), "segment": 0, "pinned": 0, "shadow": 0}
        watch = {"windows": windows, "features": features, "rows": rows, "late": 0}
        monitor = {"tolerate_psi": SETTINGS.tolerate_psi, "list_fdr": SETTINGS.list_fdr}
        return {"monitor": monitor, "versions": [{"watch": watch, "timeless": 0}]}

    def _judged(self, every: Sequence[Flight], month: datetime) -> dict[str, Any]:
        found = self._found([flight for flight in every if _month(flight) == month])
        return {"start_s": int(month.timestamp()), "features": found}

    def _remembered(self, day: Sequence[Flight]) -> dict[str, Any]:
        findings = [each["finding"] for each in self._found(day)]
        psi = [finding["judgement"] and finding["judgement"]["psi"] for finding in findings]
        return {
            "start_s": day[0].day * DAY_S,
            "psi": psi,
            "listed": [finding["state"] == "warn" for finding in findings],
        }

    def _found(self, some: Sequence[Flight]) -> list[dict[str, Any]]:
        cells = count(self.profile, read_table(columns(some), name="some")).cells()
        settings = {"tolerated_psi": SETTINGS.tolerate_psi, "list_fdr": SETTINGS.list_fdr}
        findings = self.profile.judge(cells, **settings)
        return [{"finding": finding, "cell": cell} for finding, cell in zip(findings, cells, strict=True)]


def _month(flight: Flight) -> datetime:
    return datetime.fromtimestamp(flight.planned_s, UTC).replace(day=1, hour=0, minute=0, second=0)
