"""Callers and models beside each other: nobody's work changes another's answers or, beyond a little, their time."""

import threading

import grpc
import numpy as np
import pytest

from support import models as small_models
from support.asking import Asker, asked, failure, tensors
from support.gateway import start_gateway
from support.neighbour import ask, burn, neighbour
from support.waiting import until
from support.watching import Bystander, metric, status
from tidegate.inference import open_inference_pb2 as messages

# What a neighbour may cost, by the promise of the gateway.
MOST_MORE_S = 0.002
FEWEST_WINDOWS, MOST_WINDOWS, WINDOW_S = 3, 20, 0.4


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("neighbours")
    small_models.save(folder, "add_one", 1, small_models.add(1))
    small_models.save(folder, "identity_fp32", 1, small_models.identity("FP32"))
    small_models.save(folder, "dynamic_shapes", 1, small_models.dynamic_shapes())
    small_models.save(folder, "gather", 1, small_models.gather())
    small_models.save(folder, "slow", 1, small_models.slow())
    small_models.save(folder, "strings", 1, small_models.strings())
    return folder


@pytest.fixture(scope="module")
def gateway(repository):
    # One thread reads for all callers: a request that held it up would hold up everybody.
    document = {"versions": {"slow/1": {"batching": "off", "instances": 1}}, "threads": {"front": 1}}
    with start_gateway(document, repository) as running:
        yield running


def p99_s(gateway) -> float:
    """The p99 of a lone caller of a cheap model, over one window."""
    bystander = Bystander(gateway)
    threading.Event().wait(WINDOW_S)
    bystander.leave()
    return bystander.p99_s()


def assert_costs_little(gateway, message: bytes, compression=None, code="OK") -> None:
    """Windows beside the neighbour and beside any other busy program take turns until the quietest of each say so.

    A busy machine makes every caller wait for its turn of a processor; beside a neighbour one may wait once more.
    """
    apart, beside = [], []
    address = gateway.grpc_address
    with neighbour(ask, address, message, compression, code) as other, neighbour(burn) as stranger:
        while len(apart) < FEWEST_WINDOWS or min(beside) >= 2 * min(apart) + MOST_MORE_S:
            assert len(apart) < MOST_WINDOWS, f"apart {apart}, beside {beside}"
            with stranger.at_work():
                apart.append(p99_s(gateway))
            with other.at_work():
                beside.append(p99_s(gateway))


def raw(rows: int) -> bytes:
    return asked("identity_fp32", {"x": np.zeros((rows, 3), dtype=np.float32)}).SerializeToString()


def typed(rows: int) -> bytes:
    message = messages.ModelInferRequest(model_name="identity_fp32")
    sent = message.inputs.add(name="x", datatype="FP32", shape=[rows, 3])
    sent.contents.fp32_contents.extend([1.0] * (rows * 3))
    return message.SerializeToString()


def texts(count: int) -> bytes:
    message = messages.ModelInferRequest(model_name="strings")
    sent = message.inputs.add(name="text", datatype="BYTES", shape=[count])
    sent.contents.bytes_contents.extend([b"text"] * count)
    return message.SerializeToString()


def answered_briefly(rows: int) -> bytes:
    message = asked("dynamic_shapes", {"x": np.zeros((1, rows * 3), dtype=np.float32)})
    message.outputs.add(name="total")
    return message.SerializeToString()


HUGE = {
    "raw": (raw(100_000),),
    "raw, larger": (raw(1_000_000),),
    "answered briefly": (answered_briefly(1_000_000),),
    "typed": (typed(300_000),),
    "texts": (texts(300_000),),
    "compressed": (raw(1_000_000), grpc.Compression.Gzip),
    "refused": (raw(1_000_000)[:-1], None, "INVALID_ARGUMENT"),
}


@pytest.mark.parametrize("kind", HUGE)
def test_a_huge_request_of_a_cheap_model_costs_another_model_at_most_two_milliseconds(gateway, kind):
    assert_costs_little(gateway, *HUGE[kind])


def test_a_slow_model_costs_a_cheap_one_at_most_two_milliseconds(gateway):
    assert_costs_little(gateway, asked("slow", {"x": np.float32([[1]])}).SerializeToString())


