"""The reflection service: what tools such as grpcurl ask for methods and messages."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from tidegate.inference.pool import POOL

MOST_STREAMS = 2
"""A stream holds a thread for as long as its caller likes, and needs no token."""


def add(server: grpc.Server, services: Sequence[str]) -> None:
    """Has a server tell of its services."""
    names = [*services, reflection.SERVICE_NAME]
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(_Reflection(names, _Pools()), server)


class _Reflection(reflection.ReflectionServicer):  # type: ignore[misc]  # the library ships no types
    """The library's own, for a few callers at once."""

    def __init__(self, names: Sequence[str], pool: object) -> None:
        super().__init__(names, pool)
        self._places = threading.BoundedSemaphore(MOST_STREAMS)

    def ServerReflectionInfo(self, request_iterator: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Answers question by question."""
        if not self._places.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Too many others are asking: try again in a moment.")
        try:
            yield from super().ServerReflectionInfo(request_iterator, context)
        finally:
            self._places.release()


class _Pools:
    """Our messages, which are in a pool of their own, and after them the libraries'."""

    def __getattr__(self, name: str) -> Any:
        """A method that asks one pool after the other."""

        def find(*arguments: Any) -> Any:
            try:
                return getattr(POOL, name)(*arguments)
            except KeyError:
                return getattr(descriptor_pool.Default(), name)(*arguments)

        return find
