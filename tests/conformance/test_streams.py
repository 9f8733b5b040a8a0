"""ModelStreamInfer: many requests on one stream, answered in the order they came, each with its own fate."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc

from support.calls import SERVICE, four, request
from support.refusals import of_error
from support.triton import parameters_of, sent, tensor_of, x
from tidegate.inference import open_inference_pb2 as oip

ANSWER_LIMIT_S = 20


class Stream:
    """A stream of tritonclient, whose answers are taken one by one."""

    def __init__(self, client: triton_grpc.InferenceServerClient, answers: SimpleQueue) -> None:
        self._client, self._answers = client, answers

    def ask(self, model: str, inputs: list[triton_grpc.InferInput], **more: Any) -> None:
        """Sends a request."""
        self._client.async_stream_infer(model, inputs, **more)

    def next(self) -> tuple[triton_grpc.InferResult | None, Any]:
        """The next answer or error."""
        return self._answers.get(timeout=ANSWER_LIMIT_S)


@pytest.fixture
def stream(gateway) -> Iterator[Callable[..., Any]]:
    """Opens a stream; its client is closed with the test."""

    @contextmanager
    def opened(**options: Any) -> Iterator[Stream]:
        answers: SimpleQueue = SimpleQueue()
        with triton_grpc.InferenceServerClient(gateway.grpc_address) as client:
            client.start_stream(lambda result, error: answers.put((result, error)), **options)
            yield Stream(client, answers)
            client.stop_stream()

    return opened


def test_five_hundred_requests_are_answered_in_their_order_with_their_ids(stream):
    with stream() as open_stream:
        for number in range(500):
            open_stream.ask("add_one", x([number, 0, 0, 0]), request_id=f"request {number}")
        for number in range(500):
            result, error = open_stream.next()
            assert error is None
            assert result.get_response().id == f"request {number}"
            assert tensor_of(result, "y")[0, 0] == number + 1


def test_a_quick_model_waits_for_the_slow_one_that_was_asked_before(stream):
    with stream() as open_stream:
        open_stream.ask("slow", [sent("x", np.float32([[5]]), "FP32")], request_id="slow")
        open_stream.ask("add_one", x([1, 2, 3, 4]), request_id="quick")
        assert [open_stream.next()[0].get_response().id for _ in range(2)] == ["slow", "quick"]


def test_an_error_in_the_middle_costs_nobody_else_anything(stream):
    with stream() as open_stream:
        for number in range(30):
            model = "nobody" if number % 3 == 1 else "add_one"
            inputs = [sent("x", np.zeros((1, 5), "f4"), "FP32")] if number % 3 == 2 else x([number, 0, 0, 0])
            open_stream.ask(model, inputs, request_id=str(number))
        for number in range(30):
            result, error = open_stream.next()
            if number % 3 == 0:
                assert error is None
                assert result.get_response().id == str(number)
            else:
                reason = "NOT_FOUND (UNKNOWN_MODEL)" if number % 3 == 1 else "INVALID_ARGUMENT (WRONG_SHAPE)"
                assert reason in str(error)


def test_each_message_has_a_prediction_id_of_its_own(stream):
    with stream() as open_stream:
        for _ in range(20):
            open_stream.ask("split", x([1, 2, 3, 4]))
        ids = [parameters_of(open_stream.next()[0])["tidegate_prediction_id"] for _ in range(20)]
    assert len(set(ids)) == 20


def test_the_metadata_of_the_stream_decides_for_all_its_messages(stream):
    with stream(headers={"x-unit": "N101"}) as open_stream:
        for _ in range(50):
            open_stream.ask("split", x([1, 2, 3, 4]))
        found = [parameters_of(open_stream.next()[0]) for _ in range(50)]
    assert len({parameters["tidegate_version"] for parameters in found}) == 1
    assert {parameters["tidegate_reason"] for parameters in found} == {"split"}


def test_an_empty_final_response_follows_each_answer_if_it_is_asked_for(stream):
    with stream() as open_stream:
        for number in range(3):
            open_stream.ask("add_one", x([1, 2, 3, 4]), request_id=str(number), enable_empty_final_response=True)
        for number in range(3):
            answer, _ = open_stream.next()
            last, _ = open_stream.next()
            assert tensor_of(answer, "y").tolist() == [[2, 3, 4, 5]]
            assert "triton_final_response" not in parameters_of(answer)
            assert parameters_of(last)["triton_final_response"] is True
            assert not last.get_response().outputs
            assert answer.get_response().id == last.get_response().id == str(number)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_streams_are_read(stream, algorithm):
    values = np.arange(8000, dtype="f4").reshape(-1, 4)
    with stream(compression_algorithm=algorithm) as open_stream:
        for _ in range(3):
            open_stream.ask("add_one", [sent("x", values, "FP32")])
        for _ in range(3):
            assert np.array_equal(tensor_of(open_stream.next()[0], "y"), values + 1)


def _stream(channel: grpc.Channel, messages: list[bytes], **options: Any) -> Any:
    call = channel.stream_stream(
        SERVICE + "ModelStreamInfer", response_deserializer=oip.ModelStreamInferResponse.FromString
    )
    return call(iter(messages), timeout=ANSWER_LIMIT_S, **options)


GOOD = four(id="good").SerializeToString()
UNKNOWN = four("nobody", id="unknown").SerializeToString()


def test_an_error_message_carries_the_id_and_the_name_back(channel):
    first, second = _stream(channel, [UNKNOWN, GOOD])
    assert first.error_message.startswith("NOT_FOUND (UNKNOWN_MODEL): ")
    assert (first.infer_response.id, first.infer_response.model_name) == ("unknown", "nobody")
    assert not first.infer_response.outputs
    assert not second.error_message
    assert second.infer_response.id == "good"


def test_with_triton_grpc_error_the_first_error_ends_the_stream_with_its_status(channel):
    call = _stream(channel, [GOOD, UNKNOWN, GOOD], metadata=[("triton_grpc_error", "true")])
    assert next(call).infer_response.id == "good"
    with pytest.raises(grpc.RpcError) as caught:
        next(call)
    assert (of_error(caught.value).code, of_error(caught.value).reason) == ("NOT_FOUND", "UNKNOWN_MODEL")


def test_a_message_that_is_none_is_an_error_and_the_stream_goes_on(channel):
    first, second = _stream(channel, [GOOD[:-2], GOOD])
    assert "MALFORMED_MESSAGE" in first.error_message
    assert second.infer_response.id == "good"


def test_a_stream_without_messages_ends_well(channel):
    assert list(_stream(channel, [])) == []


def test_a_half_closed_stream_still_gets_every_answer(channel):
    slow = request("slow", ("x", "FP32", [1, 1], np.float32([1]).tobytes()), id="slow").SerializeToString()
    call = _stream(channel, [slow, GOOD, GOOD])
    assert [answer.infer_response.id for answer in call] == ["slow", "good", "good"]
    assert call.code() is grpc.StatusCode.OK


def test_the_deadline_of_a_stream_ends_it(channel):
    slow = request("slow", ("x", "FP32", [1, 1], np.float32([1]).tobytes())).SerializeToString()
    call = channel.stream_stream(SERVICE + "ModelStreamInfer")(iter([slow] * 40), timeout=0.3)
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
