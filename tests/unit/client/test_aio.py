"""What the client for asyncio has beside its twin: tasks that are cancelled, several connections, one event loop."""

import asyncio
import gc
import subprocess
import sys
import threading
from contextlib import asynccontextmanager

import pytest

from support.scripted_server import echo, metadata_of, overloaded, unavailable
from tidegate import errors
from tidegate.client import aio
from tidegate.client.aio import Client, pool
from tidegate.inference.open_inference_pb2 import ModelStreamInferResponse, ServerLiveResponse


@pytest.fixture(autouse=True)
def _model(server):
    server.script("ModelMetadata", metadata_of(x=("INT64", [-1])))
    server.script("ModelInfer", echo)


class Held:
    """Calls that the server has begun and answers when it is told to; it sees which of them were given up."""

    def __init__(self):
        self.begun, self.ended = threading.Semaphore(0), threading.Semaphore(0)
        self.told = threading.Event()
        self.peers: set[str] = set()

    def __call__(self, raw, context):
        self.peers.add(context.peer())
        context.add_callback(self.ended.release)
        self.begun.release()
        assert self.told.wait(20)
        return echo(raw, context)

    async def until(self, what: threading.Semaphore, count: int = 1) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(what.acquire, timeout=20)


@asynccontextmanager
async def holding(server):
    """Lets go of what it holds, so that the server's threads end."""
    held = Held()
    server.script("ModelInfer", held)
    try:
        yield held
    finally:
        held.told.set()


def test_cancelling_a_task_cancels_its_call_at_the_server(server):
    async def run():
        async with holding(server) as held, Client(server.address) as client:
            task = asyncio.create_task(client.infer("m", {"x": [1]}))
            await held.until(held.begun)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await held.until(held.ended)  # long before it was told to answer
            assert server.count("ModelInfer") == 1

    asyncio.run(run())


