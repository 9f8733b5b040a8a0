"""tritonclient: ModelStreamInfer as its examples of streams, sequences and decoupled models use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import numpy as np
from triton_requests import FIRST, SECOND, assert_sum_and_difference, of, pair, rows_of
from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException
from verdict import refused

LIMIT_S = 30
# `slow` runs for 0.2 s, whatever it is asked.
SOME = np.float32([[7]])


@contextmanager
def _stream(address: str, **options) -> Iterator[tuple[InferenceServerClient, SimpleQueue]]:
    """A client with an open stream, and what its callback is given: (result, error)."""
    given: SimpleQueue = SimpleQueue()
    with InferenceServerClient(address) as client:
        client.start_stream(lambda result, error: given.put((result, error)), **options)
        yield client, given
        client.stop_stream()


def test_two_sequences_on_one_stream_are_answered_in_order(address, answers):
    values = [0, 9, 7, 5, 3, 1]
    with _stream(address, stream_timeout=LIMIT_S) as (client, given):
        for place, value in enumerate(values):
            for sequence in (1000, "1001"):
                client.async_stream_infer(
                    "simple",
                    pair(FIRST + value, SECOND),
                    request_id=f"{sequence}_{place}",
                    sequence_id=sequence,
                    sequence_start=place == 0,
                    sequence_end=place == len(values) - 1,
                )
        for place, value in enumerate(values):
            for sequence in (1000, 1001):
                result, error = given.get(timeout=LIMIT_S)
                assert error is None, error
                assert result.get_response().id == f"{sequence}_{place}"
                assert_sum_and_difference(result, FIRST + value, SECOND)


def test_a_sequence_on_a_stream_stays_on_one_version(address, answers):
    with _stream(address) as (client, given):
        for sequence in range(1, 13):
            for _ in range(3):
                client.async_stream_infer("scorer-canary", rows_of(answers), sequence_id=sequence)
        met = [given.get(timeout=LIMIT_S)[0].get_response().model_version for _ in range(36)]
    assert all(len(set(met[start : start + 3])) == 1 for start in range(0, 36, 3)), met
    assert set(met) == {"1", "2"}


def test_the_final_response_that_decoupled_clients_wait_for_comes_if_asked(address, answers):
    with _stream(address) as (client, given):
        client.async_stream_infer("simple", pair(), request_id="asked", enable_empty_final_response=True)
        client.async_stream_infer("simple", pair(), request_id="not asked")
        answer, final, plain = (given.get(timeout=LIMIT_S)[0] for _ in range(3))
    assert_sum_and_difference(answer)
    response = final.get_response()
    assert (response.id, list(response.outputs)) == ("asked", [])
    assert response.parameters["triton_final_response"].bool_param
    assert "triton_final_response" not in answer.get_response().parameters
    assert plain.get_response().id == "not asked"
    assert_sum_and_difference(plain)


def test_an_error_is_given_to_the_callback_and_the_stream_goes_on(address, answers):
    with _stream(address, compression_algorithm="gzip") as (client, given):
        client.async_stream_infer("simple", pair()[:1], request_id="wrong")
        client.async_stream_infer("simple", pair(), request_id="right")
        result, error = given.get(timeout=LIMIT_S)
        assert result is None
        assert 'input "INPUT1" is missing' in error.message()
        result, error = given.get(timeout=LIMIT_S)
        assert error is None
        assert_sum_and_difference(result)


def test_a_stream_that_is_cancelled_lets_go_of_what_it_asked(address, answers):
    with InferenceServerClient(address) as client:
        given: SimpleQueue = SimpleQueue()
        client.start_stream(lambda result, error: given.put((result, error)))
        for _ in range(60):  # twelve seconds of work, if nobody took it back
            client.async_stream_infer("slow", [of("x", SOME, "FP32")])
        client.stop_stream(cancel_requests=True)
        result, error = given.get(timeout=LIMIT_S)
        assert result is None
        assert error.status() == "StatusCode.CANCELLED"
        # The next one waits for the run that has begun at most.
        result = client.infer("slow", [of("x", SOME, "FP32")], client_timeout=4)
        assert result.as_numpy("y").tolist() == [[7]]


def test_one_client_has_one_stream(address, answers):
    with _stream(address) as (client, _):
        error = refused(lambda: client.start_stream(print), InferenceServerException)
    assert "cannot start another stream" in error.message()
