"""Many requests: their answers in order, never more than asked for at once, and nothing left however it ends."""

import asyncio
from contextlib import aclosing, nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.client.aio.many import in_order
from tidegate.errors import Unavailable


class Asked:
    """Counts what is read, begun, under way and given up; an item is answered when the test or its turn says so."""

    def __init__(self):
        self.read = self.begun = self.under_way = self.most = self.given_up = self.taken = 0

    def items(self, items):
        for item in items:
            self.read += 1
            yield item

    async def ask(self, item):
        """Takes as many turns of the loop as the item says; a negative one fails."""
        self.begun += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            for _ in range(abs(item)):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        finally:
            self.under_way -= 1
        if item < 0:
            raise Unavailable(str(item), code="UNAVAILABLE")
        return item

    def answers(self, items, concurrency=4, on_error="raise"):
        def count():
            self.taken += 1

        return in_order(items, self.ask, concurrency=concurrency, on_error=on_error, bar=nullcontext(count))


async def hanging(_item):
    await asyncio.Event().wait()


async def collected(answers):
    """What comes, and the error that it ends with."""
    outcomes = []
    try:
        async for outcome in answers:
            outcomes.append(outcome)  # noqa: PERF401  # what came before an error counts
    except (LookupError, Unavailable) as error:
        return outcomes, error
    return outcomes, None


async def turns_until(holds):
    """Lets the event loop turn, often enough for anything here."""
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come")


@given(st.lists(st.integers(-5, 5), max_size=30), st.integers(1, 8), st.booleans())
def test_outcomes_come_in_order_and_no_more_is_under_way_than_asked_for(items, concurrency, is_async):
    asked = Asked()

    async def source():
        for item in asked.items(items):
            await asyncio.sleep(0)
            yield item

    async def run():
        given = source() if is_async else asked.items(items)
        outcomes = []
        async for outcome in asked.answers(given, concurrency, "yield"):
            assert asked.read <= len(outcomes) + 1 + concurrency
            outcomes.append(int(str(outcome)))
        return outcomes, len(asyncio.all_tasks())

    assert asyncio.run(run()) == (items, 1)
    assert asked.most <= concurrency
    assert (asked.begun, asked.taken, asked.under_way) == (len(items), len(items), 0)


@given(st.lists(st.integers(0, 5), max_size=10), st.integers(1, 4))
def test_what_the_items_raise_comes_after_the_outcomes_of_what_came_before(items, concurrency):
    asked = Asked()

    def source():
        yield from items
        raise LookupError("no more rows")

    outcomes, error = asyncio.run(collected(asked.answers(source(), concurrency)))
    assert outcomes == items
    assert str(error) == "no more rows"


def test_an_error_is_raised_in_its_place_and_gives_up_what_comes_after():
    asked = Asked()

    async def run():
        outcomes, error = await collected(asked.answers([1, 2, -2, 1000, 1000, 1000]))
        return outcomes, str(error), len(asyncio.all_tasks())

    assert asyncio.run(run()) == ([1, 2], "-2", 1)
    assert asked.given_up == asked.begun - 3 > 0


def test_an_error_that_is_no_requests_is_raised_even_where_errors_are_outcomes():
    async def ask(_item):
        raise TypeError("inputs are a mapping")

    async def run():
        answers = in_order([1], ask, concurrency=1, on_error="yield", bar=nullcontext(lambda: None))
        with pytest.raises(TypeError, match="inputs are a mapping"):
            await anext(answers)

    asyncio.run(run())


@pytest.mark.parametrize("how", ["break", "aclose", "cancel", "raise"])
def test_nothing_is_left_under_way_however_it_ends(how):
    asked = Asked()

    async def consume():
        async with aclosing(asked.answers([0, *[1000] * 10])) as answers:
            assert await anext(answers) == 0
            if how == "break":
                return
            if how == "aclose":
                await answers.aclose()
            elif how == "raise":
                raise LookupError
            else:
                await anext(answers)

    async def run():
        task = asyncio.create_task(consume())
        if how == "cancel":
            await turns_until(lambda: asked.begun == 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        elif how == "raise":
            with pytest.raises(LookupError):
                await task
        else:
            await task
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1
    assert (asked.under_way, asked.given_up) == (0, asked.begun - 1)


def test_a_loop_that_just_breaks_gives_up_what_is_under_way():
    asked = Asked()

    async def run():
        async for outcome in asked.answers([0, *[1000] * 10]):
            assert outcome == 0
            break
        await turns_until(lambda: not asked.under_way)

    asyncio.run(run())
    assert asked.given_up == asked.begun - 1


def test_an_answer_does_not_wait_for_the_next_item():
    asked = Asked()

    async def run():
        more = asyncio.Event()

        async def slowly():
            yield 1
            await more.wait()
            yield 2

        answers = asked.answers(slowly())
        assert await anext(answers) == 1
        more.set()
        assert [answer async for answer in answers] == [2]

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_consumer_that_takes_nothing_holds_the_reading_back():
    asked = Asked()

    async def run():
        async with aclosing(asked.answers(asked.items([0] * 1000), concurrency=3)) as answers:
            await anext(answers)
            for _ in range(100):
                await asyncio.sleep(0)
            return asked.read

    assert asyncio.run(run()) == 4


def test_items_that_never_come_can_be_given_up():
    async def never():
        await asyncio.Event().wait()
        yield 1

    async def run():
        answers = in_order(never(), hanging, concurrency=2, on_error="raise", bar=nullcontext(lambda: None))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(answers)
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1