@pytest.mark.parametrize("turns", range(12))
def test_a_task_that_is_cancelled_at_any_turn_is_cancelled(server, turns):
    """Whether it is preparing, sending, failing or pausing: it never ends with an error instead, and is not tried again."""
    server.script("ModelInfer", unavailable())

    async def run():
        async with Client(server.address) as client:
            task = asyncio.create_task(client.infer("m", {"x": [1]}))
            for _ in range(turns):
                await asyncio.sleep(0.003 if turns > 6 else 0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            tries = server.count("ModelInfer")
            await client.metadata("m")
            assert server.count("ModelInfer") == tries

    asyncio.run(run())


def test_a_timeout_of_asyncio_ends_a_call_and_nothing_else(server):
    async def run():
        async with holding(server) as held, Client(server.address) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.infer("m", {"x": [1]})
            await held.until(held.ended)
            held.told.set()
            assert (await client.infer("m", {"x": [2]}))["x"].tolist() == [2]

    asyncio.run(run())


def test_closing_a_client_ends_its_calls_as_cancelled_and_cancels_no_task(server):
    async def run():
        async with holding(server) as held:
            client = Client(server.address)
            task = asyncio.create_task(client.infer("m", {"x": [1]}))
            await held.until(held.begun)
            await client.close()
            with pytest.raises(errors.Cancelled, match="closed"):
                await task
            await client.close()

    asyncio.run(run())


def test_closing_a_client_ends_a_pause_before_a_retry(server):
    server.script("ServerLive", overloaded(pause_ms=15_000))

    async def run():
        client = Client(server.address)
        task = asyncio.create_task(client.live())
        while not server.count("ServerLive"):  # noqa: ASYNC110  # the server is in another thread
            await asyncio.sleep(0.005)
        await client.close()
        async with asyncio.timeout(5):
            with pytest.raises(errors.RequestError):
                await task

    asyncio.run(run())


def test_calls_at_once_are_dealt_to_several_connections(server):
    async def run():
        async with holding(server) as held, Client(server.address, connections=3) as client:
            await client.metadata("m")
            tasks = [asyncio.create_task(client.infer("m", {"x": [number]})) for number in range(4)]
            await held.until(held.begun, 4)
            assert len(held.peers) == 3
            held.told.set()
            assert [int(answer["x"][0]) for answer in await asyncio.gather(*tasks)] == [0, 1, 2, 3]

    asyncio.run(run())


def test_one_call_at_a_time_keeps_to_one_connection(server):
    peers = set()

    def seen(raw, context):
        peers.add(context.peer())
        return echo(raw, context)

    server.script("ModelInfer", seen)

    async def run():
        async with Client(server.address, connections=3) as client:
            for number in range(5):
                await client.infer("m", {"x": [number]})
                async with client.stream():
                    pass

    asyncio.run(run())
    assert len(peers) == 1


def test_a_call_is_tried_again_on_another_connection(server):
    peers = []

    def seen(_raw, context):
        peers.append(context.peer())
        return unavailable() if len(peers) == 1 else ServerLiveResponse(live=True)

    server.script("ServerLive", seen)

    async def run():
        async with Client(server.address, connections=2) as client:
            assert await client.live()

    asyncio.run(run())
    assert len(set(peers)) == 2


@pytest.mark.parametrize("connections", [0, -1, pool.MOST_CONNECTIONS + 1])
def test_the_number_of_connections_has_bounds(connections):
    with pytest.raises(ValueError, match=f"connections is {connections}; expected 1 to 64"):
        Client("127.0.0.1:1", connections=connections)


def test_a_client_keeps_to_its_event_loop(server):
    client = Client(server.address)
    asyncio.run(client.metadata("m"))

    async def in_another():
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            await client.metadata("m")
        await client.close()
        with pytest.raises(errors.Cancelled, match="closed"):
            await client.metadata("m")

    asyncio.run(in_another())


def test_an_event_loop_that_ends_early_cancels_what_is_under_way(server):
    held = Held()
    server.script("ModelInfer", held)

    async def run():
        task = asyncio.create_task(Client(server.address).infer("m", {"x": [1]}))
        await held.until(held.begun)
        return task

    try:
        assert asyncio.run(run()).cancelled()
        assert held.ended.acquire(timeout=20)
    finally:
        held.told.set()


def test_an_event_loop_that_is_closed_on_a_call_hangs_nobody(server):
    """In a process of its own: what asyncio says of a task that nobody may finish goes to its stderr."""
    program = f"""
import asyncio, gc
from tidegate.client.aio import Client
loop = asyncio.new_event_loop()
client = Client({server.address!r})
call = loop.create_task(client.infer("m", {{"x": [1]}}))
loop.run_until_complete(asyncio.sleep(0.01))
loop.close()
asyncio.run(client.close())
del call, client
gc.collect()
print("over")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (0, "over\n"), ended.stderr


def test_a_task_that_is_cancelled_while_it_reads_ends_the_stream(server):
    server.script("ModelStreamInfer", lambda *_: b"")

    async def run():
        async with Client(server.address) as client, client.stream() as stream:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await anext(stream)
            with pytest.raises(errors.Cancelled, match="stream has ended"):
                await anext(stream)
            with pytest.raises(errors.Cancelled, match="stream has ended"):
                await stream.send("m", {"x": [1]})

    asyncio.run(run())


def test_tasks_that_read_one_stream_share_its_answers(server):
    def answered(raw, context):
        return ModelStreamInferResponse(infer_response=echo(raw, context))

    server.script("ModelStreamInfer", answered)

    async def run():
        async with Client(server.address) as client, client.stream() as stream:
            readers = [asyncio.create_task(anext(stream)) for _ in range(5)]
            await asyncio.gather(*(stream.send("m", {"x": [number]}) for number in range(5)))
            return sorted(int(answer["x"][0]) for answer in await asyncio.gather(*readers))

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]


def test_a_client_that_was_never_used_leaves_nothing():
    client = Client("127.0.0.1:1")
    answers = client.infer_many("m", [])
    del client, answers
    gc.collect()


def test_both_clients_have_the_same_methods():
    from tidegate.client import Client as Blocking

    def public(kind):
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(aio.Client) - public(Blocking) == {"infer_many"}
    assert public(Blocking) <= public(aio.Client)
