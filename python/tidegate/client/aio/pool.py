"""Several connections to one gateway: follows the steps of a dialogue by awaiting.

grpc cancels the call of a task that is cancelled, and the gateway hears of it. It does not say who cancelled: a call that
ends because its connection was closed looks like a task that was cancelled. `cancellations` tells them apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
from grpc import aio

from tidegate.client import failures
from tidegate.client.calls import OPTIONS, Method, Reply, ResponseT, bounded
from tidegate.client.dialogue import Pause, Steps, Try
from tidegate.client.metadata import MetadataPairs
from tidegate.errors import RequestError

ResultT = TypeVar("ResultT")
# A gateway has about one thread a core that reads connections: more connections than cores only cost handshakes.
MOST_CONNECTIONS = 64


@dataclass(slots=True, eq=False)
class _Connection:
    """A channel that shares its socket with no other, and what is under way on it."""

    channel: aio.Channel
    calls: set[Any] = field(default_factory=set)
    stubs: dict[str, Any] = field(default_factory=dict)
    has_failed: bool = False

    def is_down(self) -> bool:
        """Whether it is looking for the gateway: a call on it would fail at once, while another connection may be up."""
        # grpc goes on connecting by itself; its state is asked for only after a failure, for that takes a lock.
        self.has_failed = self.has_failed and self.channel.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE
        return self.has_failed

    def stub(self, path: str) -> Any:
        return self.stubs.get(path) or self.stubs.setdefault(path, self.channel.unary_unary(path))


class Pool:
    """Lazy connections; of one event loop, the one that the first call runs in.

    Each call goes to the connection with the fewest under way, the first of equals: one call at a time opens one connection.
    One that is down is asked only where all are.
    """

    def __init__(self, target: str, *, credentials: grpc.ChannelCredentials | None, connections: int) -> None:
        """Prepare `connections` of them to `target`, in plain text without `credentials`."""
        if not 1 <= connections <= MOST_CONNECTIONS:
            raise ValueError(f"connections is {connections}; expected 1 to {MOST_CONNECTIONS}")
        self._target = target
        self._credentials = credentials
        self._size = connections
        self._connections: list[_Connection] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = asyncio.Event()

    async def close(self) -> None:
        """End the connections; calls that run are cancelled, pauses before a retry end at once."""
        self._closed.set()
        while self._connections:
            connection = self._connections.pop()
            if self._loop is asyncio.get_running_loop():
                await connection.channel.close()
            # Calls of a loop that is closed ended with it: grpc gives the channel up as nobody holds it any more.

    async def follow(self, steps: Steps[ResultT]) -> ResultT:
        """Do what the steps say, to their end; a try goes to another connection than the one that failed before.

        Raises:
            RequestError: What the steps end with.
            RuntimeError: The client belongs to another event loop.
        """
        failed_on: _Connection | None = None
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    step = steps.send(await self._is_closed_within(step.seconds))
                    continue
                connection = self._deal(besides=failed_on)
                try:
                    reply = await self._once(step, connection)
                except RequestError as failure:
                    failed_on = connection
                    step = steps.throw(failure)
                else:
                    step = steps.send(reply)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what the generator returns

    def stream(
        self, method: Method[Any], requests: AsyncIterator[bytes], *, timeout_s: float, metadata: MetadataPairs
    ) -> Any:
        """A call of many messages both ways, as grpc's call object; never retried."""
        connection = self._deal()
        open_call: Any = connection.channel.stream_stream(method.path)
        call = open_call(requests, timeout=bounded(timeout_s), metadata=metadata)
        connection.calls.add(call)
        call.add_done_callback(connection.calls.discard)
        return call

    def _deal(self, *, besides: _Connection | None = None) -> _Connection:
        if self._closed.is_set():
            raise failures.from_closed_channel()
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            self._connections = [self._connect() for _ in range(self._size)]
        if self._loop is not loop:
            raise RuntimeError("this client belongs to another event loop: make one client in each")
        others = [connection for connection in self._connections if connection is not besides]
        return min(others or self._connections, key=lambda connection: (connection.is_down(), len(connection.calls)))

    def _connect(self) -> _Connection:
        # Channels with the same options would share one socket otherwise.
        options = (*OPTIONS, ("grpc.use_local_subchannel_pool", 1))
        if self._credentials is None:
            return _Connection(aio.insecure_channel(self._target, options=options))
        return _Connection(aio.secure_channel(self._target, self._credentials, options=options))

    async def _once(self, sent: Try[ResponseT], connection: _Connection) -> Reply[ResponseT]:
        before = cancellations()
        call = connection.stub(sent.method.path)(sent.raw, timeout=bounded(sent.timeout_s), metadata=sent.metadata)
        connection.calls.add(call)
        try:
            raw = await call
            metadata = (*(await call.initial_metadata()), *(await call.trailing_metadata()))
        except aio.AioRpcError as error:
            connection.has_failed = error.code() is grpc.StatusCode.UNAVAILABLE
            raise failures.from_rpc_error(error) from None
        except asyncio.CancelledError:
            if cancellations() > before:
                raise
            raise failures.from_closed_channel() from None
        finally:
            connection.calls.discard(call)
        return sent.method.reply(raw, metadata)

    async def _is_closed_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return False
        return True


def cancellations() -> int:
    """How often the running task was told to stop, and has not yet said that it will not."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0
