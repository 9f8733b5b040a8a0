"""The year: the months that no model has learnt from, asked about a day at a time, in the time of the flights.

A month is judged when the next one begins, so the first day of that one is asked about and the judgement waited for before
anything else: a gateway keeps five weeks of days, and a year takes it some seconds.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from tidegate.client import Client
from tidegate.demo import acts
from tidegate.demo.flights import DAY_S, Flight, columns
from tidegate.demo.judged import JudgedMonth, read_month
from tidegate.errors import TidegateError

STRANGER = "ZZ"
STRANGER_EVERY = 20
MINUTES_PER_HOUR = 60
JUDGED_TIMEOUT_S = 30.0  # it is judged within a second
PAUSE_S = 0.05
PREDICTED = ("label", "probability")
_DECEMBER_DAYS, _FEBRUARY_DAYS = 31, 28

Answers = Mapping[str, Any]
"""The predictions for a day, by the names of the outputs."""


class NotJudgedError(TidegateError):
    """The gateway did not judge a month that is over; the message is one sentence for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The flights of one month."""

    first_day: date
    flights: Sequence[Flight]
    injected: str | None = None
    """What was done to them, if anything."""

    @property
    def start_s(self) -> int:
        """Where it begins, in the time of the flights."""
        return int(datetime.combine(self.first_day, datetime.min.time(), UTC).timestamp())

    @property
    def name(self) -> str:
        """As tables and files call it, such as `2013-04`."""
        return f"{self.first_day:%Y-%m}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A month that was asked about, and what the gateway made of it."""

    month: Month
    table: Mapping[str, Any]
    """What was asked and answered, column by column."""
    judged: JudgedMonth


def months_of(flights: Sequence[Flight]) -> list[Month]:
    """Flights in their order, month by month."""
    parts = groupby(flights, lambda flight: datetime.fromtimestamp(flight.planned_s, UTC).date().replace(day=1))
    return [Month(first_day=first_day, flights=list(part)) for first_day, part in parts]


def injected(december: Sequence[Flight]) -> tuple[Month, Month, Month]:
    """December twice more, with something wrong each time, and the days that are left over: they end the second month."""
    january = [
        replace(_later(flight, _DECEMBER_DAYS), dep_hour=MINUTES_PER_HOUR * flight.dep_hour) for flight in december
    ]
    after = [_later(flight, 2 * _DECEMBER_DAYS) for flight in december]
    (first, february), (second, march) = ((month.first_day, month.flights) for month in months_of(after))
    strangers = [
        replace(flight, carrier=STRANGER) if at % STRANGER_EVERY == 0 else flight for at, flight in enumerate(february)
    ]
    [(begins, minutes)] = ((month.first_day, month.flights) for month in months_of(january))
    return (
        Month(first_day=begins, flights=minutes, injected="minutes for hours"),
        Month(first_day=first, flights=strangers, injected=f"a new carrier {STRANGER}"),
        Month(first_day=second, flights=march),
    )


def asking_days(client: Client) -> Callable[[Sequence[Flight]], Answers]:
    """How a day is asked about: all of its flights in one request, which says when the first of them leaves."""

    def ask(flights: Sequence[Flight]) -> Answers:
        asked = columns(flights)
        inputs = {name: asked[name] for name in ("carrier", "dep_hour")}
        answer = client.infer(acts.YEAR_ROUTE, inputs, metadata={acts.EVENT_TIME_METADATA: str(flights[0].planned_s)})
        return {name: np.ravel(answer[name]) for name in PREDICTED}

    return ask


def replay_year(
    months: Sequence[Month],
    left_over: Month,
    ask: Callable[[Sequence[Flight]], Answers],
    report: Callable[[], Any],
) -> Iterator[Replayed]:
    """Ask about every day of the months, in order, and about one day more; yield each month when it was judged.

    Args:
        months: One after another in the calendar.
        left_over: The month after them, of which the first day is asked about.
        ask: Asks about the flights of a day.
        report: What the gateway says now of the route's drift, as `judged.read_month` takes it.

    Raises:
        NotJudgedError: The gateway does not judge a month that is over.
    """
    answered: list[Answers] = []
    for month, following in pairwise([*months, left_over]):
        answered += [ask(day) for day in _days(month.flights)[len(answered) :]]
        begun = [ask(_days(following.flights)[0])]
        judged = _wait_for(month, report)
        predicted = {name: np.concatenate([answers[name] for answers in answered]) for name in PREDICTED}
        yield Replayed(month=month, table={**columns(month.flights), **predicted}, judged=judged)
        answered = begun


def requested_rows(months: Sequence[Month], left_over: Month) -> int:
    """The flights that the replay asks about."""
    return sum(len(month.flights) for month in months) + len(_days(left_over.flights)[0])


def _wait_for(month: Month, report: Callable[[], Any]) -> JudgedMonth:
    give_up_s = time.monotonic() + JUDGED_TIMEOUT_S
    while time.monotonic() < give_up_s:
        if judged := read_month(report(), month.start_s):
            return judged
        time.sleep(PAUSE_S)
    raise NotJudgedError(f"the gateway did not judge {month.name} within {JUDGED_TIMEOUT_S:g} s after its end.")


def _days(flights: Sequence[Flight]) -> list[list[Flight]]:
    return [list(day) for _, day in groupby(flights, lambda flight: flight.day)]


def _later(flight: Flight, days: int) -> Flight:
    return replace(flight, planned_s=flight.planned_s + days * DAY_S)
