"""Failures arrive with their class and details, are tried again where that is safe, and never outlast the deadline."""

import pickle
import threading
import time

import grpc
import pytest

from support.scripted_server import Failure, metadata_of, overloaded, unavailable
from tidegate import errors
from tidegate.inference import error_details_pb2, open_inference_pb2


def test_the_details_of_an_error_arrive(client, server):
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="inputs[0].shape[1]", description="expected 4, got 3")
    info = error_details_pb2.ErrorInfo(reason="WRONG_SHAPE", domain="tidegate", metadata={"model": "m", "version": "2"})
    failure = Failure(
        grpc.StatusCode.INVALID_ARGUMENT, "a shape", info, bad, trailers=[("x-tidegate-prediction-id", "abc")]
    )
    server.script("ModelMetadata", metadata_of())
    server.script("ModelInfer", failure)

    with pytest.raises(errors.InvalidRequest, match="a shape") as refused:
        client.infer("m", {})

    for error in (refused.value, pickle.loads(pickle.dumps(refused.value))):
        assert (error.code, error.reason, error.message) == ("INVALID_ARGUMENT", "WRONG_SHAPE", "a shape")
        assert error.violations == (errors.Violation("inputs[0].shape[1]", "expected 4, got 3"),)
        assert error.metadata == {"model": "m", "version": "2"}
        assert error.prediction_id == "abc"
        assert error.retry_after_s is None


@pytest.mark.parametrize(
    "code, reason, kind",
    [
        ("NOT_FOUND", "UNKNOWN_MODEL", errors.NotFound),
        ("RESOURCE_EXHAUSTED", "QUEUE_FULL", errors.Overloaded),
        ("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE", errors.TooLarge),
        ("DEADLINE_EXCEEDED", "DEADLINE_EXPIRED", errors.DeadlineExceeded),
        ("CANCELLED", "CANCELLED", errors.Cancelled),
        ("PERMISSION_DENIED", "ADMIN_ONLY", errors.PermissionDenied),
        ("UNAUTHENTICATED", "", errors.PermissionDenied),
        ("FAILED_PRECONDITION", "", errors.FailedPrecondition),
        ("ABORTED", "DRAIN_TIMEOUT", errors.Aborted),
        ("UNIMPLEMENTED", "UNKNOWN_METHOD", errors.Unimplemented),
        ("INTERNAL", "MODEL_FAILED", errors.ModelFailed),
        ("INTERNAL", "INTERNAL", errors.Internal),
        ("UNKNOWN", "", errors.Internal),
    ],
)
def test_each_failure_has_its_class(client, server, code, reason, kind):
    server.script("ServerLive", Failure(grpc.StatusCode[code], "no", error_details_pb2.ErrorInfo(reason=reason)))
    with pytest.raises(errors.RequestError) as failed:
        client.live()
    assert type(failed.value) is kind
    assert (failed.value.code, failed.value.reason) == (code, reason)
    assert server.count("ServerLive") == 1


def test_unreadable_details_do_not_hide_the_error(client, server):
    trailers = [("grpc-status-details-bin", b"\xff\xff\xff")]
    server.script("ServerLive", Failure(grpc.StatusCode.NOT_FOUND, "gone", trailers=trailers))
    with pytest.raises(errors.NotFound, match="gone"):
        client.live()


@pytest.mark.parametrize("answer", [b"\xff\xff", b""])
def test_an_answer_that_is_no_message_is_internal_or_empty(client, server, answer):
    server.script("ServerLive", answer)
    if answer:
        with pytest.raises(errors.Internal, match="not of the protocol"):
            client.live()
    else:
        assert client.live() is False


def test_an_answer_that_contradicts_itself_is_internal(client, server):
    broken = open_inference_pb2.ModelInferResponse(raw_output_contents=[b"abc"])
    broken.outputs.add(name="y", datatype="FP32", shape=[1])
    server.script("ModelMetadata", metadata_of())
    server.script("ModelInfer", broken)
    with pytest.raises(errors.Internal, match="output y: its 3 raw bytes") as failed:
        client.infer("m", {})
    assert failed.value.reason == "MALFORMED_ANSWER"


def test_what_was_not_begun_is_sent_again(client, server):
    server.script("ServerLive", unavailable(), unavailable(), open_inference_pb2.ServerLiveResponse(live=True))
    assert client.live()
    assert server.count("ServerLive") == 3


def test_shed_load_is_sent_again_after_the_advised_pause(client, server):
    server.script("ServerLive", overloaded(pause_ms=80), open_inference_pb2.ServerLiveResponse(live=True))
    begun = time.monotonic()
    assert client.live()
    assert time.monotonic() - begun >= 0.08
    assert server.count("ServerLive") == 2


def test_advice_beyond_the_deadline_is_passed_on_at_once(client, server):
    server.script("ServerLive", overloaded(pause_ms=30_500))
    with pytest.raises(errors.Overloaded) as failed:
        client.live(timeout=20)
    assert failed.value.retry_after_s == pytest.approx(30.5)
    assert server.count("ServerLive") == 1


def test_retries_stop_when_the_budget_is_spent(client, server):
    server.script("ServerLive", unavailable())
    calls = 10
    for _ in range(calls):
        with pytest.raises(errors.Unavailable):
            client.live()
    assert calls < server.count("ServerLive") <= calls + 3 + calls / 5


def test_a_deadline_reaches_the_server_and_ends_the_call(client, server):
    left = []
    released = threading.Event()

    def late(_raw, context):
        left.append(context.time_remaining())
        released.wait(20)
        return open_inference_pb2.ServerLiveResponse()

    server.script("ServerLive", late)
    with pytest.raises(errors.DeadlineExceeded):
        client.live(timeout=1.0)
    released.set()
    # The client's own timeout is 20 s; grpc rounds to milliseconds.
    assert 0 < left[0] < 1.1


def test_a_deadline_that_has_passed_sends_nothing(client, server):
    server.script("ServerLive", open_inference_pb2.ServerLiveResponse(live=True))
    with pytest.raises(errors.DeadlineExceeded):
        client.live(timeout=-1)


def test_no_server_is_unavailable_within_the_deadline(connect):
    with connect("127.0.0.1:1", timeout=2.0) as client, pytest.raises(errors.Unavailable):
        client.live()


def test_a_closed_client_says_so(connect, server):
    client = connect(server.address)
    client.close()
    with pytest.raises(errors.Cancelled, match="closed"):
        client.live()
