"""Overload: what is beyond the limits is told at once when to come again, what was accepted is answered."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from support.asking import Asker, asked, details, failure, tensors
from support.patience import PATIENT, begin_and_queue, begin_and_wait, lasting, patient_gateway
from support.waiting import until
from support.watching import metric
from tidegate.client import Client
from tidegate.errors import Overloaded

QUEUE_FULL = ("RESOURCE_EXHAUSTED", "QUEUE_FULL")


def advice_ms(call) -> tuple[float, int]:
    """When to come again: by RetryInfo and by the trailer that grpc's own retries read."""
    error = call.exception()
    delay = details(error)["RetryInfo"].retry_delay
    return delay.seconds * 1e3 + delay.nanos / 1e6, int(dict(error.trailing_metadata())["grpc-retry-pushback-ms"])


def test_a_full_queue_sheds_with_advice_and_answers_what_it_took(patient_models):
    with patient_gateway(patient_models, queue={"requests": 4}) as gateway, Asker(gateway.grpc_address) as asker:
        running = begin_and_wait(gateway, asker, 0.8)
        waiting = begin_and_queue(gateway, asker, 4)
        shed = [asker.begin(lasting(0)) for _ in range(200)]
        assert [failure(call) for call in shed] == [QUEUE_FULL] * 200
        by_details, by_trailer = advice_ms(shed[0])
        assert 1 <= by_details == by_trailer
        assert not running.done(), "the refusals came at once"
        assert [call.exception() for call in (running, *waiting)] == [None] * 5
        assert metric(gateway, "tidegate_refusals_total", version=PATIENT, reason="QUEUE_FULL") == 200
        lines = [line for line in gateway.log.splitlines() if " shed " in line]
        assert 1 <= len(lines) <= 2, "sheds are reported together"


def test_a_place_that_was_left_is_free_again(patient_models):
    with patient_gateway(patient_models, queue={"requests": 1}) as gateway, Asker(gateway.grpc_address) as asker:
        running = begin_and_wait(gateway, asker, 0.8)
        waiting = begin_and_queue(gateway, asker, 1)
        assert failure(asker.begin(lasting(0))) == QUEUE_FULL
        waiting[0].cancel()
        until(lambda: metric(gateway, "tidegate_queue_requests", version=PATIENT) == 0)
        again = begin_and_queue(gateway, asker, 1)
        assert [call.exception() for call in (running, *again)] == [None, None]


def test_a_queue_is_full_by_bytes_too(patient_models):
    rows = np.zeros((100_000, 1), dtype=np.float32)
    with patient_gateway(patient_models, queue={"mib": 1}) as gateway, Asker(gateway.grpc_address) as asker:
        running = begin_and_wait(gateway, asker, 2)
        waiting = [asker.begin(asked("patient", {"x": rows})) for _ in range(2)]
        until(lambda: metric(gateway, "tidegate_queue_bytes", version=PATIENT) > 2 * rows.nbytes)
        shed = asker.begin(asked("patient", {"x": rows}))
        assert failure(shed) == ("RESOURCE_EXHAUSTED", "QUEUE_BYTES_FULL")
        assert min(advice_ms(shed)) >= 1
        small = asker.begin(lasting(0))
        assert [call.exception() for call in (running, small, *waiting)] == [None] * 4


def test_the_bytes_of_all_requests_are_bounded_and_given_back(patient_models):
    """Four callers send what only two may hold."""
    rows = np.zeros((500_000, 1), dtype=np.float32)
    limits = {"in_flight_mib": 5, "message_mib": 4}
    with patient_gateway(patient_models, limits=limits) as gateway, Asker(gateway.grpc_address) as asker:
        # Long enough that a busy machine reads all four while it runs: what ran in between gives its bytes back.
        running = begin_and_wait(gateway, asker, 4)
        calls = [asker.begin(asked("patient", {"x": rows})) for _ in range(4)]
        until(lambda: sum(call.done() for call in calls) >= 2)
        shed = [call for call in calls if call.done()]
        assert [failure(call) for call in shed] == [("RESOURCE_EXHAUSTED", "BYTES_IN_FLIGHT")] * 2
        assert min(advice_ms(shed[0])) >= 1
        assert [call.exception() for call in (running, *calls) if call not in shed] == [None] * 3
        until(lambda: metric(gateway, "tidegate_in_flight_bytes") == 0)
        assert asker.begin(asked("patient", {"x": rows})).exception() is None


def test_a_client_comes_again_when_it_was_told_to(patient_models):
    with patient_gateway(patient_models, queue={"requests": 1}) as gateway, Asker(gateway.grpc_address) as asker:
        running = begin_and_wait(gateway, asker, 0.8)
        waiting = begin_and_queue(gateway, asker, 1)
        with Client(gateway.grpc_address) as client, ThreadPoolExecutor() as pool:
            answer = pool.submit(client.infer, "patient", {"x": [0.0]})
            until(lambda: metric(gateway, "tidegate_refusals_total", reason="QUEUE_FULL") >= 1)
            waiting[0].cancel()
            assert answer.result()["y"].tolist() == [[0.0]]
        assert running.exception() is None


def test_a_crowd_of_clients_does_not_make_an_overload_larger_than_its_budget(patient_models):
    """Forty calls against a queue without room: retries add at most the floor and a fifth."""
    with patient_gateway(patient_models, queue={"requests": 1}) as gateway, Asker(gateway.grpc_address) as asker:
        running = begin_and_wait(gateway, asker, 1.5)
        waiting = begin_and_queue(gateway, asker, 1)
        with Client(gateway.grpc_address, timeout=1) as client:
            client.metadata("patient")
            outcomes: list[Exception | None] = []

            def ask() -> None:
                try:
                    client.infer("patient", {"x": [0.0]})
                    outcomes.append(None)
                except Overloaded as error:
                    outcomes.append(error)

            threads = [threading.Thread(target=ask) for _ in range(40)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(outcomes) == 40
        assert all(isinstance(outcome, Overloaded) and outcome.retry_after_s for outcome in outcomes)
        refused = metric(gateway, "tidegate_refusals_total", version=PATIENT, reason="QUEUE_FULL")
        assert 40 < refused <= 40 + 3 + 40 / 5
        running.cancel()
        assert waiting[0].exception() is None


@pytest.mark.parametrize("requests", [1, 8])
def test_the_limit_of_a_queue_is_exact(patient_models, requests):
    with patient_gateway(patient_models, queue={"requests": requests}) as gateway, Asker(gateway.grpc_address) as asker:
        running = begin_and_wait(gateway, asker, 0.4)
        calls = [asker.begin(lasting(0, id=str(number))) for number in range(requests + 3)]
        answered = [call.result() for call in calls if call.exception() is None]
        assert len(answered) == requests
        assert all(tensors(answer)["y"].tolist() == [[0]] for answer in answered)
        assert running.exception() is None
