"""KServe's Python SDK over HTTP: `InferenceRESTClient` with its protocol v2."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, InferResponse, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from verdict import refused

T = TypeVar("T")


def _asked(answers: dict, ask: Callable[[InferenceRESTClient, str], Awaitable[T]]) -> T:
    """What one conversation with a client of its own comes to; `ask` gets the base of the gateway's addresses too."""

    async def run() -> T:
        async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
            return await ask(client, f"http://{answers['http']}")

    return asyncio.run(run())


def _scored(answers: dict, *, is_binary: bool) -> InferRequest:
    x = np.float32(answers["x"])
    tensor = InferInput("x", list(x.shape), "FP32")
    tensor.set_data_from_numpy(x, binary_data=is_binary)
    parameters = {"binary_data_output": True} if is_binary else None
    return InferRequest("scorer", [tensor], parameters=parameters)


def _assert_scored(response: InferResponse, answers: dict) -> None:
    found = {output.name: output.as_numpy() for output in response.outputs}
    known = answers["2"]
    np.testing.assert_allclose(found["probability"], np.float32(known["probability"]), rtol=1e-5)
    np.testing.assert_array_equal(found["label"], np.int64(known["label"]), strict=True)


def test_server_and_models_are_live_and_ready_over_http(address, answers):
    async def ask(client: InferenceRESTClient, base: str) -> list[bool]:
        return [
            await client.is_server_live(base),
            await client.is_server_ready(base),
            await client.is_model_ready(base, "scorer"),
            await client.is_model_ready(base, "broken"),
            await client.is_model_ready(base, "nobody"),
        ]

    assert _asked(answers, ask) == [True, True, True, False, False]


def test_json_is_answered_with_what_onnxruntime_says(address, answers):
    request = _scored(answers, is_binary=False)
    response = _asked(answers, lambda client, base: client.infer(base, request, model_name="scorer"))
    # The client leaves `model_version` of an answer in JSON out; who answered stands in the parameters too.
    assert (response.model_name, response.parameters["tidegate_version"]) == ("scorer", "scorer/2")
    _assert_scored(response, answers)


def test_binary_data_is_answered_with_what_onnxruntime_says(address, answers):
    request = _scored(answers, is_binary=True)
    came: dict[str, str] = {}
    response = _asked(
        answers, lambda client, base: client.infer(base, request, model_name="scorer", response_headers=came)
    )
    assert int(came["inference-header-content-length"]) < int(came["content-length"]), "the answer is not binary"
    _assert_scored(response, answers)


def test_only_the_outputs_that_are_asked_for_come_over_http(address, answers):
    request = _scored(answers, is_binary=False)
    request.request_outputs = [RequestedOutput("label")]
    response = _asked(answers, lambda client, base: client.infer(base, request, model_name="scorer"))
    assert [output.name for output in response.outputs] == ["label"]


def test_a_refusal_over_http_is_a_status_with_the_same_sentence(address, answers):
    tensor = InferInput("x", [1, 5], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 5), "f4"), binary_data=False)
    for model, status, sentence in (
        ("scorer", 400, 'input "x": expected shape [-1,8], got [1,5]'),
        ("nobody", 404, 'no route or model is named "nobody"'),
    ):
        request = InferRequest(model, [tensor])
        error = refused(
            lambda model=model, request=request: _asked(
                answers, lambda client, base: client.infer(base, request, model_name=model)
            ),
            httpx.HTTPStatusError,
        )
        assert error.response.status_code == status
        assert sentence in str(error)
