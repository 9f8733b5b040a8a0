"""MLServer's own messages, codecs and stubs: typed and raw requests, and what differs in its dialect."""

import grpc
import numpy as np
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.grpc import dataplane_pb2 as messages
from mlserver.grpc import dataplane_pb2_grpc, model_repository_pb2, model_repository_pb2_grpc
from mlserver.grpc.converters import (
    ModelInferRequestConverter,
    ModelInferResponseConverter,
    ModelMetadataResponseConverter,
)
from mlserver.types import InferenceRequest, InferenceResponse
from verdict import refused

LIMIT_S = 30


def _infer(address: str, request: InferenceRequest, model: str, *, is_raw: bool, **more) -> InferenceResponse:
    """One request as MLServer's converters write it."""
    message = ModelInferRequestConverter.from_types(request, model_name=model, use_raw=is_raw, **more)
    with grpc.insecure_channel(address) as channel:
        stub = dataplane_pb2_grpc.GRPCInferenceServiceStub(channel)
        return ModelInferResponseConverter.to_types(stub.ModelInfer(message, timeout=LIMIT_S))


def _scored(answers: dict) -> InferenceRequest:
    return InferenceRequest(id="mine", inputs=[NumpyCodec.encode_input("x", np.float32(answers["x"]))])


def _assert_scored(response: InferenceResponse, answers: dict, version: str) -> None:
    found = {output.name: NumpyCodec.decode_output(output) for output in response.outputs}
    known = answers[version]
    np.testing.assert_allclose(found["probability"], np.float32(known["probability"]), rtol=1e-5)
    assert found["label"].ravel().tolist() == known["label"]


def test_typed_requests_are_answered_with_what_onnxruntime_says(address, answers):
    response = _infer(address, _scored(answers), "scorer", is_raw=False)
    assert (response.id, response.model_name, response.model_version) == ("mine", "scorer", "2")
    _assert_scored(response, answers, "2")


def test_raw_requests_are_answered_with_what_onnxruntime_says(address, answers):
    response = _infer(address, _scored(answers), "scorer", is_raw=True, model_version="1")
    assert response.model_version == "1"
    _assert_scored(response, answers, "1")


def test_strings_go_in_and_come_out_typed_and_raw(address, answers):
    words = [["ä", "b", ""]]
    for is_raw in (False, True):
        tensor = StringCodec.encode_input("x", words[0])
        tensor.shape = [1, 3]
        response = _infer(address, InferenceRequest(inputs=[tensor]), "identity_bytes", is_raw=is_raw)
        assert [bytes(word).decode() for word in response.outputs[0].data] == words[0]


def test_every_number_that_has_typed_contents_goes_through_both_ways(address, answers):
    values = {
        "BOOL": [[True, False, True]],
        **{f"UINT{bits}": [[0, 1, 2**bits - 1]] for bits in (8, 16, 32, 64)},
        **{f"INT{bits}": [[-(2 ** (bits - 1)), 0, 2 ** (bits - 1) - 1]] for bits in (8, 16, 32, 64)},
        "FP32": [[0.5, -2.0, float("inf")]],
        "FP64": [[5e-324, -2.0, 1e300]],
    }
    for datatype, rows in values.items():
        kind = {"BOOL": "?", "FP32": "f4", "FP64": "f8"}.get(datatype, datatype.lower())
        for is_raw in (False, True):
            request = InferenceRequest(inputs=[NumpyCodec.encode_input("x", np.array(rows, kind))])
            assert str(request.inputs[0].datatype) in (datatype, f"Datatype.{datatype}")
            response = _infer(address, request, f"identity_{datatype.lower()}", is_raw=is_raw)
            assert NumpyCodec.decode_output(response.outputs[0]).tolist() == rows, (datatype, is_raw)


