"""The scripted server and both clients of it."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from support.scripted_server import Server
from support.twins import connecting_by_asyncio
from tidegate.client import Client


@pytest.fixture
def server():
    handler = Server()
    running = grpc.server(ThreadPoolExecutor(max_workers=4), handlers=[handler])
    handler.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    yield handler
    running.stop(grace=None).wait()


@pytest.fixture(params=["blocking", "asyncio"])
def connect(request):
    """Makes a client: what holds for one holds for its twin."""
    if request.param == "blocking":
        yield Client
    else:
        with connecting_by_asyncio() as made:
            yield made


@pytest.fixture
def client(connect, server):
    with connect(server.address, timeout=20.0) as made:
        yield made
