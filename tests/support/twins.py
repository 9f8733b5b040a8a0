"""The client for asyncio in the place of the synchronous one, so that one test is a claim about both."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Self

from tidegate.client import aio


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What the work comes to, waited for by the thread that asks."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def end(self) -> None:
        """The loop ends, and nothing may be left in it."""
        left = self.run(_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        assert not left, f"left in the event loop: {left}"


async def _others() -> list[str]:
    """The tasks that do not end within a second, besides the one that asks."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return [repr(task) for task in (await asyncio.wait(others, timeout=1))[1]] if others else []


class Blocking:
    """Something of asyncio whose every call waits."""

    def __init__(self, loop: Loop, something: Any) -> None:
        self._in_loop, self._something = loop, something

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **named: Any) -> Any:
            made = getattr(self._something, name)(*args, **named)
            return await made if inspect.isawaitable(made) else made

        def wait(*args: Any, **named: Any) -> Any:
            made = self._in_loop.run(call(*args, **named))
            return Blocking(self._in_loop, made) if isinstance(made, aio.Stream) else made

        return wait

    def __enter__(self) -> Self:
        self._in_loop.run(self._something.__aenter__())
        return self

    def __exit__(self, *ended_by: object) -> None:
        self._in_loop.run(self._something.__aexit__(*ended_by))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        async def following() -> Any:
            return await anext(self._something, self)  # no StopAsyncIteration crosses threads

        if (found := self._in_loop.run(following())) is self:
            raise StopIteration
        return found


@contextmanager
def connecting_by_asyncio() -> Iterator[Callable[..., Blocking]]:
    """A constructor like `tidegate.client.Client`."""
    loop = Loop()
    try:
        yield lambda *args, **named: Blocking(loop, aio.Client(*args, **named))
    finally:
        loop.end()
