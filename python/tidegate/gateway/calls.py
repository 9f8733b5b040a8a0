"""Every service of the gateway as grpc.aio serves it: bytes to the plane, and its answers back."""

import ipaddress
from collections.abc import AsyncIterator
from functools import lru_cache, partial
from typing import Any, NoReturn, TypeAlias
from urllib.parse import unquote

import grpc
from grpc import aio

from tidegate.gateway.plane import INFER, STREAM, Answer, Plane, StreamEnded
from tidegate.inference import health_pb2

_REFLECTION = (
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)
_CHECK, _WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
_CODES = {code.value[0]: code for code in grpc.StatusCode}

# Quoted: grpcio's class takes parameters in its stubs alone.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = aio.ServicerContext[bytes, bytes]


class Calls(grpc.GenericRpcHandler):
    """Takes every call, so that what nobody knows is refused in the words of the native front."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        # Made once: grpcio asks for the handler of each call.
        self._infer = self._unary_handler(INFER)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler:
        """The handler of a path; messages are bytes on both sides."""
        path = handler_call_details.method
        if path == INFER:
            return self._infer
        if path == STREAM:
            return grpc.stream_stream_rpc_method_handler(self._stream)
        if path in _REFLECTION:
            return grpc.stream_stream_rpc_method_handler(self._reflect)
        if path == _WATCH:
            return grpc.unary_stream_rpc_method_handler(self._watch)
        return self._unary_handler(path)

    def _unary_handler(self, path: str) -> Handler:
        return grpc.unary_unary_rpc_method_handler(partial(self._unary, path))

    async def _unary(self, path: str, request: bytes, context: Context) -> bytes:
        answer = await self._ask(path, request, context)
        if answer.status:
            await refuse(context, answer)
        # Initial metadata would be a frame and a turn of the loop of its own, a fifth of all a call costs; so it comes with
        # the status.
        context.set_trailing_metadata(answer.initial)
        return answer.message

    async def _ask(self, path: str, request: bytes, context: Context) -> Answer:
        answer = self._plane.call(
            path,
            request,
            metadata=context.invocation_metadata() or (),
            peer=address_of(context.peer()),
            deadline=context.time_remaining(),
        )
        return answer if isinstance(answer, Answer) else await answer

    async def _stream(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        answers = self._plane.stream(
            requests,
            metadata=context.invocation_metadata() or (),
            peer=address_of(context.peer()),
            deadline=context.time_remaining,
        )
        try:
            async for answer in answers:
                yield answer
        except StreamEnded as ended:
            await refuse(context, ended.answer)

    async def _reflect(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        metadata = context.invocation_metadata() or ()
        if refusal := self._plane.refusal(_REFLECTION[0], metadata, address_of(context.peer())):
            await refuse(context, refusal)
        async for request in self._plane.until_draining(requests):
            answer = self._plane.reflect(request)
            if answer.status:
                await refuse(context, answer)
            yield answer.message
        if self._plane.is_draining:
            await refuse(context, self._plane.end_of_streams())

    async def _watch(self, request: bytes, context: Context) -> AsyncIterator[bytes]:
        """The state of a name now, then every change, until the gateway or the caller ends."""
        told = None
        while True:
            change = self._plane.next_change
            answer = await self._ask(_CHECK, request, context)
            if answer.status == grpc.StatusCode.NOT_FOUND.value[0]:
                unknown = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
                now = health_pb2.HealthCheckResponse(status=unknown).SerializeToString()
            elif answer.status:
                await refuse(context, answer)
            else:
                now = answer.message
            if now != told:
                told = now
                yield now
            if self._plane.is_draining:
                await refuse(context, self._plane.end_of_streams())
            await change.wait()


async def refuse(context: Context, answer: Answer) -> NoReturn:
    """Ends a call with the status of an answer."""
    await context.abort(_CODES[answer.status], answer.details, answer.trailing)


@lru_cache(maxsize=4096)
def address_of(peer: str) -> str:
    """The IP address in what grpcio calls a peer, such as `ipv4:127.0.0.1:4321` or `ipv6:%5B::1%5D:4321`."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return ""
    host = unquote(rest).rpartition(":")[0].strip("[]")
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
