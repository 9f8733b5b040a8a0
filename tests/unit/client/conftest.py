"""The scripted server and a client of it."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from support.scripted_server import Server
from tidegate.client import Client


@pytest.fixture
def server():
    handler = Server()
    running = grpc.server(ThreadPoolExecutor(max_workers=4), handlers=[handler])
    handler.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    yield handler
    running.stop(grace=None).wait()


@pytest.fixture
def client(server):
    with Client(server.address, timeout=20.0) as made:
        yield made
