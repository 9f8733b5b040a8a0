"""tritonclient: health, metadata, control of models, settings and shared memory, as its examples ask for them."""

import base64

from triton_requests import assert_sum_and_difference, pair
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException
from verdict import refused


def test_health_and_metadata(address, answers):
    with InferenceServerClient(address) as client:
        assert client.is_server_live(headers={"test": "1"})
        assert client.is_server_ready(client_timeout=20)
        assert client.is_model_ready("simple")
        assert client.is_model_ready("scorer-canary", "2")
        assert not client.is_model_ready("broken")
        server = client.get_server_metadata(as_json=True)
        assert server["name"] == "tidegate"
        assert server["extensions"] == ["model_configuration", "statistics", "parameters", "model_repository"]
        model = client.get_model_metadata("simple", as_json=True)
    assert model["inputs"] == [
        {"name": name, "datatype": "INT32", "shape": ["-1", "16"]} for name in ("INPUT0", "INPUT1")
    ]
    assert [output["name"] for output in model["outputs"]] == ["OUTPUT0", "OUTPUT1"]
    assert (model["versions"], model["platform"]) == (["1"], "onnxruntime_onnx")


def test_a_model_that_is_not_there_is_an_error_and_not_false(address, answers):
    with InferenceServerClient(address) as client:
        for ask in (client.is_model_ready, client.get_model_metadata, client.get_model_config):
            error = refused(lambda ask=ask: ask("wrong_model_name"), InferenceServerException)
            assert error.status() == "StatusCode.NOT_FOUND"
            assert 'no route or model is named "wrong_model_name"' in error.message()


def test_the_configuration_of_a_model_is_read(address, answers):
    with InferenceServerClient(address) as client:
        config = client.get_model_config("simple").config
    assert (config.name, config.max_batch_size) == ("simple", 64)
    assert [(tensor.name, list(tensor.dims)) for tensor in config.input] == [("INPUT0", [16]), ("INPUT1", [16])]
    assert config.HasField("dynamic_batching")


def test_the_index_of_the_repository_is_read(address, answers):
    with InferenceServerClient(address) as client:
        index = {(model.name, model.version): model for model in client.get_model_repository_index().models}
    assert index["scorer", "1"].state == index["scorer", "2"].state == "READY"
    assert index["broken", "1"].state == "UNAVAILABLE"
    assert "not an ONNX model" in index["broken", "1"].reason


def test_models_are_loaded_and_unloaded_by_the_document_only(address, answers):
    with InferenceServerClient(address) as client:
        calls = {
            "loaded": lambda: client.load_model("simple"),
            "loaded ": lambda: client.load_model("simple", config='{"parameters": {}}'),
            "loaded  ": lambda: client.load_model("new", config="{}", files={"file:1/model.onnx": bytes(3 << 20)}),
            "unloaded": lambda: client.unload_model("simple"),
            "unloaded ": lambda: client.unload_model("simple", unload_dependents=True),
        }
        for verb, call in calls.items():
            error = refused(call, InferenceServerException)
            assert error.status() == "StatusCode.PERMISSION_DENIED"
            assert f"models are {verb.strip()} by the gateway document (routes and versions)" in error.message()
        assert client.is_model_ready("simple")
        assert_sum_and_difference(client.infer("simple", pair()))


def test_statistics_are_read_for_one_version_and_for_all(address, answers):
    with InferenceServerClient(address) as client:
        client.infer("simple", pair())
        one = client.get_inference_statistics("simple", "1").model_stats
        everyone = client.get_inference_statistics().model_stats
    assert [(entry.name, entry.version) for entry in one] == [("simple", "1")]
    assert one[0].inference_stats.success.count >= 1
    assert ("scorer", "2") in {(entry.name, entry.version) for entry in everyone}


def test_trace_and_log_settings_are_read_and_not_written(address, answers):
    with InferenceServerClient(address) as client:
        assert list(client.get_trace_settings("simple").settings["trace_level"].value) == ["OFF"]
        assert client.get_log_settings().settings["log_info"].bool_param
        changes = {
            "trace": lambda: client.update_trace_settings(settings={"trace_level": ["TIMESTAMPS"]}),
            "log": lambda: client.update_log_settings({"log_verbose_level": 1}),
        }
        for kind, change in changes.items():
            error = refused(change, InferenceServerException)
            assert error.status() == "StatusCode.PERMISSION_DENIED"
            assert f"callers may read the {kind} settings, not set" in error.message()


def test_shared_memory_is_answered_with_none_and_registering_with_a_sentence(address, answers):
    with InferenceServerClient(address) as client:
        client.unregister_system_shared_memory()
        client.unregister_cuda_shared_memory()
        assert not client.get_system_shared_memory_status().regions
        assert not client.get_cuda_shared_memory_status().regions
        for register in (
            lambda: client.register_system_shared_memory("input_data", "/input_simple", 128),
            lambda: client.register_cuda_shared_memory("input_data", base64.b64encode(b"handle"), 0, 128),
        ):
            error = refused(register, InferenceServerException)
            assert error.status() == "StatusCode.UNIMPLEMENTED"
            assert "no region of shared memory; send raw_input_contents" in error.message()


def test_a_tensor_in_shared_memory_is_refused_by_its_place(address, answers):
    shared = InferInput("INPUT0", [1, 16], "INT32")
    shared.set_shared_memory("input_data", 64)
    output = InferRequestedOutput("OUTPUT0")
    output.set_shared_memory("output_data", 64)
    with InferenceServerClient(address) as client:
        for call, sentence in (
            (
                lambda: client.infer("simple", pair(), outputs=[output]),
                'output "OUTPUT0": the parameter "shared_memory_region" is not offered; take the whole output',
            ),
            (
                lambda: client.infer("simple", [shared, *pair()[1:]]),
                "input 0 asks for shared memory, which is not offered; send its contents in the request",
            ),
        ):
            error = refused(call, InferenceServerException)
            assert (error.status(), error.message()) == ("StatusCode.UNIMPLEMENTED", sentence)
