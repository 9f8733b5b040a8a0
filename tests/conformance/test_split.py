"""The split as callers see it, held against an oracle that shares no code with the gateway."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from oracles.allocate import BUCKETS, allocate, bucket
from support import models as small_models
from support.calls import INFER, channel_to, four, metadata_of
from support.gateway import Gateway, refused_start, start_gateway
from tidegate.inference import open_inference_pb2 as oip

KEYS = [f"N{number}" for number in range(2000)]
METADATA, PARAMETER = 'metadata["x-unit"]', 'params["unit"]'


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arms")
    for version in (1, 2, 3):
        small_models.save(folder, "add", version, small_models.add(version))
    return folder


def _document(split: dict[str, int], **more: Any) -> dict[str, Any]:
    return {"routes": {"sum": {"split": split, **more}}}


def _infer(channel: grpc.Channel, asked: oip.ModelInferRequest, **options) -> Any:
    return channel.unary_unary(INFER).future(asked.SerializeToString(), timeout=20, **options)


def _credit(call: Any) -> tuple[str, str]:
    call.result()
    metadata = metadata_of(call)
    return metadata["x-tidegate-version"], metadata["x-tidegate-reason"]


def _by_metadata(gateway: Gateway, keys: Iterable[str]) -> dict[str, str]:
    """The version that answers each key."""
    with channel_to(gateway) as channel:
        calls = {key: _infer(channel, four("sum"), metadata=[("x-unit", key)]) for key in keys}
        found = {key: _credit(call) for key, call in calls.items()}
    assert {reason for _, reason in found.values()} == {"split"}
    return {key: version for key, (version, _) in found.items()}


def _owner(table: Iterable[tuple[int, int, str]], place: int) -> str:
    return next(arm for start, end, arm in table if start <= place < end)


def _expected(table: list[tuple[int, int, str]], keys: Iterable[str], salt: str = "sum") -> dict[str, str]:
    return {key: _owner(table, bucket(salt, key.encode())) for key in keys}


@pytest.mark.parametrize("salt", ["sum", "another salt"])
def test_two_thousand_keys_go_where_the_oracle_says(repository, salt):
    weights = {"add/1": 70, "add/2": 20, "add/3": 10}
    document = _document(weights, sticky=METADATA, **({} if salt == "sum" else {"salt": salt}))
    with start_gateway(document, repository) as gateway:
        found = _by_metadata(gateway, KEYS)
        assert found == _expected(allocate([], weights, "add/1"), KEYS, salt)
        assert _by_metadata(gateway, KEYS[:100]) == {key: found[key] for key in KEYS[:100]}
    assert set(found.values()) == set(weights)


@pytest.mark.parametrize(
    "value, key",
    [
        ({"string_param": "N101"}, b"N101"),
        ({"string_param": "ü"}, "ü".encode()),
        ({"int64_param": -42}, b"-42"),
        ({"int64_param": -(2**63)}, b"-9223372036854775808"),
        ({"uint64_param": 2**64 - 1}, b"18446744073709551615"),
        ({"bool_param": True}, b"true"),
        ({"bool_param": False}, b"false"),
    ],
)
def test_a_parameter_of_any_type_is_hashed_as_its_text(parameter_gateway, value, key):
    table = allocate([], {"add/1": 1, "add/2": 1, "add/3": 1}, "add/1")
    asked = four("sum")
    asked.parameters["unit"].CopyFrom(oip.InferParameter(**value))
    with channel_to(parameter_gateway) as channel:
        assert _credit(_infer(channel, asked)) == (_owner(table, bucket("sum", key)), "split")


@pytest.fixture(scope="module")
def parameter_gateway(repository):
    with start_gateway(_document({"add/1": 1, "add/2": 1, "add/3": 1}, sticky=PARAMETER), repository) as gateway:
        yield gateway


@pytest.mark.parametrize("value", [{}, {"double_param": 1.5}, {"string_param": ""}, {"string_param": "x" * 1025}])
def test_a_parameter_that_is_no_key_leaves_the_request_unkeyed(parameter_gateway, value):
    asked = four("sum")
    asked.parameters["unit"].CopyFrom(oip.InferParameter(**value))
    with channel_to(parameter_gateway) as channel:
        calls = [_infer(channel, asked) for _ in range(60)]
        found = [_credit(call) for call in calls]
    assert {reason for _, reason in found} == {"unkeyed"}
    assert len({version for version, _ in found}) > 1


def test_a_key_of_exactly_a_kibibyte_is_a_key(parameter_gateway):
    asked = four("sum")
    asked.parameters["unit"].string_param = "x" * 1024
    with channel_to(parameter_gateway) as channel:
        assert _credit(_infer(channel, asked))[1] == "split"


def test_an_unkeyed_request_is_dealt_by_its_prediction_id(parameter_gateway):
    table = allocate([], {"add/1": 1, "add/2": 1, "add/3": 1}, "add/1")
    with channel_to(parameter_gateway) as channel:
        for call in [_infer(channel, four("sum")) for _ in range(60)]:
            version, reason = _credit(call)
            prediction_id = metadata_of(call)["x-tidegate-prediction-id"]
            assert (version, reason) == (_owner(table, bucket("sum", prediction_id.encode())), "unkeyed")


def test_metadata_that_is_absent_or_too_long_leaves_the_request_unkeyed(repository):
    document = _document({"add/1": 1, "add/2": 1}, sticky=METADATA)
    with start_gateway(document, repository) as gateway, channel_to(gateway) as channel:
        for metadata in ([], [("x-unit", "")], [("x-unit", "x" * 1025)], [("x-other", "N101")]):
            assert _credit(_infer(channel, four("sum"), metadata=metadata))[1] == "unkeyed"
        twice = _credit(_infer(channel, four("sum"), metadata=[("x-unit", "first"), ("x-unit", "second")]))
        assert twice == _credit(_infer(channel, four("sum"), metadata=[("x-unit", "first")]))


def test_binary_metadata_is_hashed_as_the_bytes_that_it_stands_for(repository):
    table = allocate([], {"add/1": 1, "add/2": 1}, "add/1")
    keys = [bytes([number, 0, 255 - number]) for number in range(60)] + [b"\x00", b"\xff\xfe"]
    document = _document({"add/1": 1, "add/2": 1}, sticky='metadata["x-unit-bin"]')
    with start_gateway(document, repository) as gateway, channel_to(gateway) as channel:
        calls = [_infer(channel, four("sum"), metadata=[("x-unit-bin", key)]) for key in keys]
        assert [_credit(call) for call in calls] == [(_owner(table, bucket("sum", key)), "split") for key in keys]


def test_explicit_ranges_are_taken_as_they_are(repository):
    quarter = BUCKETS // 4
    ranges = [[0, quarter, "add/2"], [quarter, 3 * quarter, "add/1"], [3 * quarter, BUCKETS, "add/2"]]
    document = _document({"add/1": 50, "add/2": 50}, sticky=METADATA, ranges=ranges)
    with start_gateway(document, repository) as gateway:
        found = _by_metadata(gateway, KEYS[:500])
    assert found == _expected([(start, end, arm) for start, end, arm in ranges], KEYS[:500])


def _applied(state: Path) -> Any:
    return json.loads((state / "applied.json").read_text())


def test_epoch_and_tables_survive_a_restart_and_new_weights_move_only_what_must_move(repository, tmp_path):
    state = tmp_path / "kept"
    table: list[tuple[int, int, str]] = []
    owners: list[dict[str, str]] = []
    ramp = [
        ({"add/1": 90, "add/2": 10}, 1),
        ({"add/1": 90, "add/2": 10}, 1),
        ({"add/1": 60, "add/2": 30, "add/3": 10}, 2),
    ]
    for weights, epoch in ramp:
        document = _document(weights, sticky=METADATA, stable="add/1") | {"state_dir": str(state)}
        table = allocate(table, weights, "add/1")
        with start_gateway(document, repository) as gateway:
            owners.append(_by_metadata(gateway, KEYS))
        assert owners[-1] == _expected(table, KEYS)
        assert _applied(state)["epoch"] == epoch
    assert owners[0] == owners[1]
    moved = {(owners[1][key], owners[2][key]) for key in KEYS if owners[1][key] != owners[2][key]}
    assert moved == {("add/1", "add/2"), ("add/1", "add/3")}


def test_a_damaged_memory_stops_the_start_with_advice(repository, tmp_path):
    state = tmp_path / "kept"
    document = _document({"add/1": 1, "add/2": 1}) | {"state_dir": str(state)}
    with start_gateway(document, repository):
        pass
    (state / "applied.json").write_text("{}")
    code, said = refused_start(document, repository)
    assert code == 2
    assert "applied.json" in said
    assert "delete it" in said


def test_many_callers_at_once_stay_on_their_arms(gateway):
    with channel_to(gateway) as channel, ThreadPoolExecutor(8) as pool:

        def ask(key: str) -> str:
            return _credit(_infer(channel, four("split"), metadata=[("x-unit", key)]))[0]

        first = list(pool.map(ask, KEYS[:400]))
        assert list(pool.map(ask, KEYS[:400])) == first
    table = allocate([], {"add/1": 90, "add/2": 10}, "add/1")
    assert first == list(_expected(table, KEYS[:400], "split").values())
