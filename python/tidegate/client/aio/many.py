"""Many requests, so many at once, with their answers in the order of the requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractContextManager, aclosing
from typing import Any, Literal, TypeAlias, TypeVar

from tidegate.client.answer import Answer
from tidegate.errors import RequestError

ItemT = TypeVar("ItemT")
OnError: TypeAlias = Literal["raise", "yield"]


async def in_order(
    items: Iterable[ItemT] | AsyncIterable[ItemT],
    ask: Callable[[ItemT], Coroutine[Any, Any, Answer]],
    *,
    concurrency: int,
    on_error: OnError,
    bar: AbstractContextManager[Callable[[], None]],
) -> AsyncGenerator[Answer | RequestError, None]:
    """The outcome of each item, as soon as it and all before it are there.

    An item takes one of `concurrency` places from before it is read until its outcome is taken, so no more than that are
    read ahead, under way, or waiting to be taken. However this ends, nothing is under way afterwards.

    Args:
        items: Read one by one, when there is a place; what it raises is raised after the outcomes of what it gave before.
        ask: Asks for one item.
        concurrency: At least 1.
        on_error: Whether the error of a request is raised in its place, which gives up what comes after it, or is its outcome.
        bar: Shows progress while it is open; what it gives is called for each outcome.
    """
    places = asyncio.Semaphore(concurrency)
    begun: asyncio.Queue[asyncio.Task[Answer] | None] = asyncio.Queue()
    under_way: set[asyncio.Task[Any]] = set()

    async def feed() -> None:
        try:
            async with aclosing(_each(items)) as source:
                while True:
                    await places.acquire()
                    try:
                        item = await anext(source)
                    except StopAsyncIteration:
                        return
                    task = asyncio.create_task(ask(item))
                    under_way.add(task)
                    begun.put_nowait(task)
        finally:
            begun.put_nowait(None)

    feeder = asyncio.create_task(feed())
    under_way.add(feeder)
    try:
        with bar as count:
            while (task := await begun.get()) is not None:
                outcome = await _outcome(task, on_error)
                under_way.discard(task)
                places.release()
                count()
                yield outcome
            await feeder  # raises what the items raised
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _outcome(task: Awaitable[Answer], on_error: OnError) -> Answer | RequestError:
    try:
        return await task
    except RequestError as failure:
        if on_error == "raise":
            raise
        return failure


async def _each(items: Iterable[ItemT] | AsyncIterable[ItemT]) -> AsyncGenerator[ItemT, None]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
