"""The client against a real server of its own process."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from support.scripted_server import Failure, Server, echo, metadata_of
from tidegate import errors
from tidegate.client import IndexEntry, TensorSpec
from tidegate.inference import error_details_pb2, health_pb2, open_inference_pb2


@pytest.fixture
def model(server):
    """`m` takes a column of FP32 and a column of text, and answers with both."""
    server.script("ModelMetadata", metadata_of(hour=("FP32", [-1, 1]), carrier=("BYTES", [-1, 1])))
    server.script("ModelInfer", echo)


ROW = {"hour": [9.0], "carrier": ["HA"]}


@pytest.mark.usefixtures("model")
def test_lists_go_in_and_arrays_come_out(client, server):
    answer = client.infer("m", {"carrier": ["HA", "é"], "hour": [9, 10.5]}, version="3", request_id="mine")

    assert list(answer) == ["carrier", "hour"]
    np.testing.assert_array_equal(answer["hour"], np.float32([[9], [10.5]]))
    assert answer["carrier"].tolist() == [[b"HA"], ["é".encode()]]
    assert answer.text("carrier").tolist() == [["HA"], ["é"]]
    assert (answer.model_name, answer.model_version, answer.id) == ("m", "3", "mine")
    assert answer.epoch is None
    request = open_inference_pb2.ModelInferRequest.FromString(server.requests[-1][1])
    assert not any(tensor.HasField("contents") for tensor in request.inputs)


@pytest.mark.usefixtures("model")
def test_the_declaration_is_asked_once_a_model_and_version(client, server):
    for version in ("", "1", "", "1"):
        client.infer("m", ROW, version=version)
    assert server.count("ModelMetadata") == 2
    assert server.count("ModelInfer") == 4


@pytest.mark.usefixtures("model")
def test_outputs_parameters_and_metadata_arrive(connect, server):
    with connect(server.address, metadata={"Authorization": "me"}) as client:
        client.infer(
            "m",
            ROW,
            outputs=["hour"],
            parameters={"flag": True, "n": -1, "big": 2**64 - 1, "x": 0.5, "unit": "N1"},
            metadata={"x-unit": "N1", "key-bin": b"\0"},
        )
    request = open_inference_pb2.ModelInferRequest.FromString(server.requests[-1][1])
    assert [output.name for output in request.outputs] == ["hour"]
    sent = {name: (value.WhichOneof("parameter_choice")) for name, value in request.parameters.items()}
    assert sent == {
        "flag": "bool_param",
        "n": "int64_param",
        "big": "uint64_param",
        "x": "double_param",
        "unit": "string_param",
    }
    for metadata in server.metadata:
        assert metadata["authorization"] == "me"
        assert metadata["x-unit"] == "N1"
        assert metadata["key-bin"] == b"\0"


@pytest.mark.usefixtures("model")
def test_everything_wrong_with_a_request_is_said_at_once(client, server):
    with pytest.raises(errors.InvalidRequest) as refused:
        client.infer("m", {"hour": [1e39], "tail number": [1]}, parameters={"p": [1]})

    assert refused.value.reason == "UNFIT_INPUT"
    assert [path for path, _ in refused.value.violations] == [
        "inputs.carrier",
        "inputs.hour[0]",
        'inputs["tail number"]',
        "parameters.p",
    ]
    assert "and 1 more" in str(refused.value)
    assert server.count("ModelInfer") == 0


def test_who_answered_is_read_from_the_parameters(client, server):
    def told(_raw, _context):
        response = open_inference_pb2.ModelInferResponse(model_name="m")
        response.parameters["tidegate_version"].string_param = "m/2"
        response.parameters["tidegate_reason"].string_param = "sticky"
        response.parameters["tidegate_prediction_id"].string_param = "abc"
        response.parameters["tidegate_epoch"].int64_param = 7
        return response

    server.script("ModelMetadata", metadata_of())
    server.script("ModelInfer", told)
    answer = client.infer("m", {})
    assert (answer.version, answer.reason, answer.prediction_id, answer.epoch) == ("m/2", "sticky", "abc", 7)
    assert answer.parameters["tidegate_epoch"] == 7


def test_who_answered_is_read_from_metadata_where_parameters_are_off(client, server):
    server.initial_metadata = (("x-tidegate-version", "m/2"), ("x-tidegate-epoch", "7"))
    server.initial_metadata += (("x-tidegate-prediction-id", "abc"), ("x-tidegate-reason", "unkeyed"))
    server.script("ModelMetadata", metadata_of())
    server.script("ModelInfer", open_inference_pb2.ModelInferResponse(model_name="m"))
    answer = client.infer("m", {})
    assert (answer.version, answer.reason, answer.prediction_id, answer.epoch) == ("m/2", "unkeyed", "abc", 7)


def test_a_changed_model_is_asked_again_after_the_server_refused(client, server):
    changed = Failure(
        grpc.StatusCode.INVALID_ARGUMENT, "x is FP64", error_details_pb2.ErrorInfo(reason="WRONG_DATATYPE")
    )
    server.script("ModelMetadata", metadata_of(x=("FP32", [-1])), metadata_of(x=("FP64", [-1])))
    server.script("ModelInfer", echo, changed, echo)
    assert client.infer("m", {"x": [0.1]})["x"].dtype == np.float32
    assert client.infer("m", {"x": [0.1]})["x"].dtype == np.float64
    assert server.count("ModelMetadata") == 2


def test_a_changed_model_is_asked_again_after_the_client_refused(client, server):
    server.script("ModelMetadata", metadata_of(x=("INT8", [-1])), metadata_of(x=("INT16", [-1])))
    server.script("ModelInfer", echo)
    client.infer("m", {"x": [1]})
    assert client.infer("m", {"x": [300]})["x"].tolist() == [300]


def test_a_refusal_by_an_unchanged_model_is_final(client, server):
    refusal = Failure(grpc.StatusCode.INVALID_ARGUMENT, "no", error_details_pb2.ErrorInfo(reason="WRONG_SHAPE"))
    server.script("ModelMetadata", metadata_of(x=("INT8", [-1])))
    server.script("ModelInfer", echo, refusal)
    client.infer("m", {"x": [1]})
    with pytest.raises(errors.InvalidRequest):
        client.infer("m", {"x": [1]})
    assert server.count("ModelInfer") == 2


def test_typed_answers_are_read_too(client, server):
    typed = open_inference_pb2.ModelInferResponse(model_name="m")
    typed.outputs.add(name="y", datatype="INT64", shape=[2]).contents.int64_contents.extend([1, 2])
    server.script("ModelMetadata", metadata_of())
    server.script("ModelInfer", typed)
    assert client.infer("m", {})["y"].tolist() == [1, 2]


def test_the_other_questions(client, server):
    server.script("ModelMetadata", metadata_of(x=("FP32", [-1, 4])))
    server.script("ServerReady", open_inference_pb2.ServerReadyResponse(ready=True))
    server.script("ModelReady", open_inference_pb2.ModelReadyResponse(ready=False))
    config = open_inference_pb2.ModelConfigResponse()
    config.config.max_batch_size = 64
    server.script("ModelConfig", config)
    statistics = open_inference_pb2.ModelStatisticsResponse()
    statistics.model_stats.add(name="m", inference_count=5)
    server.script("ModelStatistics", statistics)
    index = open_inference_pb2.RepositoryIndexResponse()
    index.models.add(name="m", version="2", state="UNAVAILABLE", reason="not ONNX")
    server.script("RepositoryIndex", index)
    server.script("Check", health_pb2.HealthCheckResponse(status=1))

    declared = client.metadata("m")
    assert declared.inputs == (TensorSpec(name="x", datatype="FP32", shape=(-1, 4)),)
    assert (declared.versions, declared.platform) == (("1",), "onnx")
    assert client.ready()
    assert not client.ready("m")
    assert client.config("m").max_batch_size == 64
    assert client.statistics("m")[0].inference_count == 5
    assert client.index() == (IndexEntry(name="m", version="2", state="UNAVAILABLE", reason="not ONNX"),)
    assert client.health() == "SERVING"


def test_credentials_make_the_connection_a_secure_one(connect):
    handler = Server()
    handler.script("ServerLive", open_inference_pb2.ServerLiveResponse(live=True))
    running = grpc.server(ThreadPoolExecutor(), handlers=[handler])
    port = running.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
    running.start()
    try:
        with connect(f"127.0.0.1:{port}", credentials=grpc.local_channel_credentials()) as client:
            assert client.live()
        stranger = connect(f"127.0.0.1:{port}", timeout=2.0, credentials=grpc.ssl_channel_credentials())
        with stranger, pytest.raises(errors.Unavailable):
            stranger.live()
    finally:
        running.stop(grace=None).wait()
