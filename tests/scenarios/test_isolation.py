"""Callers and models beside each other: nobody's work changes another's answers or, beyond a little, their time."""

import statistics
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

from support import models as small_models
from support.asking import Asker, asked, failure, tensors
from support.gateway import start_gateway
from support.waiting import until
from support.watching import Bystander, metric, status

# What a neighbour may cost, by the promise of the gateway; the median over windows is what busy machines spare.
MOST_MORE_S = 0.002
WINDOWS, WINDOW_S = 5, 0.8


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("neighbours")
    small_models.save(folder, "add_one", 1, small_models.add(1))
    small_models.save(folder, "identity_fp32", 1, small_models.identity("FP32"))
    small_models.save(folder, "dynamic_shapes", 1, small_models.dynamic_shapes())
    small_models.save(folder, "gather", 1, small_models.gather())
    small_models.save(folder, "slow", 1, small_models.slow())
    return folder


@pytest.fixture(scope="module")
def gateway(repository):
    document = {"versions": {"slow/1": {"batching": "off", "instances": 1}}}
    with start_gateway(document, repository) as running:
        yield running


def median_p99_s(gateway) -> float:
    """The p99 of a lone caller of a cheap model, as the median over windows."""
    found = []
    for _ in range(WINDOWS):
        bystander = Bystander(gateway)
        threading.Event().wait(WINDOW_S)
        bystander.leave()
        found.append(bystander.p99_s())
    return statistics.median(found)


@contextmanager
def going_on(ask):
    """Repeats `ask` on a thread for as long as the block lasts; it must have been answered by its end."""
    is_over = threading.Event()

    def repeat() -> int:
        count = 0
        while not is_over.is_set():
            ask()
            count += 1
        return count

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(repeat)
        try:
            yield
        finally:
            is_over.set()
        assert asking.result() > 0


def spaced(asker, message):
    """One request, then a rest, so that the caller itself does not take a processor of the two."""

    def ask() -> None:
        assert asker.begin(message).exception() is None
        threading.Event().wait(0.02)

    return ask


@pytest.mark.parametrize("rows", [100_000, 1_000_000])
def test_a_huge_request_of_a_cheap_model_costs_another_model_at_most_two_milliseconds(gateway, rows):
    huge = asked("identity_fp32", {"x": np.zeros((rows, 3), dtype=np.float32)}).SerializeToString()
    with Asker(gateway.grpc_address) as asker:
        alone = median_p99_s(gateway)
        with going_on(spaced(asker, huge)):
            beside = median_p99_s(gateway)
    assert beside - alone < MOST_MORE_S, f"alone {alone * 1e3:.2f} ms, beside {beside * 1e3:.2f} ms"


def test_a_slow_model_delays_a_cheap_one_at_most_two_milliseconds(gateway):
    slow = asked("slow", {"x": np.float32([[1]])})
    with Asker(gateway.grpc_address) as asker:
        alone = median_p99_s(gateway)
        with going_on(spaced(asker, slow)):
            beside = median_p99_s(gateway)
    assert beside - alone < MOST_MORE_S, f"alone {alone * 1e3:.2f} ms, beside {beside * 1e3:.2f} ms"


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
