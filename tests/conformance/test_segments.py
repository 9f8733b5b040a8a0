"""Segments, pins and sequences as callers see them, held against an oracle that shares no code with the gateway."""

import json
import urllib.request

import grpc
import pytest

from oracles.allocate import BUCKETS, allocate, bucket
from support import models as small_models
from support.applying import apply, serving
from support.asking import failure
from support.calls import INFER, channel_to, four, metadata_of
from support.gateway import refused_start
from support.watching import metric, read
from tidegate.inference import open_inference_pb2 as oip

STICKY = 'metadata["x-unit"]'
ROUTE = {
    "sticky": STICKY,
    "stable": "add/1",
    "split": {"add/1": 90, "add/2": 10},
    "segments": [
        {"name": "hawaiian", "when": 'params.carrier == "HA"', "split": {"add/2": 1}},
        {"name": "internal", "when": 'metadata["x-team"] in ["ml", "qa"]', "split": {"add/3": 1, "add/1": 1}},
        {"name": "local", "when": 'peer == "127.0.0.1" && params.here == true', "split": {"add/3": 1}},
    ],
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segments")
    for version in (1, 2, 3):
        small_models.save(folder, "add", version, small_models.add(version))
    return folder


@pytest.fixture(scope="module")
def segmented(repository):
    with serving(repository, {"sum": ROUTE}, limits={"header_list_kib": 256}) as gateway:
        yield gateway


def ask(gateway, *, params=None, metadata=(), version=""):
    """Who answers, and why."""
    message = four("sum", model_version=version)
    for name, value in (params or {}).items():
        message.parameters[name].CopyFrom(oip.InferParameter(**value))
    with channel_to(gateway) as channel:
        call = channel.unary_unary(INFER).future(message.SerializeToString(), timeout=20, metadata=list(metadata))
        answer = oip.ModelInferResponse.FromString(call.result())
        said = metadata_of(call)
    assert answer.parameters["tidegate_reason"].string_param == said["x-tidegate-reason"]
    return said["x-tidegate-version"], said["x-tidegate-reason"]


def text(value: str):
    return {"string_param": value}


def test_the_first_segment_that_matches_answers_with_its_own_split(segmented):
    assert ask(segmented, params={"carrier": text("HA")}) == ("add/2", "segment:hawaiian")
    both = ask(segmented, params={"carrier": text("HA")}, metadata=[("x-team", "ml")])
    assert both == ("add/2", "segment:hawaiian")
    table = allocate([], {"add/1": 1, "add/3": 1}, "add/1")
    for unit in range(40):
        place = bucket("sum/internal", f"N{unit}".encode())
        expected = next(arm for start, end, arm in table if start <= place < end)
        found = ask(segmented, metadata=[("x-team", "qa"), ("x-unit", f"N{unit}")])
        assert found == (expected, "segment:internal")
    assert ask(segmented, params={"here": {"bool_param": True}}) == ("add/3", "segment:local")


def test_who_matches_no_segment_is_split_as_before(segmented):
    table = allocate([], {"add/1": 90, "add/2": 10}, "add/1")
    for unit in range(40):
        place = bucket("sum", f"N{unit}".encode())
        expected = next(arm for start, end, arm in table if start <= place < end)
        assert ask(segmented, metadata=[("x-unit", f"N{unit}"), ("x-team", "sales")]) == (expected, "split")


def test_a_missing_key_is_counted_by_its_name(segmented):
    wanted = {"route": "sum", "condition": "segment:hawaiian"}
    before = metric(segmented, "tidegate_condition_missing_total", **wanted)
    ask(segmented)
    assert metric(segmented, "tidegate_condition_missing_total", **wanted) == before + 1
    line = next(line for line in read(segmented, "/metrics").splitlines() if "segment:hawaiian" in line)
    assert 'key="params[\\"carrier\\"]"' in line


def test_a_sequence_stays_on_one_arm_whatever_its_key_says(segmented):
    answered = {
        ask(segmented, params={"sequence_id": {"int64_param": 42}}, metadata=[("x-unit", f"N{unit}")])
        for unit in range(20)
    }
    place = bucket("sum", b"42")
    assert answered == {("add/1" if place < BUCKETS * 9 // 10 else "add/2", "split")}


@pytest.mark.parametrize(
    "pins, metadata, expected",
    [
        ("allow", [], ("add/2", "pinned")),
        ("deny", [], None),
        ({"when": 'metadata["x-team"] == "ml"'}, [("x-team", "ml")], ("add/2", "pinned")),
        ({"when": 'metadata["x-team"] == "ml"'}, [("x-team", "qa")], None),
        ({"when": 'metadata["x-team"] == "ml"'}, [], None),
    ],
)
def test_a_caller_names_a_version_where_it_may(repository, pins, metadata, expected):
    with serving(repository, {"sum": {**ROUTE, "pins": pins}}) as gateway:
        if expected is not None:
            assert ask(gateway, params={"carrier": text("UA")}, metadata=metadata, version="2") == expected
            assert ask(gateway, metadata=metadata, version="3") == ("add/3", "pinned"), "a segment's arm is one too"
            return
        with channel_to(gateway) as channel:
            message = four("sum", model_version="2").SerializeToString()
            call = channel.unary_unary(INFER).future(message, timeout=20, metadata=metadata)
            assert failure(call) == ("PERMISSION_DENIED", "PIN_DENIED")


def test_changing_weights_moves_exactly_the_callers_that_arithmetic_asks_for(repository):
    keys = [f"N{number}" for number in range(400)]
    routes = {"sum": {"sticky": STICKY, "stable": "add/1", "split": {"add/1": 90, "add/2": 10}}}

    def owners(gateway):
        return {key: ask(gateway, metadata=[("x-unit", key)])[0] for key in keys}

    with serving(repository, routes) as gateway:
        table = allocate([], {"add/1": 90, "add/2": 10}, "add/1")
        first = owners(gateway)
        for weights in (
            {"add/1": 70, "add/2": 30},
            {"add/1": 60, "add/2": 30, "add/3": 10},
            {"add/1": 90, "add/2": 10},
        ):
            table = allocate(table, weights, "add/1")
            apply(gateway, {"routes": {"sum": {**routes["sum"], "split": weights}}})
            places = {key: bucket("sum", key.encode()) for key in keys}
            expected = {
                key: next(arm for start, end, arm in table if start <= place < end) for key, place in places.items()
            }
            assert owners(gateway) == expected
            served = json.loads(urllib.request.urlopen(f"http://{gateway.http_address}/snapshot", timeout=20).read())
            assert [tuple(piece) for piece in served["routes"]["sum"]["table"]["ranges"]] == table
        assert owners(gateway) == first, "walked back, everybody is where they were"


def test_metadata_with_a_thousand_entries_is_decided_like_any_other(segmented):
    many = [(f"x-noise-{number}", "v") for number in range(1000)]
    assert ask(segmented, metadata=[*many, ("x-team", "ml"), ("x-unit", "N1")])[1] == "segment:internal"


@pytest.mark.parametrize(
    "carrier", [text(""), text("x" * 2**20), text("HÄ"), {"int64_param": 7}, {"double_param": 0.5}]
)
def test_a_value_of_any_kind_and_size_is_compared_and_not_trusted(segmented, carrier):
    assert ask(segmented, params={"carrier": carrier}, metadata=[("x-unit", "N1")])[1] == "split"


def test_a_value_that_is_no_utf8_is_refused_as_every_text_is(segmented):
    message = four("sum").SerializeToString() + b"\x22\x0f\n\x07carrier\x12\x04\x1a\x02\xff\xfe"
    with channel_to(segmented) as channel:
        call = channel.unary_unary(INFER).future(message, timeout=20)
        assert failure(call) == ("INVALID_ARGUMENT", "MALFORMED_MESSAGE")


def _segment(**more):
    return {"name": "a", "when": "params.a == 1", "split": {"add/1": 1}, **more}


@pytest.mark.parametrize(
    "more, expected",
    [
        ({"segments": [_segment(), _segment()]}, 'segments[1].name: "a" is the name of an earlier segment'),
        ({"segments": [_segment(split={"add/1": 0})]}, "segments[0].split: the weights add up to 0"),
        ({"segments": [_segment(split={"add/1": -1})]}, "a weight must be a whole number"),
        (
            {"segments": [_segment(split={"add/1": 2**64 - 1, "add/2": 1})]},
            "the weights add up to 18446744073709551616",
        ),
        ({"segments": [_segment(when="params.a / 2 == 1")]}, "segments[0].when"),
        ({"segments": [_segment(when="(" * 100_000)]}, "segments[0].when"),
        ({"segments": [_segment(when="params.a == " + "1" * 100_000)]}, "1024"),
        ({"segments": [_segment(when="params.a")]}, None),
        ({"segments": [_segment(when='metadata["x"]')]}, "segments[0].when"),
        ({"segments": [_segment(when="[1].all(x, x == 1)")]}, "segments[0].when"),
        ({"shadow": [{"to": "add/1"}]}, "it would shadow itself"),
        ({"shadow": [{"to": "add/3"}, {"to": "add/3"}]}, "is the shadow of an earlier entry"),
        ({"shadow": [{"to": "add/3", "share_bp": 10_001}]}, "from 0 to 10000"),
        ({"shadow": [{"share_bp": 1}]}, "has no to"),
        ({"pins": "maybe"}, "must be allow, deny or {when: …}"),
        ({"pins": {}}, "has no when"),
        ({"decision": {"output": "y", "threshold": "high"}}, "must be a number"),
        (
            {"segments": [_segment(name=f"s{number}", when=f"params.a == {number}") for number in range(65)]},
            "at most 64",
        ),
    ],
)
def test_a_document_that_breaks_a_rule_is_refused_with_the_place(repository, more, expected):
    document = {"routes": {"sum": {"split": {"add/1": 1}, **more}}}
    if expected is None:
        with serving(repository, document["routes"]):
            return
    code, said = refused_start(document, repository)
    assert code == 2
    assert "routes.sum" in said
    assert expected in said


def test_a_refused_pin_is_no_answer_of_another_version(repository):
    with serving(repository, {"sum": {**ROUTE, "pins": "deny"}}) as gateway, channel_to(gateway) as channel:
        message = four("sum", model_version="2").SerializeToString()
        call = channel.unary_unary(INFER).future(message, timeout=20)
        with pytest.raises(grpc.RpcError, match="leave model_version empty"):
            call.result()
        assert metric(gateway, "tidegate_refusals_total", route="sum", reason="PIN_DENIED") == 1