def test_half_precision_goes_raw_and_its_typed_form_of_mlserver_alone_is_refused(address, answers):
    def request() -> InferenceRequest:
        return InferenceRequest(inputs=[NumpyCodec.encode_input("x", np.float16([[0.5, -2, 65504]]))])

    response = _infer(address, request(), "identity_fp16", is_raw=True)
    assert NumpyCodec.decode_output(response.outputs[0]).tolist() == [[0.5, -2, 65504]]
    typed = messages.ModelInferRequest(model_name="identity_fp16")
    tensor = typed.inputs.add(name="x", datatype="FP16", shape=[1, 3])
    tensor.contents.bytes_contents.append(np.float16([0.5, -2, 65504]).tobytes())
    with grpc.insecure_channel(address) as channel:
        stub = dataplane_pb2_grpc.GRPCInferenceServiceStub(channel)
        error = refused(lambda: stub.ModelInfer(typed, timeout=LIMIT_S), grpc.RpcError)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "raw_input_contents" in error.details()


def test_metadata_is_read_by_its_converters(address, answers):
    with grpc.insecure_channel(address) as channel:
        stub = dataplane_pb2_grpc.GRPCInferenceServiceStub(channel)
        assert stub.ServerLive(messages.ServerLiveRequest()).live
        assert stub.ServerReady(messages.ServerReadyRequest()).ready
        assert stub.ModelReady(messages.ModelReadyRequest(name="scorer", version="1")).ready
        assert stub.ServerMetadata(messages.ServerMetadataRequest()).name == "tidegate"
        about = stub.ModelMetadata(messages.ModelMetadataRequest(name="scorer"))
    model = ModelMetadataResponseConverter.to_types(about)
    assert [(tensor.name, str(tensor.datatype), tensor.shape) for tensor in model.inputs] == [("x", "FP32", [-1, 8])]
    assert [tensor.name for tensor in model.outputs] == ["probability", "label"]


def test_the_index_is_read_and_loading_is_refused_with_what_to_do(address, answers):
    with grpc.insecure_channel(address) as channel:
        stub = dataplane_pb2_grpc.GRPCInferenceServiceStub(channel)
        index = stub.RepositoryIndex(messages.RepositoryIndexRequest())
        assert ("scorer", "1", "READY") in {(model.name, model.version, model.state) for model in index.models}
        calls = {
            "loaded": lambda: stub.RepositoryModelLoad(messages.RepositoryModelLoadRequest(model_name="scorer")),
            "unloaded": lambda: stub.RepositoryModelUnload(messages.RepositoryModelUnloadRequest(model_name="scorer")),
        }
        for verb, call in calls.items():
            error = refused(call, grpc.RpcError)
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED
            assert f"models are {verb} by the gateway document" in error.details()


def test_its_second_service_for_models_is_unknown_and_said_to_be(address, answers):
    with grpc.insecure_channel(address) as channel:
        stub = model_repository_pb2_grpc.ModelRepositoryServiceStub(channel)
        error = refused(lambda: stub.RepositoryIndex(model_repository_pb2.RepositoryIndexRequest()), grpc.RpcError)
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    path = "/inference.model_repository.ModelRepositoryService/RepositoryIndex"
    assert error.details() == f"there is no method {path}; reflection lists the services"


def test_its_stream_has_another_type_and_its_stub_cannot_read_ours(address, answers):
    request = ModelInferRequestConverter.from_types(_scored(answers), model_name="scorer")
    with grpc.insecure_channel(address) as channel:
        stub = dataplane_pb2_grpc.GRPCInferenceServiceStub(channel)
        error = refused(lambda: list(stub.ModelStreamInfer(iter([request]), timeout=LIMIT_S)), grpc.RpcError)
        # Nothing was refused: the caller's own stub could not read the answer, which is Triton's message.
        assert error.code() is grpc.StatusCode.INTERNAL
        assert "deserializing" in error.details()
        assert stub.ModelInfer(request, timeout=LIMIT_S).model_name == "scorer"
