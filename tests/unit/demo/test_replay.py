import threading
from contextlib import closing
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.flown import a_flight
from tidegate.demo.replay import Answered, Failed, Prediction, Tally, nearest_rank, replay

EVER = range(100)


def flight(tail_number="N1", *, is_late=False):
    return a_flight(tail_number=tail_number, is_late=is_late)


def answered(tail_number="N1", version="m/1", *, probability=0.5, latency_s=0.001, is_late=False):
    return Answered(
        flight=flight(tail_number, is_late=is_late),
        prediction=Prediction(version=version, probability=probability),
        begun_s=0.0,
        latency_s=latency_s,
    )


def tally_of(*outcomes):
    tally = Tally()
    for outcome in outcomes:
        tally.add(outcome)
    return tally


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 3))))
def test_violations_are_the_aircraft_with_more_than_one_version(seen):
    tally = tally_of(*(answered(f"N{aircraft}", f"m/{version}") for aircraft, version in seen))
    versions = {aircraft: {v for a, v in seen if a == aircraft} for aircraft, _ in seen}
    assert tally.violations == sum(len(found) > 1 for found in versions.values())
    assert tally.tail_numbers == len(versions)


def test_shares_are_told_by_request_and_by_aircraft():
    tally = tally_of(answered("N1", "m/1"), answered("N1", "m/1"), answered("N1", "m/1"), answered("N2", "m/2"))
    assert (tally.request_share("m/1"), tally.request_share("m/2")) == (0.75, 0.25)
    assert (tally.tail_number_share("m/1", EVER), tally.tail_number_share("m/2", EVER)) == (0.5, 0.5)


def test_a_failure_is_a_request_without_an_arm():
    tally = tally_of(answered(version="m/1"), Failed(flight=flight(), reason="UNAVAILABLE: gone"))
    assert (tally.requests, tally.failed, tally.request_share("m/1")) == (2, 1, 1.0)
    assert tally.failures == {"UNAVAILABLE: gone": 1}


def test_a_tally_of_nothing_is_all_zeros():
    tally = Tally()
    assert (tally.requests, tally.failed, tally.violations, tally.tail_numbers) == (0, 0, 0, 0)
    assert (tally.request_share("m/1"), tally.tail_number_share("m/1", EVER), tally.latency_s(0.99)) == (0.0, 0.0, 0.0)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
def test_a_quantile_is_the_value_at_its_nearest_rank(values, quantile):
    ordered = sorted(values)
    assert nearest_rank(ordered, quantile) == np.quantile(ordered, quantile, method="inverted_cdf")


def test_every_flight_is_asked_about_once():
    flights = [flight(f"N{index}") for index in range(500)]

    def ask(asked):
        return Prediction(version="m/1", probability=0.5)

    outcomes = list(chain.from_iterable(replay(flights, ask, callers=4, tick_s=0.01)))
    assert sorted(outcome.flight.tail_number for outcome in outcomes) == sorted(f.tail_number for f in flights)


def test_the_callers_ask_at_the_same_time():
    together = threading.Barrier(3, timeout=10)

    def ask(asked):
        together.wait()
        return Prediction(version="m/1", probability=0.5)

    outcomes = list(chain.from_iterable(replay([flight()] * 3, ask, callers=3, tick_s=0.01)))
    assert len(outcomes) == 3


def test_a_refusal_is_counted_and_the_replay_goes_on():
    def ask(asked):
        return "NOT_FOUND: no such route" if asked.tail_number == "N1" else Prediction(version="m/1", probability=0.5)

    outcomes = list(chain.from_iterable(replay([flight("N1"), flight("N2")], ask, callers=1, tick_s=0.01)))
    assert [type(outcome) for outcome in outcomes] == [Failed, Answered]


def test_what_a_caller_raises_ends_the_replay():
    def ask(asked):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(replay([flight()] * 100, ask, callers=2, tick_s=0.01))


def test_closing_the_replay_ends_its_callers_without_asking_about_the_rest(monkeypatch):
    asked = []
    go_on = threading.Event()

    class EndThatLetsTheCallerGoOn(threading.Event):
        def set(self):
            super().set()
            go_on.set()

    def ask(one):
        asked.append(one)
        assert go_on.wait(10)
        return Prediction(version="m/1", probability=0.5)

    monkeypatch.setattr("tidegate.demo.replay.Event", EndThatLetsTheCallerGoOn)
    with closing(replay([flight()] * 100, ask, callers=1, tick_s=0.01)) as outcomes:
        assert next(outcomes) == []
    assert len(asked) == 1
