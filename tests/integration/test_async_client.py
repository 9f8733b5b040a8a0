"""The client for asyncio against a real gateway: what is cancelled is not run, and many requests are never too many."""

import asyncio
import signal

import numpy as np
import pytest

from support.asking import Asker
from support.gateway import free_port, start_gateway
from support.patience import PATIENT, ROUNDS_A_SECOND, begin_and_wait, patient_gateway
from support.waiting import until
from support.watching import metric, queue
from tidegate import errors
from tidegate.client.aio import Client, Request

NOTHING = {"x": [0.0]}


def runs(gateway) -> float:
    """How many batches have run."""
    return metric(gateway, "tidegate_batch_rows_count", version=PATIENT)


async def becomes(condition, *, what: str) -> None:
    """Waits without holding up the event loop."""
    await asyncio.to_thread(until, condition, what=what)


@pytest.fixture(scope="module")
def patient(patient_models):
    with patient_gateway(patient_models) as running:
        yield running


@pytest.fixture
def asker(patient):
    with Asker(patient.grpc_address) as own:
        yield own
    until(lambda: queue(patient, PATIENT) == (0, 0), what="the version is idle again")


def test_cancelled_tasks_leave_the_queue_and_are_never_run(patient, asker):
    async def run():
        before = runs(patient)
        running = begin_and_wait(patient, asker, 1)
        async with Client(patient.grpc_address) as client:
            await client.metadata("patient")
            tasks = [asyncio.create_task(client.infer("patient", NOTHING)) for _ in range(6)]
            await becomes(lambda: queue(patient, PATIENT)[0] == 6, what="the requests wait")
            for task in tasks[1:]:
                task.cancel()
            await becomes(lambda: queue(patient, PATIENT)[0] == 1, what="cancelled requests leave the queue")
            assert not running.done(), "they did not wait for the run"
            assert (await tasks[0])["y"].tolist() == [[0.0]]
            assert all(task.cancelled() for task in tasks[1:])
        assert running.exception() is None
        assert runs(patient) - before == 2
        assert metric(patient, "tidegate_refusals_total", version=PATIENT, reason="CANCELLED") >= 5

    asyncio.run(run())


@pytest.mark.parametrize("how", ["cancel", "close", "end of the loop"])
def test_what_is_under_way_of_many_leaves_the_gateway_however_it_ends(patient, asker, how):
    async def consume(client):
        return [answer async for answer in client.infer_many("patient", [NOTHING] * 100, concurrency=8)]

    async def run():
        client = Client(patient.grpc_address)
        await client.metadata("patient")
        task = asyncio.create_task(consume(client))
        await becomes(lambda: queue(patient, PATIENT)[0] == 8, what="eight requests wait")
        if how == "end of the loop":
            return
        if how == "cancel":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            await client.close()
            with pytest.raises(errors.Cancelled):
                await task
        await becomes(lambda: queue(patient, PATIENT)[0] == 0, what="the queue is empty")
        await client.close()

    before = runs(patient)
    running = begin_and_wait(patient, asker, 1.5)
    asyncio.run(run())
    until(lambda: queue(patient, PATIENT)[0] == 0, what="the queue is empty")
    assert not running.done(), "they did not wait for the run"
    assert running.exception() is None
    assert runs(patient) - before == 1


def test_a_stream_that_is_left_takes_its_requests_out_of_the_queue(patient, asker):
    async def run():
        async with Client(patient.grpc_address) as client:
            async with client.stream() as stream:
                for _ in range(5):
                    await stream.send("patient", NOTHING)
                await becomes(lambda: queue(patient, PATIENT)[0] == 5, what="the requests wait")
            await becomes(lambda: queue(patient, PATIENT)[0] == 0, what="the queue is empty")

    running = begin_and_wait(patient, asker, 1)
    asyncio.run(run())
    assert not running.done(), "they did not wait for the run"
    assert running.exception() is None


def test_the_deadline_of_one_of_many_is_its_own_outcome(patient, asker):
    async def run():
        seconds = [0, 2.5, 0]
        requests = [{"x": [each * ROUNDS_A_SECOND]} for each in seconds]
        async with Client(patient.grpc_address) as client:
            await client.metadata("patient")
            many = client.infer_many("patient", requests, concurrency=1, on_error="yield", timeout=0.5)
            return [outcome async for outcome in many]

    first, second, third = asyncio.run(run())
    assert first["y"].tolist() == [[0.0]]
    assert isinstance(second, errors.DeadlineExceeded)
    assert isinstance(third, errors.DeadlineExceeded), "it waited behind the run that nobody waits for"


