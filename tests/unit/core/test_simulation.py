"""A simulation counts exactly who moves, and nobody moves who need not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.routing import BUCKETS, Range, RouteTable, bucket
from tidegate.core.simulation import Move, bucket_counts, moved_buckets, simulate, stable_of, table_after

weights = st.dictionaries(st.sampled_from(["m/1", "m/2", "m/3", "m/10"]), st.integers(0, 1000), min_size=1).filter(
    lambda weights: sum(weights.values()) > 0
)
keys = st.lists(st.binary(min_size=1, max_size=20), max_size=30)


def table(*steps, stable="m/1", salt="r"):
    """The table after a history of weights."""
    found = None
    for step in steps:
        found = table_after(found, step, stable=stable, salt=salt)
    return found


def arm_of(ranges, place):
    """By looking at one range after the other."""
    return next(arm for start, end, arm in ranges if start <= place < end)


@given(history=st.lists(weights, min_size=1, max_size=4), new=weights)
def test_as_few_buckets_move_as_arithmetic_allows(history, new):
    before = table(*history)
    found = simulate(before, new, stable="m/1")
    now, then = bucket_counts(before.ranges), bucket_counts(found.after.ranges)
    lost = sum(max(0, count - then.get(arm, 0)) for arm, count in now.items())
    assert sum(found.moved_buckets.values()) == lost


@given(one=st.lists(weights, min_size=1, max_size=3), other=st.lists(weights, min_size=1, max_size=3))
def test_what_arms_lose_and_win_is_what_moves(one, other):
    before, after = table(*one).ranges, table(*other, stable="m/2").ranges
    balance = bucket_counts(before)
    for move, count in moved_buckets(before, after).items():
        assert move.before != move.after
        assert count > 0
        balance[move.before] -= count
        balance[move.after] = balance.get(move.after, 0) + count
    assert {arm: count for arm, count in balance.items() if count} == bucket_counts(after)


@given(history=st.lists(weights, min_size=1, max_size=3), new=weights, keys=keys)
def test_each_key_moves_as_its_bucket_does(history, new, keys):
    before = table(*history)
    found = simulate(before, new, stable="m/1", keys=keys)
    places = {key: bucket("r", key) for key in keys}
    expected = [
        (key, Move(arm_of(before.ranges, places[key]), arm_of(found.after.ranges, places[key]))) for key in keys
    ]
    assert [(moved.key, moved.move) for moved in found.key_moves] == [
        (key, move) for key, move in expected if move.before != move.after
    ]
    assert found.keys_before.total() == found.keys_after.total() == len(keys)
    assert all(found.keys_before[arm] == sum(move.before == arm for _, move in expected) for arm in found.keys_before)


@given(step=weights)
def test_the_same_weights_move_nobody(step):
    assert simulate(table(step), step, stable="m/1").moved_buckets == {}


def test_ten_percent_more_move_ten_percent():
    found = simulate(table({"m/1": 90, "m/2": 10}), {"m/1": 80, "m/2": 20}, stable="m/1")
    assert found.moved_buckets == {Move("m/1", "m/2"): 429_496_729}


def test_another_salt_starts_anew():
    before = RouteTable(salt="old", stable="m/1", ranges=(Range(0, BUCKETS, "m/2"),))
    assert table_after(before, {"m/1": 1}, stable="m/1", salt="new") == table({"m/1": 1}, salt="new")


@pytest.mark.parametrize(
    "weights, arm", [({"m/2": 1, "m/1": 1}, "m/1"), ({"m/1": 1, "m/2": 2}, "m/2"), ({"m/10": 3, "m/2": 3}, "m/10")]
)
def test_the_heaviest_arm_wins_and_ties_go_by_name(weights, arm):
    assert stable_of(weights, None, "m/99") == arm


def test_what_was_stable_stays_so_while_it_is_an_arm_and_nobody_names_another():
    assert stable_of({"m/1": 0, "m/2": 9}, None, "m/1") == "m/1"
    assert stable_of({"m/1": 0, "m/2": 9}, "m/2", "m/1") == "m/2"
