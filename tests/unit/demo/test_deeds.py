import itertools
import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.flown import a_flight, one_by_one
from tidegate.demo import deeds
from tidegate.demo.acts import CANDIDATE, STABLE
from tidegate.demo.deeds import Deed, Load, ask_during, broken_claims, windows_of
from tidegate.demo.replay import Prediction, Tally

DEEDS = [Deed(began_s=1.0, ended_s=2.0), Deed(began_s=3.0, ended_s=4.0)]
SOUND = ({STABLE: 9}, {STABLE: 9, CANDIDATE: 1}, {STABLE: 7, CANDIDATE: 3}, {STABLE: 5, CANDIDATE: 1}, {STABLE: 9})


def flights(count):
    return [a_flight(tail_number=f"N{index}") for index in range(count)]


def load(*windows):
    return Load(tally=Tally(), deeds=2, windows=[Counter(window) for window in windows])


@given(st.lists(st.floats(0.0, 5.0)))
def test_each_request_is_in_the_one_window_in_which_it_began(moments):
    windows = windows_of([(moment, STABLE) for moment in moments], DEEDS)
    edges = list(itertools.pairwise([-1.0, 1.0, 2.0, 3.0, 4.0, 6.0]))
    assert [window[STABLE] for window in windows] == [sum(low <= m < high for m in moments) for low, high in edges]


def test_a_request_that_begins_as_the_rollback_returns_is_one_after_it():
    assert windows_of([(4.0, CANDIDATE)], DEEDS)[-1] == {CANDIDATE: 1}


def test_commands_run_once_each_in_their_order_and_what_began_later_is_told_apart(monkeypatch):
    monkeypatch.setattr(deeds, "replay", one_by_one)
    version, done = STABLE, []

    def shift():
        nonlocal version
        version = CANDIDATE
        done.append("shift")

    def take_back():
        nonlocal version
        version = STABLE
        done.append("take back")

    found = ask_during(
        flights(100), lambda _: Prediction(version=version, probability=0.5), (shift, take_back), between=20
    )
    assert done == ["shift", "take back"]
    assert found.windows == [{STABLE: 20}, {}, {CANDIDATE: 20}, {}, {STABLE: 20}]
    assert found.tally.requests == 60
    assert not list(broken_claims(found))


def test_flights_go_on_being_asked_about_while_a_command_runs():
    is_running, is_all_asked = threading.Event(), threading.Event()
    asked = itertools.count(1)

    def ask(_):
        number = next(asked)
        if number > 5:
            assert is_running.wait(10)
        if number == 50:
            is_all_asked.set()
        return Prediction(version=STABLE, probability=0.5)

    def command():
        is_running.set()
        assert is_all_asked.wait(10)

    found = ask_during(flights(50), ask, (command,), between=5)
    before, during, after = (window.total() for window in found.windows)
    # Each caller may have begun one more before the command did.
    assert 5 <= before <= 5 + deeds.CALLERS
    assert (before + during, after, found.deeds) == (50, 0, 1)


def test_flights_that_are_over_before_the_rollback_break_the_claim():
    found = ask_during(flights(10), lambda _: Prediction(version=STABLE, probability=0.5), (print, print), between=20)
    assert found.deeds == 0
    assert list(broken_claims(found)) == ["The flights were over before the rollback was, so nothing was seen of it."]


def test_a_request_that_fails_is_told_with_its_reason():
    found = ask_during(flights(3), lambda _: "UNAVAILABLE: gone", (print, print), between=1)
    assert "3 requests failed with UNAVAILABLE: gone" in list(broken_claims(found))


@pytest.mark.parametrize(
    "at, window, said",
    [
        (0, {STABLE: 9, CANDIDATE: 2}, "2 requests before it had a share"),
        (2, {STABLE: 9}, "the rollback took nothing back"),
        (4, {STABLE: 9, CANDIDATE: 1}, "1 requests that began after the rollback had returned"),
        (4, {}, "nothing was seen of it"),
    ],
)
def test_a_version_that_answers_where_it_must_not_is_told(at, window, said):
    assert not list(broken_claims(load(*SOUND)))
    [sentence] = broken_claims(load(*SOUND[:at], window, *SOUND[at + 1 :]))
    assert said in sentence