def test_a_full_queue_refuses_some_of_many_and_answers_the_others_in_their_places(patient_models):
    async def run(gateway):
        async with Client(gateway.grpc_address, timeout=10) as client:
            await client.metadata("patient")
            requests = [{"x": [float(number % 7)]} for number in range(200)]
            many = client.infer_many("patient", requests, concurrency=50, on_error="yield")
            return [outcome async for outcome in many]

    with patient_gateway(patient_models, queue={"requests": 4}) as gateway:
        outcomes = asyncio.run(run(gateway))
        refused = metric(gateway, "tidegate_refusals_total", version=PATIENT, reason="QUEUE_FULL")
    assert len(outcomes) == 200
    shed = [outcome for outcome in outcomes if isinstance(outcome, errors.RequestError)]
    assert shed
    assert all(isinstance(outcome, errors.Overloaded) and outcome.retry_after_s for outcome in shed)
    for number, outcome in enumerate(outcomes):
        if not isinstance(outcome, errors.RequestError):
            assert outcome["y"].tolist() == [[float(number % 7)]]
    assert refused <= len(shed) + 3 + 200 / 5 + 1, "retries stay within their budget"


def test_a_gateway_that_is_killed_ends_many_requests_with_its_error(patient_models):
    async def run(gateway):
        async with Client(gateway.grpc_address, timeout=20) as client:
            await client.metadata("patient")

            async def consume():
                requests = [{"x": [30.0 * ROUNDS_A_SECOND]}] * 50
                return [answer async for answer in client.infer_many("patient", requests, concurrency=10)]

            task = asyncio.create_task(consume())
            await becomes(lambda: queue(gateway, PATIENT) == (9, 1), what="one runs, the others wait")
            gateway.signal(signal.SIGKILL)
            with pytest.raises(errors.Unavailable):
                await asyncio.wait_for(task, 10)
            assert len(asyncio.all_tasks()) == 1
        assert await asyncio.to_thread(gateway.wait) == -signal.SIGKILL

    with patient_gateway(patient_models) as gateway:
        asyncio.run(run(gateway))


def test_many_requests_are_answered_in_order_by_the_versions_their_keys_choose(gateway):
    """Five hundred callers through a sticky split: each gets its own numbers, from the version that it always gets."""

    async def run():
        rows = np.arange(2000, dtype=np.float32).reshape(500, 4)
        requests = [Request({"x": row[None]}, {"x-unit": f"unit-{at}"}) for at, row in enumerate(rows)]
        async with Client(gateway.grpc_address) as client:
            first, second = [[answer async for answer in client.infer_many("split", requests)] for _ in range(2)]
        return rows, first, second

    rows, first, second = asyncio.run(run())
    for row, answer, again in zip(rows, first, second, strict=True):
        assert answer["y"].tolist() == [(row + int(answer.model_version)).tolist()]
        assert (answer.reason, answer.version) == (again.reason, again.version)
    assert {answer.version for answer in first} == {"add/1", "add/2"}


def test_a_connection_that_is_up_is_asked_before_one_that_still_looks_for_the_gateway(patient_models):
    """After an outage, with no retry left to pay with: whatever answered once goes on answering."""

    async def run(start):
        async with Client(address, connections=8, timeout=5) as client:
            with start():
                await asyncio.gather(*(client.live() for _ in range(8)))
            for _ in range(5):
                lost = await asyncio.gather(*(client.live() for _ in range(8)), return_exceptions=True)
                assert all(isinstance(outcome, errors.Unavailable) for outcome in lost)
            with start():
                outcome = None
                while outcome is not True:
                    (outcome,) = await asyncio.gather(client.live(), return_exceptions=True)
                return [await client.live() for _ in range(50)]

    address = f"127.0.0.1:{free_port()}"
    document = {"listen": {"grpc": address, "http": "127.0.0.1:0"}}
    assert all(asyncio.run(run(lambda: start_gateway(document, patient_models))))
