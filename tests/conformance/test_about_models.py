"""What stock clients ask about a server and its models, in the order in which perf_analyzer asks it."""

import asyncio
from importlib.metadata import version as version_of

import numpy as np
import pytest
from tritonclient.grpc.aio import InferenceServerClient as AsyncClient
from tritonclient.utils import InferenceServerException

from support.models import ELEMENT_TYPES
from support.triton import sent, x

TYPES_OF_CONFIG = {
    **{name: f"TYPE_{name}" for name in ELEMENT_TYPES},
    "BYTES": "TYPE_STRING",
}


def test_the_server_is_live_and_ready_and_says_what_it_offers(triton):
    assert triton.is_server_live()
    assert triton.is_server_ready()
    about = triton.get_server_metadata()
    assert (about.name, about.version) == ("tidegate", version_of("tidegate"))
    assert "statistics" in about.extensions
    assert "model_configuration" in about.extensions
    assert not {"sequence", "classification", "system_shared_memory", "cuda_shared_memory"} & set(about.extensions)


@pytest.mark.parametrize(
    "name, version, is_ready",
    [
        ("add_one", "", True),
        ("add_one", "1", True),
        ("split", "", True),
        ("split", "2", True),
        ("broken", "", False),
        ("broken", "1", False),
    ],
)
def test_a_model_is_ready_when_it_would_answer(triton, name, version, is_ready):
    assert triton.is_model_ready(name, version) is is_ready


@pytest.mark.parametrize("name, version", [("nobody", ""), ("add_one", "7"), ("split", "7"), ("broken", "7")])
def test_whether_an_unknown_model_is_ready_is_no_question(triton, name, version):
    with pytest.raises(InferenceServerException) as caught:
        triton.is_model_ready(name, version)
    assert caught.value.status() == "StatusCode.NOT_FOUND"


def _tensors(tensors) -> list[tuple[str, str, list[int]]]:
    return [(tensor.name, tensor.datatype, list(tensor.shape)) for tensor in tensors]


def test_metadata_shows_whole_shapes(triton):
    about = triton.get_model_metadata("two_in_two_out")
    assert (about.name, list(about.versions), about.platform) == ("two_in_two_out", ["1"], "onnxruntime_onnx")
    assert _tensors(about.inputs) == [("a", "FP32", [-1, 2]), ("b", "INT64", [-1, 2])]
    assert _tensors(about.outputs) == [("sum", "FP32", [-1, 2]), ("difference", "INT64", [-1, 2])]
    assert _tensors(triton.get_model_metadata("scalar").inputs) == [("x", "FP32", [])]
    assert _tensors(triton.get_model_metadata("fixed_shape").inputs) == [("x", "FP32", [2, 3])]
    assert _tensors(triton.get_model_metadata("dynamic_shapes").inputs) == [("x", "FP32", [-1, -1])]


def test_metadata_of_a_route_lists_the_versions_of_its_arms(triton):
    assert list(triton.get_model_metadata("split").versions) == ["1", "2"]
    assert list(triton.get_model_metadata("split", "2").versions) == ["2"]
    assert triton.get_model_metadata("split").name == "split"


@pytest.mark.parametrize("datatype", ELEMENT_TYPES)
def test_every_datatype_has_its_name_in_metadata_and_in_config(triton, datatype):
    name = f"identity_{datatype.lower()}"
    assert triton.get_model_metadata(name).inputs[0].datatype == datatype
    spec = triton.get_model_config(name).config.input[0]
    types = type(spec).DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_number
    assert types[spec.data_type].name == TYPES_OF_CONFIG[datatype]


def test_the_config_of_a_batched_model_names_the_limit_and_leaves_the_first_axis_out(triton):
    config = triton.get_model_config("two_in_two_out").config
    assert (config.name, config.max_batch_size) == ("two_in_two_out", 64)
    assert [(spec.name, list(spec.dims)) for spec in config.input] == [("a", [2]), ("b", [2])]
    assert [(spec.name, list(spec.dims)) for spec in config.output] == [("sum", [2]), ("difference", [2])]
    assert config.HasField("dynamic_batching")


@pytest.mark.parametrize("name, dims", [("scalar", []), ("fixed_shape", [2, 3]), ("mean_removed", [-1, 4])])
def test_the_config_of_an_unbatched_model_has_whole_shapes(triton, name, dims):
    config = triton.get_model_config(name).config
    assert config.max_batch_size == 0
    assert list(config.input[0].dims) == dims
    assert not config.HasField("dynamic_batching")


def test_the_config_has_nothing_that_would_send_perf_analyzer_another_way(triton):
    config = triton.get_model_config("add_one").config
    assert not config.HasField("sequence_batching")
    assert not config.HasField("ensemble_scheduling")
    assert not config.model_transaction_policy.decoupled
    assert not config.response_cache.enable
    assert config.platform != "ensemble"
    assert not any(spec.is_shape_tensor or spec.optional for spec in config.input)


