"""What stands between callers and the defects of interceptors."""

from __future__ import annotations

import asyncio
import inspect
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from grpc import aio

from tidegate.gateway.calls import Calls, Context, Handler


class Guard(aio.ServerInterceptor):
    """Stands outside of all other interceptors.

    What they raise becomes INTERNAL with an id that the log has too, for the text of an exception is nobody's business
    outside; what they return and grpcio could not serve does as well; one that waits longer than `timeout_s` is given up.
    """

    def __init__(self, calls: Calls, timeout_s: float, report: Callable[[str], None]) -> None:
        self._calls = calls
        self._timeout_s = timeout_s
        self._report = report

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The handler that the others made, with a guard around what it does."""
        own = self._calls.service(handler_call_details)
        path = handler_call_details.method
        try:
            async with asyncio.timeout(self._timeout_s):
                handler = await continuation(handler_call_details)
        except TimeoutError:
            return self._refusing(own, f"did not decide on {path} within {self._timeout_s} s")
        except Exception as error:  # noqa: BLE001  # the code is the operator's
            return self._refusing(own, f"raised on {path}: {_where(error)}")
        if handler is None or not _is_like(handler, own):
            return self._refusing(own, f"returned for {path} what is no handler of its form: {handler!r:.200}")
        return self._guarded(handler)

    def _refusing(self, own: Handler, what: str) -> Handler:
        error_id = self._note(what)

        async def refuse(_request: object, context: Context) -> bytes:
            await _abort(context, error_id)
            return b""

        async def refuse_stream(_request: object, context: Context) -> AsyncIterator[bytes]:
            await _abort(context, error_id)
            yield b""

        return _with(own, refuse_stream if own.response_streaming else refuse)

    def _guarded(self, handler: Handler) -> Handler:
        behaviour = _behaviour(handler)
        is_raw = handler.response_serializer is None

        def check(message: object) -> Any:
            if is_raw and not isinstance(message, bytes):
                raise TypeError(f"an answer is bytes, not {type(message).__name__}")
            return message

        async def answer(request: Any, context: Context) -> Any:
            try:
                return check(await behaviour(request, context))
            except aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001  # the code is the operator's
                await _abort(context, self._note(f"raised in a call: {_where(error)}"))

        async def answer_stream(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                async for message in behaviour(request, context):
                    yield check(message)
            except aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001  # the code is the operator's
                await _abort(context, self._note(f"raised in a call: {_where(error)}"))

        # What is not asynchronous, or writes by itself, grpcio runs in its own ways.
        if handler.response_streaming:
            return _with(handler, answer_stream) if inspect.isasyncgenfunction(_plain(behaviour)) else handler
        return _with(handler, answer) if inspect.iscoroutinefunction(_plain(behaviour)) else handler

    def _note(self, what: str) -> str:
        error_id = uuid.uuid4().hex[:12]
        self._report(f"error {error_id}: an interceptor {what}")
        return error_id


async def _abort(context: Context, error_id: str) -> None:
    await context.abort(
        grpc.StatusCode.INTERNAL, f"an interceptor of the gateway failed; its log has it as error {error_id}"
    )


def _where(error: Exception) -> str:
    """The error with the line that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return f"{type(error).__name__}: {error}{place}"


def _is_like(handler: object, own: Handler) -> bool:
    """Whether grpcio can serve the handler where ours would be."""
    form = ("request_streaming", "response_streaming")
    if any(getattr(handler, name, None) is not getattr(own, name) for name in form):
        return False
    return callable(getattr(handler, _field(own), None))


def _field(handler: Handler) -> str:
    sides = ("stream" if side else "unary" for side in (handler.request_streaming, handler.response_streaming))
    return "_".join(sides)


def _behaviour(handler: Handler) -> Any:
    return getattr(handler, _field(handler))


def _plain(behaviour: Any) -> Any:
    """The function below `functools.partial`."""
    while hasattr(behaviour, "func"):
        behaviour = behaviour.func
    return behaviour


def _with(handler: Handler, behaviour: Any) -> Handler:
    make = getattr(grpc, f"{_field(handler)}_rpc_method_handler")
    made: Handler = make(behaviour, handler.request_deserializer, handler.response_serializer)
    return made
