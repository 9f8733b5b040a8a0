from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from oracles.allocate import allocate, bucket
from tidegate.demo.moves import compare, tables

FIRST, SECOND = {"m/1": 90, "m/2": 10}, {"m/1": 70, "m/2": 30}
OLD, NEW = tables(FIRST, SECOND, "m/1")


def owners(weights, tails):
    table = allocate([], FIRST, "m/1")
    if weights is SECOND:
        table = allocate(table, SECOND, "m/1")
    places = {tail: bucket("r", tail.encode()) for tail in tails}
    return {tail: next(arm for start, end, arm in table if start <= place < end) for tail, place in places.items()}


@given(st.sets(st.text(min_size=1, max_size=8)), st.sets(st.text(min_size=1, max_size=8)))
def test_a_gateway_that_does_as_the_oracle_says_surprises_nobody(before, after):
    moves = compare(owners(FIRST, before), owners(SECOND, after), OLD, NEW, "r")
    assert (moves.surprises, moves.aircraft) == (0, len(before & after))
    assert moves.moved.total() == moves.expected


def test_one_aircraft_on_the_wrong_version_is_found():
    tails = [f"N{number}" for number in range(50)]
    before, after = owners(FIRST, tails), owners(SECOND, tails)
    after["N7"] = {"m/1": "m/2", "m/2": "m/1"}[after["N7"]]
    assert compare(before, after, OLD, NEW, "r").surprises == 1


def test_only_growth_moves_and_by_what_the_arm_grows():
    tails = [f"N{number}" for number in range(2000)]
    moves = compare(owners(FIRST, tails), owners(SECOND, tails), OLD, NEW, "r")
    assert moves.moved == Counter({("m/1", "m/2"): moves.expected})
    assert round(moves.share, 6) == 0.2
