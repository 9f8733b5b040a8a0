import io
import itertools
import threading
from collections import Counter

import numpy as np
import pytest
from rich.console import Console

from support.flown import a_flight
from tidegate.demo import __main__ as demo
from tidegate.demo.acts import ACTS, CANDIDATE, SEGMENT, STABLE, Act
from tidegate.demo.moves import Moves
from tidegate.demo.replay import Prediction
from tidegate.errors import Unavailable


def flights(count, aircraft=3):
    return [a_flight(tail_number=f"N{index % aircraft}") for index in range(count)]


def console():
    return Console(file=io.StringIO(), width=100)


def by_aircraft(flight):
    return Prediction(version=CANDIDATE if flight.tail_number == "N0" else STABLE, probability=0.5)


class Stage(demo.Stage):
    """Plays every act without a gateway."""

    def __init__(self, folder=None):
        super().__init__(folder, 100)
        self.played = []

    def play(self, act, epoch):
        self.played.append(act.file)
        self.epochs.append(epoch())
        return f"{act.file} is in force"


def replayed(flights, ask, stage=None):
    epochs = itertools.count(2)
    return demo.replay_flights(console(), flights, ask, stage or Stage(), lambda: next(epochs))


def moves(surprises=0):
    return Moves(aircraft=9, moved=Counter(), expected=0, surprises=surprises, share=0.2)


def conclude(moment, *, stage=None, moved=None, out=None):
    return demo.conclude(out or console(), moment, stage or Stage(), moved or moves())


def test_a_replay_that_holds_exits_with_zero():
    moment = replayed(flights(30), by_aircraft)
    assert (moment.tally.requests, moment.tally.violations) == (30, 0)
    assert conclude(moment) == 0


def test_one_failure_is_enough_to_exit_with_one():
    moment = replayed(
        flights(3), lambda flight: "UNAVAILABLE: gone" if flight.tail_number == "N0" else by_aircraft(flight)
    )
    out = console()
    assert conclude(moment, out=out) == 1
    assert "1 times UNAVAILABLE: gone" in out.file.getvalue()


def test_an_aircraft_with_two_versions_is_enough_to_exit_with_one():
    turns = iter([STABLE, CANDIDATE] * 8)
    moment = replayed(flights(16, aircraft=1), lambda _: Prediction(version=next(turns), probability=0.5))
    assert moment.tally.violations == 1
    assert conclude(moment) == 1


def test_the_acts_are_played_on_the_way_in_their_order():
    stage = Stage()
    moment = replayed(flights(60), by_aircraft, stage)
    assert stage.played == [act.file for act in ACTS[1:]]
    assert moment.weights == {STABLE: 70, CANDIDATE: 30}


@pytest.mark.parametrize(
    "version, reason, code",
    [(CANDIDATE, f"segment:{SEGMENT}", 0), (STABLE, f"segment:{SEGMENT}", 1), (STABLE, "unkeyed", 1)],
)
def test_a_segment_answers_with_its_version_and_nobody_is_unkeyed(version, reason, code):
    moment = replayed(flights(9), lambda _: Prediction(version=version, probability=0.5, reason=reason))
    assert conclude(moment) == code


def test_an_act_that_goes_wrong_or_a_move_nobody_asked_for_exits_with_one():
    moment = replayed(flights(9), by_aircraft)
    assert conclude(moment, moved=moves(surprises=1)) == 1
    stage = Stage()
    stage.failed.append("second.yaml")
    assert conclude(moment, stage=stage) == 1
    assert demo.conclude(console(), moment, Stage(), None) == 1


@pytest.mark.parametrize("code, is_whole, fails", [(0, True, []), (1, True, ["a"]), (1, False, []), (0, False, ["a"])])
def test_an_act_is_played_by_the_command_a_user_types(monkeypatch, tmp_path, code, is_whole, fails):
    typed = []

    def run(*words, width):
        typed.append((*words, width))
        return code, "said"

    monkeypatch.setattr(demo.gateway, "run_command", run)
    stage = demo.Stage(tmp_path, 100)
    act = Act(file="a", document="", begins_at=0.5, says="", is_whole=is_whole)
    assert stage.play(act, lambda: 7) == "said"
    assert (typed, stage.epochs, stage.failed) == ([("apply", tmp_path / "a", 100)], [7], fails)


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
    moment = replayed(flights(1_000), ask)
    assert moment.tally.failed == demo.GIVE_UP_AFTER_FAILURES
    assert conclude(moment) == 1


class Answering:
    """A client that keeps what it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def infer(self, model, inputs, *, metadata, parameters):
        self.asked.append((model, inputs, metadata, parameters))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Answer(dict):
    version = STABLE
    reason = "split"
    epoch = 4


def test_a_flight_is_asked_about_as_one_row_with_its_tail_number_as_the_key():
    client = Answering(Answer(probability=np.array([[0.25]], dtype=np.float32)))
    (flight,) = flights(1)
    assert demo.asking(client)(flight) == Prediction(version=STABLE, probability=0.25, reason="split", epoch=4)
    asked = ("flight-delay", {"carrier": ["HA"], "dep_hour": [9.5]}, {"x-unit": "N0"}, {"carrier": "HA"})
    assert client.asked == [asked]


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


def test_each_run_begins_with_nothing_remembered_and_replays_what_no_model_has_learnt_from(monkeypatch, tmp_path):
    (tmp_path / "state").mkdir()
    march, april = a_flight(planned_s=1362096000), a_flight()
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    monkeypatch.setattr(demo, "fetch_archive", lambda *_: tmp_path / "archive")
    monkeypatch.setattr(demo, "read_flights", lambda *_, months: [march, april] if 12 in months else [])
    trained = []
    monkeypatch.setattr(demo.training, "train_models", lambda *asked: trained.extend(asked[-1]()))
    assert demo.prepare(console()) == ([march], [april])
    assert trained == [march]
    assert not (tmp_path / "state").exists()


def test_without_its_document_in_force_the_year_does_not_begin(monkeypatch):
    monkeypatch.setattr(demo.gateway, "run_command", lambda *_, width: (1, f"refused, in {width} columns"))
    monkeypatch.setattr(demo.gateway, "epoch", lambda _: 4)
    out = console()
    assert demo.run_year(out, flights(3), None, None) == 1
    assert "refused, in 100 columns" in out.file.getvalue()
    assert "The year did not begin" in out.file.getvalue()


def test_releases_are_made_under_may_of_what_is_measured_in_april(monkeypatch):
    april, may, june = flights(1)[0], a_flight(planned_s=1367366400), a_flight(planned_s=1370044800)
    told = {}
    monkeypatch.setattr(demo, "play_releases", lambda *_, **kept: told.update(kept) or 0)
    assert demo.run_releases(console(), flights(2), [april, may, june]) == 0
    assert told["flights"] == [may]
    assert told["material"].judged_by == [april]
    assert told["material"].learnt_from == flights(2)
