"""The data plane as a front in Python calls it: bytes in, bytes out, on one event loop.

What is cheap runs inside the call and is answered by it. The rest runs on threads of the gateway; when answers come, the
loop is woken once for all of them.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TypeAlias, TypeVar

from tidegate import _native
from tidegate._native import Answer

__all__ = ["INFER", "STREAM", "Answer", "Plane", "StreamEnded"]

Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]
Item = TypeVar("Item")

INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"

MOST_OUTSTANDING = 64
"""Requests of one stream that are under way at once, as in the native front; then nothing more of it is read."""


class StreamEnded(Exception):  # noqa: N818  # says what happened; becomes a status at once
    """A stream ends with an error; `answer` has the status."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.details)
        self.answer = answer


class Plane:
    """The desk of a gateway whose front is in Python, on the running event loop, and on no other thread."""

    def __init__(self, desk: _native.Desk) -> None:
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._state = desk.state()
        self._changed = asyncio.Event()
        self._loop.add_reader(desk.fileno(), self._attend)

    def call(
        self, method: str, request: bytes, *, metadata: Metadata = (), peer: str = "", deadline: float | None = None
    ) -> Answer | Awaitable[Answer]:
        """Answers one unary call of any service of the gateway.

        Args:
            method: The path, such as `/inference.GRPCInferenceService/ModelInfer`.
            request: The encoded message.
            metadata: What came with it; names in lower case.
            peer: The caller's IP address.
            deadline: The seconds that the caller still waits, if it says so.

        Returns:
            The answer, where it is there at once; else an awaitable, which cancels the call when it is cancelled.
        """
        return self._later(self._desk.call(method, request, list(metadata), peer, deadline))

    async def stream(
        self,
        requests: AsyncIterable[bytes],
        *,
        metadata: Metadata = (),
        peer: str = "",
        deadline: Callable[[], float | None] = lambda: None,
    ) -> AsyncIterator[bytes]:
        """Answers the messages of a ModelStreamInfer in their order, up to 64 of them under way at once.

        Args:
            requests: The encoded messages.
            metadata: What came with the call.
            peer: The caller's IP address.
            deadline: Says how many seconds the caller still waits.

        Raises:
            StreamEnded: The caller lacks a key, the gateway ends, or a request failed and the caller wants that as the
                end of the stream.
        """
        pairs = list(metadata)
        if refusal := self.refusal(STREAM, pairs, peer):
            raise StreamEnded(refusal)
        answers: deque[Answer | Awaitable[Answer]] = deque()
        more, room = asyncio.Event(), asyncio.Semaphore(MOST_OUTSTANDING)

        async def read() -> None:
            try:
                async for request in self.until_draining(requests):
                    await room.acquire()
                    answers.append(self._later(self._desk.infer_streamed(request, pairs, peer, deadline())))
                    more.set()
            finally:
                more.set()

        reading = asyncio.create_task(read())
        try:
            while True:
                while answers:
                    answer = answers.popleft()
                    if not isinstance(answer, Answer):
                        answer = await answer
                    room.release()
                    if answer.status:
                        raise StreamEnded(answer)
                    yield answer.message
                    if answer.last is not None:
                        yield answer.last
                if reading.done():
                    break
                more.clear()
                await more.wait()
            # The caller's own errors end the stream as they are.
            await reading
            if self.is_draining:
                raise StreamEnded(self._desk.end_of_streams())
        finally:
            reading.cancel()
            for answer in answers:
                if isinstance(answer, asyncio.Future):
                    answer.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    def refusal(self, method: str, metadata: Metadata, peer: str) -> Answer | None:
        """How a stream of this path ends at once, if its caller lacks a key."""
        return self._desk.refusal(method, list(metadata), peer)

    def reflect(self, request: bytes) -> Answer:
        """Answers one message of a reflection stream."""
        return self._desk.reflect(request)

    def end_of_streams(self) -> Answer:
        """The status with which streams end because the gateway does."""
        return self._desk.end_of_streams()

    @property
    def is_draining(self) -> bool:
        """Whether no new calls are taken, and streams end."""
        return self._state[0] in ("draining", "aborting", "over")

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to answer."""
        return self._state[0] == "over"

    @property
    def next_change(self) -> asyncio.Event:
        """What is set when the gateway comes a step nearer to its end or serves something else.

        To be taken before looking at what may change: one that is taken later misses what came in between.
        """
        return self._changed

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds of the gateway, which is asked at every change."""
        while not holds():
            await self.next_change.wait()

    async def until_draining(self, items: AsyncIterable[Item]) -> AsyncIterator[Item]:
        """The items that come before the gateway begins to drain."""
        iterator = aiter(items)
        draining = asyncio.create_task(self.until(lambda: self.is_draining))
        try:
            while not self.is_draining:
                coming = asyncio.ensure_future(anext(iterator))
                try:
                    await asyncio.wait((coming, draining), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    # A stream that is given up has nobody to tell how its messages ended.
                    if not coming.cancel() and not coming.cancelled():
                        coming.exception()
                if not coming.done() or coming.cancelled():
                    break
                try:
                    item = coming.result()
                except StopAsyncIteration:
                    break
                yield item
        finally:
            draining.cancel()

    def close(self) -> None:
        """Lets go of the desk: nothing is waited for any more."""
        self._loop.remove_reader(self._desk.fileno())
        if self._timer is not None:
            self._timer.cancel()
        for future in self._waiting.values():
            future.cancel()

    def _later(self, called: Answer | int) -> Answer | Awaitable[Answer]:
        if isinstance(called, Answer):
            return called
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting[called] = future
        future.add_done_callback(lambda future: self._desk.cancel(called) if future.cancelled() else None)
        self._set_timer()
        return future

    def _attend(self) -> None:
        for ticket, answer in self._desk.attend():
            future = self._waiting.pop(ticket, None)
            if future is not None and not future.done():
                future.set_result(answer)
        state = self._desk.state()
        if state != self._state:
            self._state = state
            self._changed.set()
            self._changed = asyncio.Event()
        self._set_timer()

    def _set_timer(self) -> None:
        """Has the desk attended at the earliest deadline; too early is no harm."""
        wait = self._desk.next_deadline_s()
        if wait is None:
            return
        now = self._loop.time()
        due = now + wait
        # What the handle itself says of its time depends on the loop.
        if self._timer is not None and not self._timer.cancelled() and now < self._timer_due <= due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_due = self._loop.call_at(due, self._attend), due
