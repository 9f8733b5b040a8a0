"""What the front in Python must not miss between two looks."""

import asyncio
from types import SimpleNamespace

from tidegate.gateway.calls import Calls
from tidegate.inference import health_pb2

WATCH = "/grpc.health.v1.Health/Watch"
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


class Served:
    """As much of a plane as a Watch asks, whose state is set by hand."""

    is_draining = False

    def __init__(self, state):
        self.next_change = asyncio.Event()
        self._state = state

    def change(self, state):
        self._state = state
        self.next_change.set()
        self.next_change = asyncio.Event()

    async def call(self, *_asked, **_call):
        message = health_pb2.HealthCheckResponse(status=self._state).SerializeToString()
        return SimpleNamespace(status=0, message=message)


def told(message):
    return health_pb2.HealthCheckResponse.FromString(message).status


def test_a_watcher_hears_of_what_changes_while_it_is_told_of_what_was():
    async def watch():
        plane = Served(NOT_SERVING)
        context = SimpleNamespace(
            invocation_metadata=lambda: (), peer=lambda: "ipv4:127.0.0.1:1", time_remaining=lambda: None
        )
        handler = Calls(plane).service(SimpleNamespace(method=WATCH))
        states = aiter(handler.unary_stream(b"", context))
        first = await anext(states)
        # grpcio is still sending the first: the call goes on after this.
        plane.change(SERVING)
        second = await asyncio.wait_for(anext(states), timeout=10)
        return told(first), told(second)

    assert asyncio.run(watch()) == (NOT_SERVING, SERVING)
