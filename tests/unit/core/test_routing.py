"""The native split says what the published numbers and a slow, plain version say."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import allocate as oracle
from tidegate.core import routing
from tidegate.core.documents import fill_in
from tidegate.core.routing import BUCKETS, Range, RequestHead

GOLDEN = json.loads((Path(__file__).parents[2] / "data" / "routing_golden.json").read_text())

MAX_WEIGHT = 2**64 - 1

arms = st.sampled_from(["a", "b", "m/1", "m/10", "m/2", "é"])
weights = st.dictionaries(
    arms, st.one_of(st.just(0), st.integers(0, 100), st.integers(0, MAX_WEIGHT)), min_size=1
).filter(lambda weights: sum(weights.values()) > 0)


@pytest.mark.parametrize("salt, key, _, expected", GOLDEN["buckets"])
def test_buckets_are_the_published_ones(salt, key, _, expected):
    assert routing.bucket(salt, key) == expected
    assert routing.bucket(salt, key.encode()) == expected


@given(salt=st.text(), key=st.one_of(st.binary(), st.text(), st.integers(0, 2**20).map(lambda size: b"\0" * size)))
def test_a_bucket_is_the_same_in_rust_and_in_python(salt, key):
    data = key.encode() if isinstance(key, str) else key
    assert routing.bucket(salt, key) == oracle.bucket(salt, data)


def test_ten_thousand_keys_fall_where_the_oracle_says():
    keys = [f"user-{number}-é-\0-{'𝄞' * (number % 70)}" for number in range(10_000)]
    assert [routing.bucket("r", key) for key in keys] == [oracle.bucket("r", key.encode()) for key in keys]


def test_the_golden_ramp_goes_up_and_comes_back():
    tables = [(Range(0, BUCKETS, "stable"),)]
    percents = [0, 1, 5, 10, 25, 50]

    def step(percent):
        ramp = {"canary": percent, "control": percent, "stable": 100 - 2 * percent}
        return routing.allocate(tables[-1], ramp, stable="stable")

    for percent in percents[1:]:
        tables.append(step(percent))
        if expected := GOLDEN["ramp"].get(str(percent)):
            assert [list(range_) for range_ in tables[-1]] == expected
    for percent, earlier in zip(reversed(percents[:-1]), list(reversed(tables[:-1])), strict=True):
        tables.append(step(percent))
        assert tables[-1] == earlier
    assert routing.allocate(tables[-1], {"canary": 1}, stable="stable") == (Range(0, BUCKETS, "canary"),)


@given(steps=st.lists(weights, min_size=1, max_size=8), stable=arms)
def test_every_table_of_a_history_is_the_oracles(steps, stable):
    table, expected = (), []
    for step in steps:
        table = routing.allocate(table, step, stable=stable)
        expected = oracle.allocate(expected, step, stable)
        assert list(table) == expected


@given(step=weights)
def test_the_order_of_the_arms_means_nothing(step):
    backwards = dict(reversed(step.items()))
    assert routing.allocate((), step, stable="a") == routing.allocate((), backwards, stable="a")


@pytest.mark.parametrize("nothing", [{}, {"a": 0}, {"a": 0, "b": 0}])
def test_no_weight_is_no_table(nothing):
    with pytest.raises(ValueError, match="weight"):
        routing.allocate((), nothing, stable="a")


@pytest.mark.parametrize(
    "previous",
    [
        [Range(0, 5, "a")],
        [Range(5, BUCKETS, "a")],
        [Range(0, 5, "a"), Range(4, BUCKETS, "b")],
        [Range(0, BUCKETS + 1, "a")],
    ],
)
def test_a_previous_table_with_holes_or_overlaps_is_refused(previous):
    with pytest.raises(ValueError, match="not a table"):
        routing.allocate(previous, {"a": 1}, stable="a")


# As a gateway writes it: a sticky split with a segment, pins by condition and a shadow.
ROUTE = fill_in(
    {
        "routes": {
            "r": {
                "sticky": 'metadata["x-unit"]',
                "split": {"m/1": 1, "m/2": 1},
                "segments": [{"name": "ha", "when": 'params.carrier == "HA"', "split": {"m/2": 1}}],
                "pins": {"when": 'peer == "10.0.0.1"'},
                "shadow": [{"to": "m/3"}],
            }
        }
    }
)["routes"]["r"]
HALF = BUCKETS // 2
SNAPSHOT = {
    "schema": 2,
    "incarnation": 1,
    "epoch": 1,
    "routes": {
        "r": {
            "requires": ["segments", "pins"],
            "route": ROUTE,
            "table": {"salt": "r", "stable": "m/1", "ranges": [[0, HALF, "m/1"], [HALF, BUCKETS, "m/2"]]},
            "segment_tables": {"ha": {"salt": "r/ha", "stable": "m/2", "ranges": [[0, BUCKETS, "m/2"]]}},
        }
    },
    "versions": {},
}


@given(key=st.text(min_size=1, max_size=20))
def test_a_key_is_explained_by_its_bucket(key):
    found = routing.explain(SNAPSHOT, "r", RequestHead(key=key))
    place = oracle.bucket("r", key.encode())
    assert (found.bucket, found.version) == (place, "m/1" if place < HALF else "m/2")
    assert (found.reason, found.keyed_by, found.probability) == ("split", 'metadata["x-unit"]', 0.5)
    assert found == routing.explain(SNAPSHOT, "r", RequestHead(metadata={"x-unit": key}))


def test_every_step_on_the_way_is_told():
    found = routing.explain(SNAPSHOT, "r", RequestHead(params={"carrier": "HA"}, prediction_id="p"))
    assert (found.version, found.reason, found.keyed_by) == ("m/2", "segment:ha", "prediction_id")
    (segment,) = found.segments
    assert (segment.name, segment.when, segment.outcome) == ("ha", 'params.carrier == "HA"', "match")
    assert (found.pins.when, found.pins.outcome) == ('peer == "10.0.0.1"', "no match")
    (shadow,) = found.shadows
    assert (shadow.to, shadow.share_bp, shadow.is_copied, shadow.when) == ("m/3", 10_000, True, None)


def test_a_refused_pin_is_told_why():
    found = routing.explain(SNAPSHOT, "r", RequestHead(model_version="1", key="k"))
    assert (found.version, found.bucket) == (None, None)
    assert "pins" in found.refusal
    assert routing.explain(SNAPSHOT, "r", RequestHead(model_version="1", peer="10.0.0.1")).reason == "pinned"


@pytest.mark.parametrize(
    "snapshot, route, head, sentence",
    [
        (SNAPSHOT, "x", RequestHead(), "no route is named"),
        ({}, "r", RequestHead(), "schema"),
        (
            {**SNAPSHOT, "routes": {"r": {**SNAPSHOT["routes"]["r"], "route": {**ROUTE, "sticky": None}}}},
            "r",
            RequestHead(key="k"),
            "has no sticky key",
        ),
    ],
)
def test_what_cannot_be_explained_is_a_sentence(snapshot, route, head, sentence):
    with pytest.raises(ValueError, match=sentence):
        routing.explain(snapshot, route, head)
