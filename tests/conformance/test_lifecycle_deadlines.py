"""One clock: whoever's time is over is told at once, and what nobody waits for is not run."""

import queue

import grpc
import numpy as np
import pytest

from support.asking import Asker, asked, failure, tensors
from support.gateway import start_gateway
from support.patience import PATIENT, begin_and_queue, begin_and_wait, lasting, patient_gateway
from support.waiting import until
from support.watching import metric
from support.watching import queue as depth

EXPIRED = ("DEADLINE_EXCEEDED", "DEADLINE_EXPIRED")
# A run that outlasts every deadline here.
LONG_S = 1.2


@pytest.fixture(scope="module")
def gateway(patient_models):
    document = {
        "routes": {
            "hasty": {"split": {PATIENT: 1}, "timeout_ms": 200},
            "leisurely": {"split": {PATIENT: 1}, "timeout_ms": 60_000},
        }
    }
    with patient_gateway(patient_models, **document) as running:
        yield running


@pytest.fixture
def asker(gateway):
    with Asker(gateway.grpc_address) as own:
        yield own
    until(lambda: depth(gateway, PATIENT) == (0, 0), what="the version is idle again")


def runs(gateway) -> float:
    """How many batches have run."""
    return metric(gateway, "tidegate_batch_rows_count", version=PATIENT)


def in_model(model: str, seconds: float, **fields):
    message = lasting(seconds, **fields)
    message.model_name = model
    return message


@pytest.mark.parametrize(
    "model, grpc_s, triton_us",
    [
        ("leisurely", 0.2, None),
        ("leisurely", 30, 200_000),
        ("leisurely", 0.2, 20_000_000),
        ("hasty", 30, None),
        ("hasty", 30, 20_000_000),
        ("hasty", None, None),
    ],
)
def test_the_earliest_deadline_counts(gateway, asker, model, grpc_s, triton_us):
    """A queued request is answered when its time is over, not when its turn comes."""
    running = begin_and_wait(gateway, asker, LONG_S)
    code, reason = failure(asker.begin(in_model(model, 0, timeout_us=triton_us), grpc_s))
    assert code == "DEADLINE_EXCEEDED"
    assert reason in {"DEADLINE_EXPIRED", ""}, "grpc's own clock may be first"
    assert not running.done(), "it did not wait for the run, which goes on"
    until(lambda: depth(gateway, PATIENT)[0] == 0, limit_s=1, what="its place is free")
    running.cancel()


def test_the_server_itself_says_that_the_time_is_over(gateway, asker):
    running = begin_and_wait(gateway, asker, 1)
    assert failure(asker.begin(in_model("leisurely", 0, timeout_us=100_000))) == EXPIRED
    assert running.exception() is None


def test_the_deadline_ends_the_wait_for_a_run_too(gateway, asker):
    assert failure(asker.begin(in_model("leisurely", LONG_S, timeout_us=200_000))) == EXPIRED
    assert depth(gateway, PATIENT)[1] == 1, "the run goes on"


@pytest.mark.parametrize("timeout_us", [1, 10])
def test_a_deadline_that_is_over_on_arrival_is_said_and_nothing_runs(gateway, asker, timeout_us):
    before = runs(gateway)
    assert failure(asker.begin(in_model("leisurely", 0, timeout_us=timeout_us))) == EXPIRED
    assert runs(gateway) == before


def test_requests_that_expire_in_the_queue_are_never_run(gateway, asker):
    before = runs(gateway)
    running = begin_and_wait(gateway, asker, 1)
    waiting = begin_and_queue(gateway, asker, 5, timeout_us=300_000)
    assert [failure(call) for call in waiting] == [EXPIRED] * 5
    assert running.exception() is None
    assert asker.begin(lasting(0)).exception() is None
    assert runs(gateway) - before == 2


