"""Two documents differ in what is said about their routes, and as many callers move as a simulation counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.differences import FieldChange, Movement, compare
from tidegate.core.documents import fill_in
from tidegate.core.routing import BUCKETS, RouteTable
from tidegate.core.simulation import simulate, stable_of, table_after

ROUTE = {
    "sticky": 'metadata["x-unit"]',
    "split": {"m/1": 90, "m/2": 10},
    "segments": [
        {"name": "one", "when": "params.a == 1", "split": {"m/1": 1, "m/2": 1}},
        {"name": "two", "when": "params.a == 2", "split": {"m/2": 1}},
    ],
    "shadow": [{"to": "m/3", "share_bp": 2000}],
}

weights = st.dictionaries(st.sampled_from(["m/1", "m/2", "m/3"]), st.integers(0, 100), min_size=1).filter(
    lambda weights: sum(weights.values()) > 0
)


def document(route=None, **more):
    return fill_in({"routes": {"r": {**ROUTE, **(route or {})}}, **more})


def change(**route):
    """What changes about the route when these fields of it do."""
    return compare(document(), document(route)).changed["r"]


def test_equal_documents_do_not_differ():
    found = compare(document(), document())
    assert (found.added, found.removed, found.changed, found.elsewhere) == ({}, {}, {}, ())


def test_routes_come_and_go():
    old, new = (fill_in({"routes": {name: ROUTE}}) for name in ("old", "new"))
    found = compare(old, new)
    assert (list(found.added), list(found.removed), found.changed) == (["new"], ["old"], {})


def test_a_weight_is_a_field_and_moves_callers():
    found = change(split={"m/1": 80, "m/2": 20})
    assert found.fields == (FieldChange('split["m/1"]', 90, 80), FieldChange('split["m/2"]', 10, 20))
    assert found.movements == {"split": Movement(pytest.approx(0.1, abs=1e-9), is_exact=True)}


def test_segments_and_shadows_are_found_by_their_names():
    first, second = ROUTE["segments"]
    third = {"name": "three", "when": "params.a == 3", "split": {"m/1": 1}}
    changed = {**second, "when": "params.b == 2"}
    found = change(segments=[third, first, changed], shadow=[{"to": "m/3", "share_bp": 1}])
    assert {field.path: (field.old, field.new) for field in found.fields} == {
        "segments.three": (None, {"when": "params.a == 3", "split": {"m/1": 1}, "salt": "r/three"}),
        "segments.two.when": ("params.a == 2", "params.b == 2"),
        'shadow["m/3"].share_bp': (2000, 1),
    }
    assert found.movements == {}


def test_another_order_of_segments_is_a_change():
    found = change(segments=list(reversed(ROUTE["segments"])))
    assert found.fields == (FieldChange("segments", ["one", "two"], ["two", "one"]),)


def test_a_segments_split_moves_its_own_callers():
    first, second = ROUTE["segments"]
    found = change(segments=[{**first, "split": {"m/1": 1, "m/2": 3}}, second])
    assert found.movements == {"segments.one.split": Movement(0.25, is_exact=True)}


@pytest.mark.parametrize("route", [{"salt": "other"}, {"sticky": "params.unit"}])
def test_another_salt_or_key_deals_everybody_anew(route):
    found = change(**route)
    assert not found.movements["split"].is_exact
    assert found.movements["split"].share == pytest.approx(1 - 0.9**2 - 0.1**2, abs=1e-6)
    assert found.movements["segments.one.split"].share == pytest.approx(0.5, abs=1e-6)


def test_explicit_ranges_are_taken_as_they_are():
    half = BUCKETS // 2
    found = change(ranges=[[0, half, "m/2"], [half, BUCKETS, "m/1"]])
    assert found.movements["split"] == Movement(pytest.approx(0.5 + 0.1, abs=1e-6), is_exact=True)


def test_what_differs_beside_routes_is_named():
    found = compare(document(), document(timeout_ms=5, versions={"m/1": {"instances": 7}}))
    assert found.elsewhere == ("versions", "timeout_ms")


@given(old=weights, new=weights)
def test_a_split_moves_as_many_as_its_simulation_counts(old, new):
    before = table_after(None, old, stable=stable_of(old), salt="r")
    assert isinstance(before, RouteTable)
    expected = sum(simulate(before, new, stable=stable_of(new, before.stable)).moved_buckets.values()) / BUCKETS
    documents = (fill_in({"routes": {"r": {"split": split}}}) for split in (old, new))
    changed = compare(*documents).changed.get("r")
    movements = changed.movements if changed else {}
    assert movements.get("split", Movement(0, is_exact=True)) == Movement(expected, is_exact=True)
