import io
import itertools
import threading

import numpy as np
import pytest
from rich.console import Console

from tidegate.demo import __main__ as demo
from tidegate.demo.flights import Flight
from tidegate.demo.gateway import CANDIDATE, STABLE
from tidegate.demo.replay import Prediction
from tidegate.errors import Unavailable


def flights(count, aircraft=3):
    return [
        Flight(month=4, carrier="HA", dep_hour=9.5, tail_number=f"N{index % aircraft}", is_late=False)
        for index in range(count)
    ]


def console():
    return Console(file=io.StringIO(), width=100)


def by_aircraft(flight):
    return Prediction(version=CANDIDATE if flight.tail_number == "N0" else STABLE, probability=0.5)


def test_a_replay_that_holds_exits_with_zero():
    moment = demo.replay_flights(console(), flights(30), by_aircraft)
    assert (moment.tally.requests, moment.tally.violations) == (30, 0)
    assert demo.conclude(console(), moment) == 0


def test_one_failure_is_enough_to_exit_with_one():
    moment = demo.replay_flights(
        console(), flights(3), lambda flight: "UNAVAILABLE: gone" if flight.tail_number == "N0" else by_aircraft(flight)
    )
    out = console()
    assert demo.conclude(out, moment) == 1
    assert "1 times UNAVAILABLE: gone" in out.file.getvalue()


def test_an_aircraft_with_two_versions_is_enough_to_exit_with_one():
    turns = iter([STABLE, CANDIDATE] * 8)
    moment = demo.replay_flights(
        console(), flights(16, aircraft=1), lambda _: Prediction(version=next(turns), probability=0.5)
    )
    assert moment.tally.violations == 1
    assert demo.conclude(console(), moment) == 1


def test_a_replay_in_which_nothing_works_ends_early(monkeypatch):
    told_to_end = threading.Event()

    class EndThatIsSeen(threading.Event):
        def set(self):
            super().set()
            told_to_end.set()

    asked = itertools.count(1)

    def ask(_):
        if next(asked) > demo.GIVE_UP_AFTER_FAILURES:
            assert told_to_end.wait(10)
        return "UNAVAILABLE: gone"

    monkeypatch.setattr("tidegate.demo.replay.Event", EndThatIsSeen)
    moment = demo.replay_flights(console(), flights(1_000), ask)
    assert moment.tally.failed == demo.GIVE_UP_AFTER_FAILURES
    assert demo.conclude(console(), moment) == 1


class Answering:
    """A client that keeps what it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def infer(self, model, inputs, *, metadata):
        self.asked.append((model, inputs, metadata))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Answer(dict):
    version = STABLE


def test_a_flight_is_asked_about_as_one_row_with_its_tail_number_as_the_key():
    client = Answering(Answer(probability=np.array([[0.25]], dtype=np.float32)))
    (flight,) = flights(1)
    assert demo.asking(client)(flight) == Prediction(version=STABLE, probability=0.25)
    assert client.asked == [("flight-delay", {"carrier": ["HA"], "dep_hour": [9.5]}, {"x-unit": "N0"})]


def test_a_refused_request_is_a_reason_and_not_the_end():
    client = Answering(Unavailable("Draining.", code="UNAVAILABLE"))
    assert demo.asking(client)(flights(1)[0]) == "UNAVAILABLE: Draining."


@pytest.mark.parametrize("ended_by", [KeyboardInterrupt(), Unavailable("Draining.", code="UNAVAILABLE")])
def test_whatever_ends_the_demo_it_is_one_sentence(ended_by, monkeypatch, capsys):
    def end(_):
        raise ended_by

    monkeypatch.setattr(demo, "run_demo", end)
    assert demo.main() in (1, demo.INTERRUPTED)
    out, err = capsys.readouterr()
    assert (out + err).count("\n") == 1
