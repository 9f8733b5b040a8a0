"""A stream answers in order, and one failed request does not end it."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from support.scripted_server import Failure, echo, metadata_of
from tidegate import errors
from tidegate.client import Answer, streams
from tidegate.inference import open_inference_pb2


def answered(raw, context):
    return open_inference_pb2.ModelStreamInferResponse(infer_response=echo(raw, context))


def failed(text):
    def fail(raw, _context):
        request = open_inference_pb2.ModelInferRequest.FromString(raw)
        response = open_inference_pb2.ModelInferResponse(id=request.id)
        return open_inference_pb2.ModelStreamInferResponse(error_message=text, infer_response=response)

    return fail


@pytest.fixture(autouse=True)
def _model(server):
    server.script("ModelMetadata", metadata_of(x=("INT64", [-1])))


def test_answers_come_in_order_and_the_stream_ends_after_done(client, server):
    server.script("ModelStreamInfer", answered)
    with client.stream() as stream:
        for number in range(40):
            stream.send("m", {"x": [number]}, request_id=str(number))
        stream.done()
        answers = list(stream)
    assert [answer.id for answer in answers] == [str(number) for number in range(40)]
    assert [answer["x"].tolist() for answer in answers] == [[number] for number in range(40)]
    assert server.count("ModelMetadata") == 1


def test_each_request_may_wait_for_its_answer(client, server):
    server.script("ModelStreamInfer", answered)
    with client.stream() as stream:
        for number in range(100):
            stream.send("m", {"x": [number]})
            assert next(stream)["x"].tolist() == [number]


def test_a_failed_request_is_an_error_in_its_place(client, server):
    server.script(
        "ModelStreamInfer", answered, failed("NOT_FOUND (UNKNOWN_MODEL): no such model"), failed("whatever"), answered
    )
    with client.stream() as stream:
        for number in range(4):
            stream.send("m", {"x": [number]})
        stream.done()
        first, second, third, fourth = stream
    assert isinstance(first, Answer)
    assert isinstance(second, errors.NotFound)
    assert (second.code, second.reason, second.message) == ("NOT_FOUND", "UNKNOWN_MODEL", "no such model")
    assert isinstance(third, errors.Internal)
    assert (third.code, third.message) == ("UNKNOWN", "whatever")
    assert isinstance(fourth, Answer)


def test_a_bad_request_makes_the_model_be_asked_again(client, server):
    server.script("ModelStreamInfer", failed("INVALID_ARGUMENT (WRONG_DATATYPE): x is FP32"), answered)
    with client.stream() as stream:
        for _ in range(2):
            stream.send("m", {"x": [1]})
            next(stream)
    assert server.count("ModelMetadata") == 2


def test_values_that_do_not_fit_are_refused_before_they_are_sent(client, server):
    server.script("ModelStreamInfer", answered)
    with client.stream() as stream:
        with pytest.raises(errors.InvalidRequest):
            stream.send("m", {"x": [0.5]})
        stream.send("m", {"x": [1]})
        assert next(stream)["x"].tolist() == [1]
    assert server.count("ModelStreamInfer") == 1


def test_a_broken_stream_raises_and_takes_no_more(client, server):
    server.script("ModelStreamInfer", Failure(grpc.StatusCode.UNAVAILABLE, "draining"))
    with client.stream() as stream:
        stream.send("m", {"x": [1]})
        with pytest.raises(errors.Unavailable, match="draining"):
            next(stream)
        with pytest.raises(errors.Cancelled, match="ended"):
            stream.send("m", {"x": [1]})


def test_unread_answers_hold_the_sender_back_for_a_while_only(connect, server):
    server.script("ModelStreamInfer", answered)
    with connect(server.address, timeout=0.5) as client, client.stream() as stream:
        client.metadata("m", timeout=10)
        for number in range(streams.OUTSTANDING):
            stream.send("m", {"x": [number]})
        with pytest.raises(errors.DeadlineExceeded, match="wait to be read"):
            stream.send("m", {"x": [64]})
        assert next(stream)["x"].tolist() == [0]
        stream.send("m", {"x": [64]})


def test_leaving_the_block_ends_a_stream_with_unread_answers(client, server):
    server.script("ModelStreamInfer", answered)
    with client.stream() as stream:
        stream.send("m", {"x": [1]})
    with pytest.raises(errors.Cancelled):
        stream.send("m", {"x": [1]})


def test_a_stream_has_a_deadline_if_asked(client, server):
    server.script("ModelStreamInfer", answered)
    with client.stream(timeout=0.2) as stream, pytest.raises(errors.DeadlineExceeded):
        next(stream)


def test_a_closed_client_opens_no_stream(connect, server):
    client = connect(server.address)
    client.close()
    with pytest.raises(errors.Cancelled, match="closed"):
        client.stream()


def test_a_client_without_a_deadline_waits_for_room_for_as_long_as_it_takes(connect, server):
    server.script("ModelStreamInfer", answered)
    with (
        connect(server.address, timeout=float("inf")) as client,
        client.stream() as stream,
        ThreadPoolExecutor() as pool,
    ):
        for number in range(streams.OUTSTANDING):
            stream.send("m", {"x": [number]})
        waiting = pool.submit(stream.send, "m", {"x": [64]})
        assert next(stream)["x"].tolist() == [0]
        waiting.result(timeout=20)
        stream.done()
        assert [answer["x"].tolist() for answer in stream] == [[number] for number in range(1, 65)]


def test_an_answer_that_is_no_message_is_the_fault_of_the_server(client, server):
    server.script("ModelStreamInfer", b"\xff\xff")
    with client.stream() as stream:
        stream.send("m", {"x": [1]})
        with pytest.raises(errors.Internal, match="not of the protocol"):
            next(stream)


def test_closing_the_client_ends_its_streams(connect, server):
    server.script("ModelStreamInfer", answered)
    client = connect(server.address)
    stream = client.stream()
    stream.send("m", {"x": [1]})
    next(stream)
    client.close()
    with pytest.raises(errors.Cancelled):
        next(stream)
    with pytest.raises(errors.Cancelled):
        stream.send("m", {"x": [1]})