def _statistics(triton, name: str, version: str = ""):
    (entry,) = triton.get_inference_statistics(name, version).model_stats
    return entry


PARTS = ("queue", "compute_input", "compute_infer", "compute_output")


@pytest.mark.parametrize("name, version", [("fp16_out", "1"), ("split", "2")])
def test_statistics_count_requests_rows_and_every_part_of_their_time(triton, name, version):
    before = _statistics(triton, name, version)
    for _ in range(7):
        triton.infer(name, x([1, 2, 3, 4], [5, 6, 7, 8]), model_version=version)
    with pytest.raises(InferenceServerException):
        triton.infer(name, [sent("x", np.zeros((1, 5), "f4"), "FP32")], model_version=version)
    after = _statistics(triton, name, version)
    assert (after.name, after.version) == (name, version)
    assert after.inference_count - before.inference_count == 14
    assert 1 <= after.execution_count - before.execution_count <= 7
    assert after.last_inference >= max(1, before.last_inference)
    assert after.inference_stats.success.count - before.inference_stats.success.count == 7
    assert after.inference_stats.fail.count - before.inference_stats.fail.count == 1
    for part in PARTS:
        assert getattr(after.inference_stats, part).count - getattr(before.inference_stats, part).count == 7
        assert getattr(after.inference_stats, part).ns >= getattr(before.inference_stats, part).ns
    assert after.inference_stats.success.ns >= sum(getattr(after.inference_stats, part).ns for part in PARTS)
    assert sum(size.compute_infer.count for size in after.batch_stats) == after.execution_count


def test_statistics_of_a_route_are_one_entry_that_sums_its_arms(triton):
    def success(version: str) -> int:
        return _statistics(triton, "split", version).inference_stats.success.count

    for version in ("1", "2", "2"):
        triton.infer("split", x([1, 2, 3, 4]), model_version=version)
    assert success("") == success("1") + success("2")
    assert _statistics(triton, "split").version == "1"


def test_statistics_without_a_name_have_every_loaded_model_once(triton):
    entries = [(entry.name, entry.version) for entry in triton.get_inference_statistics().model_stats]
    assert len(entries) == len(set(entries))
    assert {("split", "1"), ("add_one", "1"), ("scalar", "1")} <= set(entries)
    assert not {"broken", "zipmap"} & {name for name, _ in entries}


def test_the_index_has_every_version_folder_with_its_state(triton):
    index = {
        (entry.name, entry.version): (entry.state, entry.reason) for entry in triton.get_model_repository_index().models
    }
    assert index["add", "1"] == index["add", "2"] == index["add_one", "1"] == ("READY", "")
    state, reason = index["broken", "1"]
    assert state == "UNAVAILABLE"
    assert "not an ONNX model" in reason


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_loading_and_unloading_are_refused_politely(triton, verb):
    with pytest.raises(InferenceServerException, match=f"models are {verb}ed by the gateway document") as caught:
        getattr(triton, f"{verb}_model")("add_one")
    assert caught.value.status() == "StatusCode.PERMISSION_DENIED"
    assert triton.is_model_ready("add_one")


def test_a_whole_model_in_a_load_request_is_refused_as_well(triton):
    with pytest.raises(InferenceServerException, match="by the gateway document"):
        triton.load_model("new", config="{}", files={"file:1/model.onnx": bytes(5 << 20)})


def test_there_is_no_shared_memory_and_forgetting_it_is_fine(triton):
    assert not triton.get_system_shared_memory_status().regions
    assert not triton.get_cuda_shared_memory_status().regions
    triton.unregister_system_shared_memory()
    triton.unregister_cuda_shared_memory()
    with pytest.raises(InferenceServerException, match="no region of shared memory") as caught:
        triton.register_system_shared_memory("region", "/region", 64)
    assert caught.value.status() == "StatusCode.UNIMPLEMENTED"


def test_settings_of_trace_and_log_are_read_and_not_written(triton):
    assert list(triton.get_trace_settings().settings["trace_level"].value) == ["OFF"]
    assert triton.get_trace_settings("add_one").settings
    settings = triton.get_log_settings().settings
    assert settings["log_info"].bool_param
    assert settings["log_verbose_level"].uint32_param == 0
    for change in (
        lambda: triton.update_trace_settings(settings={"trace_level": ["TIMESTAMPS"]}),
        lambda: triton.update_log_settings({"log_info": False}),
    ):
        with pytest.raises(InferenceServerException) as caught:
            change()
        assert caught.value.status() == "StatusCode.PERMISSION_DENIED"


def test_the_asynchronous_client_of_triton_is_answered_too(gateway):
    async def ask() -> list:
        async with AsyncClient(gateway.grpc_address) as client:
            result = await client.infer("add_one", x([1, 2, 3, 4]))
            return result.as_numpy("y").tolist()

    assert asyncio.run(ask()) == [[2, 3, 4, 5]]
