"""A route that a registry adopts deals every bucket as its gateway does, under whatever names versions get."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.adoption import adopt, strayed, versions_named
from tidegate.core.documents import fill_in
from tidegate.core.routing import BUCKETS, allocate
from tidegate.core.simulation import ArmFinder
from tidegate.core.snapshots import Snapshot

ARMS = ("m/1", "m/2", "m/5")
SPLITS = st.lists(
    st.dictionaries(st.sampled_from(ARMS), st.integers(1, 9), min_size=1, max_size=3), min_size=1, max_size=4
)
NAMES = st.fixed_dictionaries({arm: st.sampled_from(["m/1", "m/2", "m/3"]) for arm in ARMS})


def served(split, ranges, stable):
    table = {"salt": "r", "stable": stable, "ranges": [list(each) for each in ranges]}
    content = {"route": {"split": split, "salt": "r"}, "table": table, "segment_tables": {}}
    return Snapshot(epoch=1, fields={"routes": {"r": content}})


@given(splits=SPLITS, names=NAMES, places=st.lists(st.integers(0, BUCKETS - 1), min_size=1, max_size=20))
def test_every_bucket_keeps_its_version(splits, names, places):
    ranges = ()
    for split in splits:
        stable = max(split, key=lambda arm: (split[arm], arm))
        ranges = allocate(ranges, split, stable=stable)
    written = {"split": splits[-1]}
    filled = fill_in({"routes": {"r": written}})["routes"]["r"]
    adopted = adopt(
        "r", written=written, settings={}, filled=filled, applied=served(splits[-1], ranges, stable), names=names
    )
    before, after = ArmFinder(ranges), ArmFinder([type(ranges[0])(*each) for each in adopted.document["ranges"]])
    assert [names[before.arm_of(place)] for place in places] == [after.arm_of(place) for place in places]
    assert adopted.document["stable"] == names[stable]
    assert sum(adopted.document["split"].values()) == sum(splits[-1].values())
    # The compiler of documents takes it: weights and table are of one split.
    route = {key: value for key, value in adopted.document.items() if key != "route"}
    assert fill_in({"routes": {"r": route}})["routes"]["r"]["ranges"] == adopted.document["ranges"]


def test_settings_go_along_and_pins_do_not():
    written = {"split": {"m/1": 1}}
    filled = fill_in({"routes": {"r": written}})["routes"]["r"]
    settings = {"m/1": {"digest": "sha256:x", "intra_op_threads": 2}, "m/2": {"intra_op_threads": 4}}
    adopted = adopt("r", written=written, settings=settings, filled=filled, applied=None, names={"m/1": "m/9"})
    assert adopted.document == {"route": "r", "split": {"m/9": 1}, "versions": {"m/9": {"intra_op_threads": 2}}}
    assert not adopted.has_table


def test_every_version_that_is_named_anywhere_counts():
    fields = fill_in(
        {
            "routes": {"r": {"split": {"b/10": 1, "b/2": 1}, "shadow": [{"to": "a/1"}]}},
            "versions": {"c/3": {"intra_op_threads": 1}},
        }
    )
    assert versions_named(fields) == {"a": [1], "b": [2, 10], "c": [3]}


def test_a_route_with_other_weights_than_are_served_has_strayed():
    fields = fill_in({"routes": {"r": {"split": {"m/1": 1, "m/2": 1}}, "new": {"split": {"m/1": 1}}}})
    assert strayed(fields, served({"m/1": 1, "m/2": 1}, (), "m/1")) == []
    assert strayed(fields, served({"m/1": 2, "m/2": 1}, (), "m/1")) == ["r"]
