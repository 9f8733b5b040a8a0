"""KServe's Python SDK: `InferenceGRPCClient`, and its dialect of loading models."""

import asyncio
import re
import urllib.request
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest, InferResponse
from kserve.protocol.grpc import grpc_predict_v2_pb2 as messages
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc
from kserve.protocol.infer_type import RequestedOutput
from verdict import refused

T = TypeVar("T")
COUNT_OF_UNAVAILABLE = re.compile(r'^tidegate_requests_total\{[^}]*code="UNAVAILABLE"\} (\d+)$', re.MULTILINE)
TOO_SHORT_S = 0.05


def _asked(address: str, ask: Callable[[InferenceGRPCClient], Awaitable[T]], **options) -> T:
    """What one conversation with a client of its own comes to."""

    async def run() -> T:
        async with InferenceGRPCClient(address, **options) as client:
            return await ask(client)

    return asyncio.run(run())


def _failed(address: str, ask: Callable[[InferenceGRPCClient], Awaitable[object]], **options) -> grpc.RpcError:
    async def run(client: InferenceGRPCClient) -> grpc.RpcError:
        try:
            answer = await ask(client)
        except grpc.RpcError as error:
            return error
        raise AssertionError(f"the call was answered: {answer}")

    return _asked(address, run, **options)


def _scored(answers: dict, *, is_typed: bool, model: str = "scorer", **more) -> InferRequest:
    x = np.float32(answers["x"])
    tensor = InferInput("x", list(x.shape), "FP32")
    tensor.set_data_from_numpy(x, binary_data=not is_typed)
    return InferRequest(model, [tensor], **more)


def _assert_scored(response: InferResponse, answers: dict, version: str = "2") -> None:
    found = {output.name: output.as_numpy() for output in response.outputs}
    known = answers[version]
    np.testing.assert_allclose(found["probability"], np.float32(known["probability"]), rtol=1e-5)
    np.testing.assert_array_equal(found["label"], np.int64(known["label"]), strict=True)


def test_server_and_models_are_live_and_ready(address, answers):
    async def ask(client: InferenceGRPCClient) -> list[bool]:
        return [
            await client.is_server_live(),
            await client.is_server_ready(),
            await client.is_model_ready("scorer"),
            await client.is_model_ready("scorer-canary"),
            await client.is_model_ready("broken"),
        ]

    assert _asked(address, ask) == [True, True, True, True, False]


def test_whether_an_unknown_model_is_ready_is_not_found(address, answers):
    error = _failed(address, lambda client: client.is_model_ready("nobody"))
    assert error.code() is grpc.StatusCode.NOT_FOUND


def test_raw_requests_are_answered_with_what_onnxruntime_says(address, answers):
    request = _scored(answers, is_typed=False, request_id="raw")
    response = _asked(address, lambda client: client.infer(request))
    assert (response.id, response.model_name, response.model_version) == ("raw", "scorer", "2")
    _assert_scored(response, answers)


def test_typed_requests_are_answered_with_what_onnxruntime_says(address, answers):
    request = _scored(answers, is_typed=True)
    assert not request.to_grpc().raw_input_contents, "the request is not typed"
    _assert_scored(_asked(address, lambda client: client.infer(request)), answers)


def test_a_route_answers_under_its_name_and_says_who_answered(address, answers):
    request = _scored(answers, is_typed=False, model="scorer-canary")
    response = _asked(address, lambda client: client.infer(request, headers=[("x-unit", "N14228")]))
    assert response.model_name == "scorer-canary"
    assert response.parameters["tidegate_version"].string_param == f"scorer/{response.model_version}"
    _assert_scored(response, answers, response.model_version)


def test_only_the_outputs_that_are_asked_for_come(address, answers):
    request = _scored(answers, is_typed=False, request_outputs=[RequestedOutput("label")])
    response = _asked(address, lambda client: client.infer(request))
    assert [output.name for output in response.outputs] == ["label"]


def test_strings_and_half_precision_go_through(address, answers):
    words = np.array([["ä", "b", ""]], object)
    text = InferInput("x", [1, 3], "BYTES")
    text.set_data_from_numpy(words)
    half = InferInput("x", [1, 3], "FP16")
    half.set_data_from_numpy(np.float16([[0.5, -2, 65504]]))

    async def ask(client: InferenceGRPCClient) -> list[np.ndarray]:
        requests = (InferRequest("identity_bytes", [text]), InferRequest("identity_fp16", [half]))
        return [(await client.infer(request)).outputs[0].as_numpy() for request in requests]

    same_text, same_half = _asked(address, ask)
    assert same_text.tolist() == [[word.encode() for word in words[0]]]
    assert same_half.dtype == np.float16
    assert same_half.tolist() == [[0.5, -2, 65504]]


def test_its_timeout_is_the_deadline(address, answers):
    tensor = InferInput("x", [1, 1], "FP32")
    tensor.set_data_from_numpy(np.float32([[7]]))  # which takes 0.2 s
    request = InferRequest("slow", [tensor])
    for options, more in (({"timeout": TOO_SHORT_S}, {}), ({}, {"timeout": TOO_SHORT_S})):
        error = _failed(address, lambda client, more=more: client.infer(request, **more), **options)
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_what_is_wrong_with_a_request_is_named(address, answers):
    tensor = InferInput("x", [1, 5], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 5), "f4"))
    error = _failed(address, lambda client: client.infer(InferRequest("scorer", [tensor])))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert 'input "x": expected shape [-1,8], got [1,5]' in error.details()


def test_unavailable_is_sent_again_as_often_as_it_is_told_and_then_said(address, answers):
    tensor = InferInput("x", [1, 4], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 4), "f4"))
    request = InferRequest("broken", [tensor])
    for retries, sent in ((3, 3), (0, 1)):
        before = _count_of_unavailable(answers)
        error = _failed(address, lambda client: client.infer(request), retries=retries)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert 'model "broken" is not loaded' in error.details()
        assert _count_of_unavailable(answers) - before == sent


def _count_of_unavailable(answers: dict) -> int:
    """How many requests the gateway has answered with UNAVAILABLE."""
    with urllib.request.urlopen(f"http://{answers['http']}/metrics", timeout=20) as page:
        found = COUNT_OF_UNAVAILABLE.findall(page.read().decode())
    return sum(int(count) for count in found)


def test_its_dialect_of_loading_is_recognised_and_named(address, answers):
    """Its messages have `model_name` where everybody else has `repository_name`."""
    with grpc.insecure_channel(address) as channel:
        stub = grpc_predict_v2_pb2_grpc.GRPCInferenceServiceStub(channel)
        for call, kind in (
            (stub.RepositoryModelLoad, messages.RepositoryModelLoadRequest),
            (stub.RepositoryModelUnload, messages.RepositoryModelUnloadRequest),
        ):
            error = refused(lambda call=call, kind=kind: call(kind(model_name="scorer"), timeout=20), grpc.RpcError)
            assert "model_name in KServe's dialect" in error.details()
            assert "by the gateway document" in error.details()
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error.code()
