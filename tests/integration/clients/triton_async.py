"""tritonclient: callbacks, cancellation, and the client of asyncio."""

import asyncio
from queue import SimpleQueue

import numpy as np
from triton_requests import FIRST, SECOND, assert_scored, assert_sum_and_difference, of, pair, rows_of
from tritonclient.grpc import InferenceServerClient
from tritonclient.grpc.aio import InferenceServerClient as AsyncClient
from tritonclient.utils import InferenceServerException

LIMIT_S = 30
# `slow` runs for 0.2 s, whatever it is asked.
SOME = np.float32([[7]])


def test_callbacks_get_each_the_answer_to_its_own_request(address, answers):
    done: SimpleQueue = SimpleQueue()
    with InferenceServerClient(address) as client:
        for number in range(100):
            client.async_infer(
                "simple",
                pair(FIRST + number, SECOND),
                lambda result, error, number=number: done.put((number, result, error)),
                request_id=str(number),
            )
        seen = [done.get(timeout=LIMIT_S) for _ in range(100)]
    assert sorted(number for number, _, _ in seen) == list(range(100))
    for number, result, error in seen:
        assert error is None
        assert result.get_response().id == str(number)
        assert_sum_and_difference(result, FIRST + number, SECOND)


def test_a_callback_gets_the_error_of_its_request(address, answers):
    done: SimpleQueue = SimpleQueue()
    with InferenceServerClient(address) as client:
        client.async_infer("nobody", pair(), lambda result, error: done.put((result, error)))
        result, error = done.get(timeout=LIMIT_S)
    assert result is None
    assert error.status() == "StatusCode.NOT_FOUND"


def test_a_call_under_way_can_be_cancelled_and_the_client_goes_on(address, answers):
    done: SimpleQueue = SimpleQueue()
    value = of("x", SOME, "FP32")
    with InferenceServerClient(address) as client:
        call = client.async_infer("slow", [value], lambda result, error: done.put((result, error)))
        call.cancel()
        result, error = done.get(timeout=LIMIT_S)
        assert result is None
        assert error.status() == "StatusCode.CANCELLED"
        assert_sum_and_difference(client.infer("simple", pair()))


def test_asyncio_asks_and_infers(address, answers):
    async def ask() -> None:
        async with AsyncClient(address) as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready("simple")
            assert (await client.get_model_metadata("simple")).name == "simple"
            assert (await client.get_model_config("simple", as_json=True))["config"]["name"] == "simple"
            assert_sum_and_difference(await client.infer("simple", pair(), compression_algorithm="gzip"))

    asyncio.run(ask())


def test_many_requests_of_asyncio_at_once_get_each_their_own_answer(address, answers):
    async def ask() -> None:
        async with AsyncClient(address) as client:
            places = [slice(number, number + 1) for number in range(len(answers["x"]))]
            calls = (client.infer("scorer", rows_of(answers, place)) for place in places)
            for place, result in zip(places, await asyncio.gather(*calls), strict=True):
                assert_scored(result, answers, "2", place)

    asyncio.run(ask())


def test_a_stream_of_asyncio_answers_in_order_and_names_errors(address, answers):
    async def requests():
        for number in range(20):
            model = "nobody" if number == 7 else "simple"
            yield {"model_name": model, "inputs": pair(FIRST + number, SECOND), "request_id": str(number)}

    async def ask() -> None:
        async with AsyncClient(address) as client:
            number = 0
            async for result, error in client.stream_infer(requests(), stream_timeout=LIMIT_S):
                if number == 7:
                    assert 'no route or model is named "nobody"' in error.message()
                else:
                    assert error is None, error
                    assert_sum_and_difference(result, FIRST + number, SECOND)
                number += 1
            assert number == 20

    asyncio.run(ask())


def test_a_task_of_asyncio_that_is_cancelled_ends_and_the_client_goes_on(address, answers):
    async def ask() -> None:
        async with AsyncClient(address) as client:
            value = of("x", SOME, "FP32")
            task = asyncio.create_task(client.infer("slow", [value]))
            assert_sum_and_difference(await client.infer("simple", pair()))  # sent after it, on the same connection
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            else:
                raise AssertionError("the task was answered")
            assert_sum_and_difference(await client.infer("simple", pair()))

    asyncio.run(ask())


def test_a_deadline_of_asyncio_is_kept(address, answers):
    async def ask() -> str:
        async with AsyncClient(address) as client:
            value = of("x", SOME, "FP32")
            try:
                await client.infer("slow", [value], client_timeout=0.05)
            except InferenceServerException as error:
                return error.status()
            raise AssertionError("the call was answered")

    assert asyncio.run(ask()) == "StatusCode.DEADLINE_EXCEEDED"
