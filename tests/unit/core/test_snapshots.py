"""A snapshot is read as a gateway wrote it, or refused in one sentence."""

import pytest

from tidegate.core.routing import BUCKETS, Range, RouteTable
from tidegate.core.snapshots import read_snapshot
from tidegate.errors import RouteUnknown, SnapshotUnreadable

TABLE = {"salt": "s", "stable": "m/1", "ranges": [[0, BUCKETS, "m/1"]]}
WRITTEN = {
    "schema": 2,
    "epoch": 7,
    "routes": {"flight-delay": {"route": {"sticky": None}, "table": TABLE}, "fraud": {"route": {}, "table": TABLE}},
}


def test_a_route_is_found_with_its_table():
    content = read_snapshot(WRITTEN).content("flight-delay")
    assert content.fields == {"sticky": None}
    assert content.table == RouteTable(salt="s", stable="m/1", ranges=(Range(0, BUCKETS, "m/1"),))


def test_one_route_can_be_had_without_the_others():
    assert read_snapshot(WRITTEN).only("fraud") == {**WRITTEN, "routes": {"fraud": WRITTEN["routes"]["fraud"]}}


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("fligt-delay", "The gateway serves no route 'fligt-delay'; did you mean flight-delay?"),
        ("zzz", "The gateway serves no route 'zzz'; it serves 2 others"),
    ],
)
def test_an_unknown_route_is_told_the_nearest(name, sentence):
    with pytest.raises(RouteUnknown) as refused:
        read_snapshot(WRITTEN).only(name)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "value", [None, [], {}, {"epoch": 1}, {"epoch": 1, "routes": []}, {"epoch": "1", "routes": {}}]
)
def test_what_is_no_snapshot_is_refused(value):
    with pytest.raises(SnapshotUnreadable, match="no snapshot of a gateway"):
        read_snapshot(value)


def test_a_route_without_a_table_is_refused():
    broken = read_snapshot({**WRITTEN, "routes": {"r": {"route": {}, "table": {"ranges": 5}}}})
    with pytest.raises(SnapshotUnreadable, match="route r has no table"):
        broken.content("r")
