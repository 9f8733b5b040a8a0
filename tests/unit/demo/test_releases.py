import io
from collections import Counter
from contextlib import contextmanager

import pytest
import yaml
from rich.console import Console

from support.flown import a_flight, one_by_one
from tidegate.demo import deeds, releases
from tidegate.demo.acts import CANDIDATE, SECOND_SPLIT, STABLE
from tidegate.demo.deeds import Load
from tidegate.demo.registry import Material, Up
from tidegate.demo.replay import Prediction, Tally

HELD = ({STABLE: 9}, {STABLE: 9, CANDIDATE: 1}, {STABLE: 7, CANDIDATE: 3}, {STABLE: 5, CANDIDATE: 1}, {STABLE: 9})


def console():
    return Console(file=io.StringIO(), width=100)


def load(*windows):
    return Load(tally=Tally(), deeds=2, windows=[Counter(window) for window in windows])


@pytest.fixture
def running(tmp_path):
    return Up(folder=tmp_path, grpc="127.0.0.1:1", http="127.0.0.1:2", admin="127.0.0.1:3")


class Typed:
    """Stands where commands are run; those that begin with one of the words of `broken` fail."""

    def __init__(self, *broken):
        self.broken = broken
        self.commands = []
        self.places = set()

    def __call__(self, *words, folder, variables, **_):
        self.commands.append(words)
        self.places.add((folder, variables["TIDEGATE_ADMIN"]))
        return (1 if words[:2] in self.broken or words[:1] in self.broken else 0), f"{words[0]} said"


class Registered:
    def __init__(self, name):
        self.version = type("Version", (), {"name": name})


@pytest.fixture
def play(monkeypatch, running):
    """Plays the act with a registry that is none; returns the code and what was printed.

    Version 2 answers between the second apply and the rollback, and for ever if it `keeps_on`.
    """

    @contextmanager
    def up(folder):
        yield running

    @contextmanager
    def nothing(*_, **__):
        yield None

    def run(typed, *, versions=(STABLE, CANDIDATE), flights=5_000, keeps_on=False):
        monkeypatch.setattr(deeds, "replay", one_by_one)
        monkeypatch.setattr(releases, "up", up)
        monkeypatch.setattr(releases, "Registry", nothing)
        monkeypatch.setattr(releases, "Client", nothing)
        monkeypatch.setattr(releases, "register", lambda *_: [Registered(name) for name in versions])
        monkeypatch.setattr(releases.gateway, "run_command", typed)
        top = running.folder.parent
        material = Material(locator="", code=top, learnt_from=[], judged_by=[])

        def ask(_):
            first_words = [words[0] for words in typed.commands]
            is_shifted = first_words.count("routes") > 1 and (keeps_on or "rollback" not in first_words)
            return Prediction(version=CANDIDATE if is_shifted else STABLE, probability=0.5)

        out = console()
        code = releases.play_releases(
            out,
            running.folder,
            top=top,
            material=material,
            flights=[a_flight() for _ in range(flights)],
            asking=lambda _: ask,
        )
        return code, out.file.getvalue()

    return run


def test_a_command_is_told_as_typed_where_the_token_is_and_its_failure_is_kept(monkeypatch, running):
    typed = Typed(("rollback",))
    monkeypatch.setattr(releases.gateway, "run_command", typed)
    out = console()
    terminal = releases.Terminal(out, running)
    assert terminal.type("journal", "verify")
    assert not terminal.type("rollback", "flight-delay", "--reason", "too late", says="named")
    assert "$ tidegate rollback flight-delay --reason 'too late'     # named\nrollback said" in out.file.getvalue()
    assert terminal.failed == ["`tidegate rollback flight-delay --reason 'too late'` ended with 1."]
    assert typed.places == {(running.folder, running.admin)}


def test_a_route_that_cannot_be_applied_ends_the_act_before_anybody_asks(play):
    typed = Typed(("routes", "apply"))
    code, said = play(typed)
    assert code == 1
    assert [words[:2] for words in typed.commands] == [("models", "show"), ("routes", "apply")]
    assert "ended with 1." in said
    assert "The releases did not hold." in said


def test_an_act_that_holds_types_every_command_and_exits_with_zero(play):
    typed = Typed()
    code, said = play(typed)
    assert code == 0
    assert [words[:2] for words in typed.commands] == [
        ("models", "show"),
        ("routes", "apply"),
        ("routes", "apply"),
        ("rollback", "flight-delay"),
        ("routes", "history"),
        ("journal", "verify"),
    ]
    assert "All 1,500 requests were answered" in said


def test_a_version_that_goes_on_answering_after_the_rollback_is_enough_to_exit_with_one(play):
    code, said = play(Typed(), keeps_on=True)
    assert code == 1
    assert "500 requests that began after the rollback had returned" in said


@pytest.mark.parametrize("broken", [("rollback",), ("journal", "verify"), ("routes", "history")])
def test_a_command_that_fails_is_enough_to_exit_with_one(play, broken):
    code, said = play(Typed(broken))
    assert code == 1
    assert "ended with 1." in said
    assert "The releases did not hold." in said


def test_versions_that_are_not_those_of_a_new_registry_are_told(play):
    code, said = play(Typed(), versions=(STABLE, "flight-delay/7"))
    assert code == 1
    assert f"Expected {STABLE}, {CANDIDATE} in a new registry." in said


def test_flights_that_end_before_the_rollback_are_enough_to_exit_with_one(play):
    code, said = play(Typed(), flights=3)
    assert code == 1
    assert "nothing was seen of it" in said


def test_the_document_has_the_weights_and_keeps_an_aircraft_with_its_version():
    document = yaml.safe_load(releases.release(SECOND_SPLIT))
    assert document == {
        "route": "flight-delay",
        "sticky": 'metadata["x-unit"]',
        "stable": STABLE,
        "split": {STABLE: 70, CANDIDATE: 30},
    }


def test_what_is_long_is_cut_and_says_by_how_much():
    assert releases.shortened("a\nb\nc", 3) == "a\nb\nc"
    assert releases.shortened("a\nb\nc", 1) == "a\n… 2 lines more"


def test_the_table_has_a_line_for_each_window():
    out = console()
    out.print(releases.load_table(load(*HELD)))
    lines = [line.split() for line in out.file.getvalue().splitlines()]
    assert [line[-2:] for line in lines[1:]] == [["9", "0"], ["9", "1"], ["7", "3"], ["5", "1"], ["9", "0"]]


def test_what_held_exits_with_zero_and_what_did_not_with_one():
    assert releases.conclude(console(), load(*HELD), []) == 0
    out = console()
    assert releases.conclude(out, load(*HELD[:4], {STABLE: 9, CANDIDATE: 2}), []) == 1
    assert f"{CANDIDATE} answered 2 requests that began after the rollback had returned." in out.file.getvalue()
    assert releases.conclude(console(), None, []) == 1
