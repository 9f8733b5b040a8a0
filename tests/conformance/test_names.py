"""Which version answers to a name: routes before models, the highest loaded version, the version that was named."""

from pathlib import Path

import pytest
import tritonclient.grpc as triton_grpc
from tritonclient.utils import InferenceServerException

from support import models as small_models
from support.calls import INFER, four, refusal
from support.gateway import refused_start, start_gateway
from support.triton import parameters_of, tensor_of, x


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """`add` in three versions that add 1, 2 and 10; `whole` has another signature; `torn` is no model."""
    for version, amount in ((1, 1), (2, 2), (10, 10)):
        small_models.save(tmp_path, "add", version, small_models.add(amount))
    small_models.save(tmp_path, "whole", 1, small_models.identity("INT64"))
    small_models.save(tmp_path, "wide", 1, small_models.dynamic_shapes())
    small_models.save(tmp_path, "torn", 1, b"this is not an ONNX file")
    return tmp_path


def _added(client: triton_grpc.InferenceServerClient, name: str, version: str = "") -> float:
    return float(tensor_of(client.infer(name, x([0, 0, 0, 0]), model_version=version), "y")[0, 0])


def _answers(client: triton_grpc.InferenceServerClient, name: str, version: str = "") -> tuple[str, str]:
    result = client.infer(name, x([0, 0, 0, 0]), model_version=version)
    return parameters_of(result)["tidegate_version"], parameters_of(result)["tidegate_reason"]


def _refused(client: triton_grpc.InferenceServerClient, name: str, version: str = "") -> str:
    with pytest.raises(InferenceServerException) as caught:
        client.infer(name, x([0, 0, 0, 0]), model_version=version)
    return caught.value.status().removeprefix("StatusCode.")


def test_without_routes_each_model_answers_with_its_highest_version_by_number(repository):
    with start_gateway({}, repository) as gateway, triton_grpc.InferenceServerClient(gateway.grpc_address) as client:
        assert _added(client, "add") == 10
        assert _answers(client, "add") == ("add/10", "model")
        assert client.infer("add", x([0, 0, 0, 0])).get_response().model_version == "10"


def test_versions_that_the_document_names_are_loaded_beside_the_highest(repository):
    document = {"versions": {"add/1": {}}}
    with start_gateway(document, repository) as gateway:
        with triton_grpc.InferenceServerClient(gateway.grpc_address) as client:
            assert [_added(client, "add", version) for version in ("", "1", "10")] == [10, 1, 10]
            index = {
                entry.version: entry for entry in client.get_model_repository_index().models if entry.name == "add"
            }
            assert {version: entry.state for version, entry in index.items()} == {
                "1": "READY",
                "2": "UNAVAILABLE",
                "10": "READY",
            }
            assert "no route and no entry of `versions` names it" in index["2"].reason
            assert not client.is_model_ready("add", "2")
        unloaded = refusal(gateway, INFER, four("add", model_version="2").SerializeToString())
        unknown = refusal(gateway, INFER, four("add", model_version="3").SerializeToString())
    assert (unloaded.reason, unloaded.code) == ("VERSION_UNAVAILABLE", "UNAVAILABLE")
    assert unloaded.message.endswith(index["2"].reason)
    assert (unknown.reason, unknown.code) == ("UNKNOWN_VERSION", "NOT_FOUND")


def test_an_unrouted_model_that_does_not_load_is_unavailable_with_its_reason(repository):
    with start_gateway({}, repository) as gateway:
        refused = refusal(gateway, INFER, four("torn").SerializeToString())
        named = refusal(gateway, INFER, four("torn", model_version="1").SerializeToString())
        with triton_grpc.InferenceServerClient(gateway.grpc_address) as client:
            (entry,) = [entry for entry in client.get_model_repository_index().models if entry.name == "torn"]
            assert entry.state == "UNAVAILABLE"
            assert entry.reason in refused.message
            assert _added(client, "add") == 10
    assert {refused.reason, named.reason} == {"VERSION_UNAVAILABLE"}


