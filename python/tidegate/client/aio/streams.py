"""One stream of requests, as asyncio has it: the twin of `tidegate.client.streams`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from grpc import aio

from tidegate.client import failures
from tidegate.client.aio.pool import cancellations
from tidegate.client.answer import Answer
from tidegate.client.calls import MODEL_STREAM_INFER, bounded
from tidegate.client.requests import Ask, Inputs, Parameter
from tidegate.client.streams import OUTSTANDING, outcome_of
from tidegate.errors import InvalidRequest, RequestError
from tidegate.inference.open_inference_pb2 import ModelInferRequest, ModelStreamInferResponse


class Stream(AsyncIterator[Answer | RequestError]):
    """Requests go in by `send`, answers come out by iterating.

        async with client.stream() as stream:
            for rows in batches:
                await stream.send("flight-delay", rows)
                outcome = await anext(stream)

    A request that fails comes out as its error, in its place, and the stream goes on; an error of the stream itself is
    raised. One task may send while another reads. A task that is cancelled while it reads ends the stream: the answer that
    was on its way would be lost, and the next ones would belong to other requests than the reader thinks.
    """

    def __init__(
        self,
        open_call: Callable[[AsyncIterator[bytes]], Any],
        *,
        prepare: Callable[[Ask], Awaitable[ModelInferRequest]],
        forget: Callable[[str, str], None],
        patience_s: float,
    ) -> None:
        """Open the call; `patience_s` is how long `send` waits for room."""
        self._prepare = prepare
        self._forget = forget
        self._patience_s = patience_s
        self._changed = asyncio.Event()
        self._reading = asyncio.Lock()
        self._unsent: deque[bytes] = deque()
        self._unanswered: deque[tuple[str, str]] = deque()
        self._is_done = False
        self._is_ended = False
        self._call = open_call(self._requests())
        self._call.add_done_callback(self._end)

    async def __aenter__(self) -> Self:
        """The stream itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the stream; answers that were not read are given up."""
        self.done()
        self._call.cancel()

    async def send(
        self,
        model: str,
        inputs: Inputs,
        *,
        outputs: Iterable[str] | None = None,
        version: str = "",
        parameters: Mapping[str, Parameter] | None = None,
        request_id: str = "",
    ) -> None:
        """Send one request; its arguments are those of `Client.infer`.

        Raises:
            InvalidRequest: The values do not fit the model; nothing was sent.
            DeadlineExceeded: 64 answers wait to be read, and nobody read one.
            Cancelled: The stream has ended.
        """
        request = await self._prepare(
            Ask.of(model, inputs, outputs=outputs, version=version, parameters=parameters, request_id=request_id)
        )
        try:
            async with asyncio.timeout(bounded(self._patience_s)):
                await self._until(lambda: self._is_over() or len(self._unanswered) < OUTSTANDING)
        except TimeoutError:
            raise failures.from_unread_answers(OUTSTANDING) from None
        if self._is_over():
            raise failures.from_ended_stream()
        self._unsent.append(request.SerializeToString())
        self._unanswered.append((model, version))
        self._changed.set()

    def done(self) -> None:
        """Send no more; the answers to what was sent still come."""
        self._is_done = True
        self._changed.set()

    async def __anext__(self) -> Answer | RequestError:
        """The next answer, or the error of a request in its place; stops when all answers after `done` are read.

        Raises:
            RequestError: The stream itself failed.
        """
        async with self._reading:  # grpc takes one reader at a time
            outcome = outcome_of(await self._message())
            model, version = self._unanswered.popleft() if self._unanswered else ("", "")
        self._changed.set()
        if isinstance(outcome, InvalidRequest):
            self._forget(model, version)
        return outcome

    async def _message(self) -> ModelStreamInferResponse:
        before = cancellations()
        try:
            raw = await self._call.read()
        except aio.AioRpcError as error:
            raise failures.from_rpc_error(error) from None
        except asyncio.CancelledError:
            if cancellations() > before:
                raise
            raise failures.from_ended_stream() from None
        if raw is aio.EOF:
            raise StopAsyncIteration
        return MODEL_STREAM_INFER.decoded(raw)

    async def _requests(self) -> AsyncIterator[bytes]:
        """What grpc sends, as it comes."""
        while True:
            await self._until(lambda: bool(self._unsent) or self._is_over())
            if not self._unsent:
                return
            yield self._unsent.popleft()

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Wait for what only this event loop can make true."""
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    def _is_over(self) -> bool:
        return self._is_done or self._is_ended

    def _end(self, _call: Any) -> None:
        self._is_ended = True
        self._unsent.clear()
        self._changed.set()
