from datetime import UTC, datetime
from itertools import chain

import numpy as np
import pytest

from support.flown import WatchingGateway, flights
from tidegate.demo import acts, year
from tidegate.demo.flights import DAY_S
from tidegate.demo.year import (
    Month,
    NotJudgedError,
    asking_days,
    injected,
    months_of,
    replay_year,
    requested_rows,
)

NOVEMBER = flights(datetime(2013, 11, 1, tzinfo=UTC), 30)
DECEMBER = flights(datetime(2013, 12, 1, tzinfo=UTC), 31)


@pytest.fixture(scope="module")
def december():
    return injected(DECEMBER)


def test_flights_are_taken_month_by_month():
    november, december = months_of(NOVEMBER + DECEMBER)
    assert (november.name, december.name) == ("2013-11", "2013-12")
    assert (november.flights, december.flights) == (NOVEMBER, DECEMBER)
    assert december.start_s == datetime(2013, 12, 1, tzinfo=UTC).timestamp()


def test_december_comes_again_in_minutes_then_with_a_stranger_and_its_last_days_end_that(december):
    minutes, stranger, left_over = december
    assert [month.name for month in december] == ["2014-01", "2014-02", "2014-03"]
    assert [len(month.flights) for month in december] == [31 * 60, 28 * 60, 3 * 60]
    assert [flight.dep_hour for flight in minutes.flights] == [60 * flight.dep_hour for flight in DECEMBER]
    strangers = [flight for flight in stranger.flights if flight.carrier == "ZZ"]
    assert len(strangers) == len(stranger.flights) / 20
    assert [flight.dep_hour for flight in stranger.flights] == [flight.dep_hour for flight in DECEMBER[: 28 * 60]]
    assert left_over.injected is None


def test_every_flight_is_asked_about_once_in_its_order_and_one_day_more():
    gateway = WatchingGateway()
    november, december = months_of(NOVEMBER + DECEMBER)
    [replayed] = replay_year([november], december, gateway.ask, gateway.report)
    assert list(chain.from_iterable(gateway.asked)) == NOVEMBER + DECEMBER[:60]
    assert requested_rows([november], december) == len(NOVEMBER) + 60
    assert replayed.table["carrier"] == [flight.carrier for flight in NOVEMBER]
    hours = np.array([flight.dep_hour for flight in NOVEMBER], dtype=np.float32)
    assert replayed.table["probability"] == pytest.approx(hours / 24)


def test_a_month_is_judged_before_the_days_after_the_first_of_the_next_are_asked_about(december):
    gateway = WatchingGateway()
    months = months_of(DECEMBER)
    [*more, left_over] = december
    days = []
    for replayed in replay_year([*months, *more], left_over, gateway.ask, gateway.report):
        days.append(len(gateway.asked))
        assert replayed.judged.report["carrier"].m == sum(flight.carrier != "ZZ" for flight in replayed.month.flights)
    assert days == [31 + 1, 31 + 31 + 1, 31 + 31 + 28 + 1]


def test_a_month_that_is_never_judged_is_a_sentence(monkeypatch):
    monkeypatch.setattr(year, "JUDGED_TIMEOUT_S", 0)
    november, december = months_of(NOVEMBER + DECEMBER)
    gateway = WatchingGateway()
    with pytest.raises(NotJudgedError, match="did not judge 2013-11"):
        list(replay_year([november], december, gateway.ask, dict))


class Answering:
    """A client that keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def infer(self, model, inputs, *, metadata):
        self.asked.append((model, list(inputs["carrier"]), inputs["dep_hour"].tolist(), metadata))
        rows = len(inputs["carrier"])
        return {"label": np.zeros(rows, np.int64), "probability": np.full((rows, 1), 0.25, np.float32)}


def test_a_day_is_one_request_that_says_when_its_first_flight_leaves():
    client = Answering()
    day = DECEMBER[:3]
    answers = asking_days(client)(day)
    [(route, carriers, hours, metadata)] = client.asked
    assert (route, carriers) == (acts.YEAR_ROUTE, [flight.carrier for flight in day])
    assert hours == pytest.approx([flight.dep_hour for flight in day])
    assert metadata == {acts.EVENT_TIME_METADATA: str(day[0].planned_s)}
    assert (answers["label"].tolist(), answers["probability"].tolist()) == ([0] * 3, [0.25] * 3)


def test_a_month_begins_at_its_first_midnight():
    for month in months_of(NOVEMBER + DECEMBER):
        assert isinstance(month, Month)
        assert month.start_s % DAY_S == 0
