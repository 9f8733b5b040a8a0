"""Range tables of a compiled route and of its segments: written once, with the fewest callers moved."""

from tidegate.core.routes import compile_route, read, without
from tidegate.core.routing import BUCKETS, Range, allocate


def compiled(document, previous=None):
    """The route that a document means, where every version is there."""
    return compile_route(read(document), lambda reference: reference, previous).route


def document(split, segment):
    """A route with one segment."""
    return {"route": "r", "split": split, "segments": [{"name": "ha", "when": 'params.c == "HA"', "split": segment}]}


def table(part):
    """The table that a part of a route carries."""
    return [Range(*each) for each in part["ranges"]]


def test_a_segment_carries_its_own_table_from_the_arm_of_the_route():
    route = compiled(document({"m/1": 1}, {"m/1": 90, "m/2": 10}))
    segment = route["segments"][0]
    assert (route["stable"], segment["stable"]) == ("m/1", "m/1")
    assert table(segment) == list(allocate((), {"m/1": 90, "m/2": 10}, stable="m/1"))
    assert table(route) == [Range(0, BUCKETS, "m/1")]


def test_a_segment_walks_from_the_table_it_had():
    first = compiled(document({"m/1": 1}, {"m/1": 90, "m/2": 10}))
    second = compiled(document({"m/1": 1}, {"m/1": 60, "m/2": 40}), first)
    third = compiled(document({"m/1": 1}, {"m/1": 90, "m/2": 10}), second)
    assert table(second["segments"][0]) == list(
        allocate(table(first["segments"][0]), {"m/1": 60, "m/2": 40}, stable="m/1")
    )
    assert third["segments"] == first["segments"], "walking a ramp back restores the table"


def test_another_salt_deals_all_callers_of_a_segment_anew():
    first = compiled(document({"m/1": 1}, {"m/1": 60, "m/2": 40}))
    salted = document({"m/1": 1}, {"m/1": 90, "m/2": 10})
    salted["segments"][0]["salt"] = "other"
    segment = compiled(salted, first)["segments"][0]
    assert table(segment) == list(allocate((), {"m/1": 90, "m/2": 10}, stable="m/1"))


def test_without_a_version_only_its_callers_move():
    route = compiled(document({"m/1": 1, "m/2": 1, "m/3": 2}, {"m/2": 1, "m/3": 1}))
    left = without(route, "m/3")
    for part, before in ((left, route), (left["segments"][0], route["segments"][0])):
        kept = [each for each in table(before) if each.arm != "m/3"]
        assert "m/3" not in part["split"]
        assert all(any(own.start <= each.start and each.end <= own.end for own in table(part) if own.arm == each.arm)
                   for each in kept)  # fmt: skip


def test_nobody_is_left_to_answer():
    assert without(compiled({"route": "r", "split": {"m/3": 1}}), "m/3") is None


def test_a_segment_without_anybody_falls_back_to_the_split():
    left = without(compiled(document({"m/1": 1}, {"m/3": 1})), "m/3")
    assert left["segments"] == []