def test_a_route_hides_the_model_of_its_name_and_names_only_its_arms(repository):
    document = {"routes": {"add": {"split": {"add/2": 1}}}}
    with start_gateway(document, repository) as gateway:
        with triton_grpc.InferenceServerClient(gateway.grpc_address) as client:
            assert _answers(client, "add") == ("add/2", "only")
            assert _answers(client, "add", "2") == ("add/2", "pinned")
            assert [_refused(client, "add", version) for version in ("1", "10", "3")] == ["NOT_FOUND"] * 3
            assert client.infer("add", x([0, 0, 0, 0])).get_response().model_name == "add"
        refused = refusal(gateway, INFER, four("add", model_version="10").SerializeToString())
    assert refused.reason == "VERSION_NOT_ON_ROUTE"


def test_a_routed_model_still_answers_under_its_own_name_with_what_is_loaded(repository):
    document = {"routes": {"sum": {"split": {"add/1": 1, "add/2": 1}}}}
    with (
        start_gateway(document, repository) as gateway,
        triton_grpc.InferenceServerClient(gateway.grpc_address) as client,
    ):
        assert _answers(client, "add") == ("add/2", "model")
        assert {_answers(client, "sum", version) for version in ("1", "2")} == {
            ("add/1", "pinned"),
            ("add/2", "pinned"),
        }
        assert {_answers(client, "sum")[0] for _ in range(60)} == {"add/1", "add/2"}


def test_an_arm_without_weight_is_loaded_and_answers_only_who_names_it(repository):
    document = {"routes": {"sum": {"split": {"add/1": 1, "add/2": 0}}}}
    with (
        start_gateway(document, repository) as gateway,
        triton_grpc.InferenceServerClient(gateway.grpc_address) as client,
    ):
        assert {_answers(client, "sum")[0] for _ in range(60)} == {"add/1"}
        assert _answers(client, "sum", "2") == ("add/2", "pinned")
        assert client.is_model_ready("sum")


def test_the_stable_arm_speaks_for_the_route(repository):
    document = {"routes": {"sum": {"split": {"add/1": 1, "add/2": 5}, "stable": "add/1"}}}
    with (
        start_gateway(document, repository) as gateway,
        triton_grpc.InferenceServerClient(gateway.grpc_address) as client,
    ):
        (entry,) = client.get_inference_statistics("sum").model_stats
        assert entry.version == "1"
        assert client.get_model_config("sum").config.name == "sum"
        assert list(client.get_model_metadata("sum").versions) == ["1", "2"]


def test_a_routed_version_that_cannot_load_stops_the_start_and_every_reason_is_said(repository):
    small_models.save(repository, "zipmap", 1, small_models.zipmap())
    document = {
        "routes": {"a": {"split": {"torn/1": 1}}, "b": {"split": {"zipmap/1": 1}}, "c": {"split": {"add/7": 1}}},
    }
    code, said = refused_start(document, repository)
    assert code == 2
    assert "torn/1: not an ONNX model" in said
    assert "zipmap/1: output" in said
    assert "add/7: there is no folder" in said


@pytest.mark.parametrize("other, difference", [("whole/1", "x"), ("wide/1", "y")])
def test_arms_that_callers_could_tell_apart_are_refused(repository, other, difference):
    code, said = refused_start({"routes": {"sum": {"split": {"add/1": 1, other: 1}}}}, repository)
    assert code == 2
    assert f"routes.sum: {other} does not fit add/1: " in said
    assert f'"{difference}"' in said


def test_an_empty_repository_is_served_and_knows_nobody(tmp_path):
    with start_gateway({}, tmp_path) as gateway, triton_grpc.InferenceServerClient(gateway.grpc_address) as client:
        assert client.is_server_ready()
        assert not client.get_model_repository_index().models
        assert _refused(client, "add") == "NOT_FOUND"


def test_a_repository_that_is_not_there_stops_the_start(tmp_path):
    code, said = refused_start({}, tmp_path / "nowhere")
    assert code == 2
    assert "nowhere" in said


def test_arms_of_two_models_with_one_number_are_told_apart_by_their_whole_names(tmp_path):
    small_models.save(tmp_path, "old", 1, small_models.add(1))
    small_models.save(tmp_path, "new", 1, small_models.add(2))
    document = {"routes": {"sum": {"split": {"old/1": 1, "new/1": 1}, "stable": "old/1"}}}
    with (
        start_gateway(document, tmp_path) as gateway,
        triton_grpc.InferenceServerClient(gateway.grpc_address) as client,
    ):
        assert sorted(client.get_model_metadata("sum").versions) == ["new/1", "old/1"]
        assert [_added(client, "sum", version) for version in ("old/1", "new/1")] == [1, 2]
        assert _refused(client, "sum", "1") == "NOT_FOUND"
