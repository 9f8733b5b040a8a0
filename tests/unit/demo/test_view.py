import io
from collections import Counter

import pytest
from rich.console import Console

from support.flown import a_flight
from tidegate.demo.moves import Moves
from tidegate.demo.replay import Answered, Failed, Prediction, Tally
from tidegate.demo.view import (
    ArmResult,
    Moment,
    asked_shares,
    closing_tables,
    live_picture,
    moves_table,
    plain_line,
    showing,
)

WEIGHTS = {"m/1": 90, "m/2": 10}


def moment(answers=9, failures=0, elapsed_s=2.0):
    tally = Tally()
    for index in range(answers + failures):
        flight = a_flight(tail_number=f"N{index}")
        if index < answers:
            version = "m/1" if index % 3 else "m/2"
            prediction = Prediction(version=version, probability=0.5)
            tally.add(Answered(flight=flight, prediction=prediction, begun_s=0.0, latency_s=0.004))
        else:
            tally.add(Failed(flight=flight, reason="UNAVAILABLE: gone"))
    return Moment(tally=tally, flights=20, elapsed_s=elapsed_s, weights=WEIGHTS)


def shown(renderable):
    console = Console(file=io.StringIO(), width=100)
    console.print(renderable)
    return console.file.getvalue()


def test_weights_of_any_scale_become_parts_of_one():
    assert asked_shares({"a": 3, "b": 1}) == {"a": 0.75, "b": 0.25}


def test_the_rate_is_told_also_before_time_has_passed():
    assert moment(answers=10).requests_per_s == 5.0
    assert moment(elapsed_s=0.0).requests_per_s == 0.0


def test_a_line_tells_progress_rate_latency_and_failures():
    line = plain_line(moment(answers=8, failures=2))
    assert line == "10 of 20 flights · 5 requests/s · p50 4.0 ms · p99 4.0 ms · failed 2"


def test_the_live_picture_has_the_share_of_every_arm_beside_the_asked_one():
    picture = shown(live_picture(moment()))
    assert "66.7%" in picture
    assert "asked 90%" in picture


def test_the_closing_tables_tell_all_that_was_promised():
    results = {
        "m/1": ArmResult(shares=((0.9, 0.667), (0.7, 0.711)), rows_per_batch=1.25, area_under_curve=0.6234),
        "m/2": ArmResult(shares=((0.1, 0.333), (0.3, 0.289)), rows_per_batch=None, area_under_curve=None),
    }
    tables = shown(closing_tables(moment(answers=9, failures=1), results))
    for fact in ("sticky violations", "failed", "90.0%", "66.7%", "71.1%", "1.25", "0.623", "4.00 ms", "then asked"):
        assert fact in tables


def test_the_moves_are_told_beside_what_arithmetic_asks_for():
    moves = Moves(aircraft=2163, moved=Counter({("m/1", "m/2"): 440}), expected=440, surprises=0, share=0.2)
    table = shown(moves_table(moves))
    for fact in ("2,163", "moved from m/1 to m/2", "440", "20.0%", "by arithmetic"):
        assert fact in table


def test_away_from_a_terminal_the_replay_is_a_line_now_and_then():
    console = Console(file=io.StringIO(), width=100)
    with showing(console) as show:
        for elapsed_s in (0.5, 2.1, 2.4, 4.2):
            show(moment(elapsed_s=elapsed_s))
    assert console.file.getvalue().count("\n") == 2


@pytest.mark.parametrize("answers", [0, 20])
def test_on_a_terminal_the_replay_is_shown_in_place(answers):
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with showing(console) as show:
        show(moment(answers=answers))
    assert f"{answers} of 20 flights" in console.file.getvalue()
