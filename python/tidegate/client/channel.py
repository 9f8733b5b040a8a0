"""One connection to a gateway: follows the steps of a dialogue by blocking."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import grpc

from tidegate.client import failures
from tidegate.client.calls import OPTIONS, Method, Reply, ResponseT, bounded
from tidegate.client.dialogue import Pause, Steps, Try
from tidegate.client.metadata import MetadataPairs
from tidegate.errors import RequestError

ResultT = TypeVar("ResultT")


class Channel:
    """A lazy connection; safe to share between threads.

    The connection is opened by the first call, and again by a later one when it broke.
    """

    def __init__(self, target: str, *, credentials: grpc.ChannelCredentials | None) -> None:
        """Prepare a connection to `target`, in plain text without `credentials`."""
        if credentials is None:
            self._channel = grpc.insecure_channel(target, options=OPTIONS)
        else:
            self._channel = grpc.secure_channel(target, credentials, options=OPTIONS)
        self._calls: dict[str, Any] = {}
        self._closed = threading.Event()

    def close(self) -> None:
        """End the connection; calls that run are cancelled, pauses before a retry end at once."""
        self._closed.set()
        self._channel.close()

    def follow(self, steps: Steps[ResultT]) -> ResultT:
        """Do what the steps say, to their end.

        Raises:
            RequestError: What the steps end with.
        """
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    step = steps.send(self._closed.wait(step.seconds))
                    continue
                try:
                    reply = self._once(step)
                except RequestError as failure:
                    step = steps.throw(failure)
                else:
                    step = steps.send(reply)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what the generator returns

    def stream(
        self, method: Method[ResponseT], requests: Any, *, timeout_s: float, metadata: MetadataPairs
    ) -> tuple[Any, Callable[[bytes], ResponseT]]:
        """A call of many messages both ways, as grpc's call object, and how each answer is read; never retried."""
        if self._closed.is_set():
            raise failures.from_closed_channel()
        open_call: Any = self._channel.stream_stream(method.path)
        return open_call(requests, timeout=bounded(timeout_s), metadata=metadata), method.decoded

    def _once(self, sent: Try[ResponseT]) -> Reply[ResponseT]:
        path = sent.method.path
        try:
            stub = self._calls.get(path) or self._calls.setdefault(path, self._channel.unary_unary(path))
            raw, call = stub.with_call(sent.raw, timeout=bounded(sent.timeout_s), metadata=sent.metadata)
        except grpc.RpcError as error:
            raise failures.from_rpc_error(error) from None
        except ValueError:
            # What grpc says of a closed channel, and of metadata that cannot be sent.
            if self._closed.is_set():
                raise failures.from_closed_channel() from None
            raise
        return sent.method.reply(raw, (*call.initial_metadata(), *call.trailing_metadata()))