def test_cancelled_requests_leave_the_queue_and_are_never_run(gateway, asker):
    before = runs(gateway)
    running = begin_and_wait(gateway, asker, 1)
    waiting = begin_and_queue(gateway, asker, 6)
    for call in waiting[1:]:
        call.cancel()
    until(lambda: depth(gateway, PATIENT)[0] == 1, limit_s=0.9, what="cancelled requests leave the queue")
    assert metric(gateway, "tidegate_queue_requests", version=PATIENT) == 1
    assert [call.exception() for call in (running, waiting[0])] == [None, None]
    assert runs(gateway) - before == 2
    assert metric(gateway, "tidegate_refusals_total", version=PATIENT, reason="CANCELLED") >= 5


def test_a_connection_that_goes_takes_its_requests_out_of_the_queue(gateway, asker):
    before = runs(gateway)
    running = begin_and_wait(gateway, asker, 1)
    with Asker(gateway.grpc_address) as other:
        begin_and_queue(gateway, other, 4)
    until(lambda: depth(gateway, PATIENT)[0] == 0, limit_s=0.9, what="the queue is empty")
    assert running.exception() is None
    assert runs(gateway) - before == 1


def test_a_run_whose_caller_left_disturbs_nobody(gateway, asker):
    running = begin_and_wait(gateway, asker, 0.5)
    waiting = begin_and_queue(gateway, asker, 1)
    running.cancel()
    answer = waiting[0].result()
    assert tensors(answer)["y"].tolist() == [[0]]


def test_the_deadline_of_a_stream_ends_it_with_what_is_outstanding(gateway, asker):
    said: queue.SimpleQueue[object] = queue.SimpleQueue()
    stream = asker.stream(iter(said.get, None), timeout=0.6)
    said.put(lasting(0, id="in time"))
    assert next(stream).infer_response.id == "in time"
    said.put(lasting(LONG_S, id="too late"))
    with pytest.raises(grpc.RpcError) as caught:
        next(stream)
    said.put(None)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert depth(gateway, PATIENT)[1] == 1, "it did not wait for the run"


def test_a_message_of_a_stream_has_its_own_deadline_and_the_stream_goes_on(gateway, asker):
    sent = [in_model("leisurely", 0.8, timeout_us=200_000, id="late"), lasting(0, id="fine")]
    late, fine = asker.stream(sent)
    assert late.infer_response.id == "late"
    assert late.error_message.startswith("DEADLINE_EXCEEDED (DEADLINE_EXPIRED)")
    assert (fine.infer_response.id, fine.error_message) == ("fine", "")


def test_a_stream_that_goes_takes_its_requests_out_of_the_queue(gateway, asker):
    before = runs(gateway)
    running = begin_and_wait(gateway, asker, 1)
    stream = asker.stream(lasting(0) for _ in range(5))
    until(lambda: depth(gateway, PATIENT)[0] == 5)
    stream.cancel()
    until(lambda: depth(gateway, PATIENT)[0] == 0, limit_s=0.9, what="the queue is empty")
    assert running.exception() is None
    assert runs(gateway) - before == 1


def test_a_batch_goes_on_while_one_of_its_rows_is_awaited(patient_models):
    """Two share a run; the one whose time is over is answered at once, the other when the run ends."""
    version = {"batching": {"mode": "on", "max_delay_us": 300_000}, "instances": 1}
    document = {"versions": {PATIENT: version}, "inline_budget_us": 0}
    with start_gateway(document, patient_models) as gateway, Asker(gateway.grpc_address) as asker:
        short = asker.begin(lasting(1, timeout_us=600_000))
        long = asker.begin(asked("patient", {"x": np.float32([[1], [2]])}))
        assert failure(short) == EXPIRED
        assert not long.done()
        assert tensors(long.result())["y"].tolist() == [[1], [2]]
        assert metric(gateway, "tidegate_batch_rows_sum", version=PATIENT) == 3
        assert runs(gateway) == 1