def test_a_model_that_is_stuck_on_all_its_instances_delays_no_other_queue(patient_models):
    """The others' requests are too dear to run where they are read, so they need the threads that the stuck one could take."""
    document = {"versions": {"patient/1": {"batching": "off"}}, "inline_budget_us": 0}
    with start_gateway(document, patient_models) as gateway, Asker(gateway.grpc_address) as asker:
        stuck = [asker.begin(asked("patient", {"x": np.float32([[20_000]])})) for _ in range(6)]
        until(lambda: status(gateway)["versions"]["patient/1"]["running"] >= 1)
        until(lambda: metric(gateway, "tidegate_in_flight_requests") == 6)
        with Asker(gateway.grpc_address) as other:
            answers = [other.infer("add_one", {"x": np.float32([[1, 2, 3, 4]])}, timeout=2) for _ in range(20)]
        assert all(tensors(answer)["y"].tolist() == [[2, 3, 4, 5]] for answer in answers)
        assert not any(call.done() for call in stuck)
        for call in stuck:
            call.cancel()
        gateway.process.kill()
        gateway.wait()


@pytest.fixture(scope="module")
def batching(repository):
    """A gateway that waits for more rows, so that what is sent together runs together."""
    version = {"batching": {"mode": "on", "max": 64, "max_delay_us": 50_000}, "instances": 1}
    versions = {f"{model}/1": version for model in ("gather", "add_one", "dynamic_shapes")}
    with start_gateway({"versions": versions, "inline_budget_us": 0}, repository) as running:
        yield running


def test_one_bad_row_fails_its_own_request_only(batching):
    index = [3, 1, 424_242, 9, 0, -99, 5, 7]
    with Asker(batching.grpc_address) as asker:
        calls = [asker.begin(asked("gather", {"index": np.int64([[number]])})) for number in index]
        for number, call in zip(index, calls, strict=True):
            if 0 <= number < 10:
                assert tensors(call.result())["value"].tolist() == [[number]]
            else:
                assert failure(call) == ("INTERNAL", "MODEL_FAILED")


def test_shapes_are_never_mixed_and_every_caller_gets_its_own(batching):
    rng = np.random.default_rng(7)
    sent = [rng.random((rng.integers(1, 4), rng.integers(1, 6)), dtype=np.float32) for _ in range(300)]
    with Asker(batching.grpc_address) as asker:
        calls = [asker.begin(asked("dynamic_shapes", {"x": rows})) for rows in sent]
        for rows, call in zip(sent, calls, strict=True):
            found = tensors(call.result())
            assert np.array_equal(found["double"], rows * 2)
            assert np.allclose(found["total"], rows.sum(axis=1, keepdims=True))
    runs = metric(batching, "tidegate_batch_rows_count", version="dynamic_shapes/1")
    assert runs < len(sent) / 2, "they were run together"


@pytest.mark.parametrize("connections", [1, 8])
def test_a_thousand_callers_at_once_get_exactly_their_own_rows(batching, connections):
    before = metric(batching, "tidegate_batch_rows_count", version="add_one/1")
    askers = [Asker(batching.grpc_address) for _ in range(connections)]
    sent = [np.float32([[number, number + 0.25, -number, number * 3]]) for number in range(1000)]
    calls = [askers[at % connections].begin(asked("add_one", {"x": rows}, id=str(at))) for at, rows in enumerate(sent)]
    answers = [call.result() for call in calls]
    assert [answer.id for answer in answers] == [str(number) for number in range(1000)]
    assert all(np.array_equal(tensors(answer)["y"], rows + 1) for answer, rows in zip(answers, sent, strict=True))
    assert len({answer.parameters["tidegate_prediction_id"].string_param for answer in answers}) == 1000
    runs = metric(batching, "tidegate_batch_rows_count", version="add_one/1") - before
    assert runs < 500, "they were run together"
    for asker in askers:
        asker.__exit__()


def test_batched_and_lone_runs_say_the_same(gateway, batching):
    rows = np.random.default_rng(3).random((50, 4), dtype=np.float32)
    with Asker(gateway.grpc_address) as inline, Asker(batching.grpc_address) as queued:
        alone = [tensors(inline.infer("add_one", {"x": row[None]}))["y"] for row in rows]
        calls = [queued.begin(asked("add_one", {"x": row[None]})) for row in rows]
        together = [tensors(call.result())["y"] for call in calls]
    assert np.array_equal(alone, together)
