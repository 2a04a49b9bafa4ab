"""Items that a task of an event loop brings: taken as they come, and never waited for longer than a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from poolwise.work.arriving import Arriving, Pump, is_async_iterable
from poolwise.work.eventloop_asyncio import AsyncioLoop


async def count(stop: int, *, error: Exception | None = None) -> AsyncIterator[int]:
    """Give numbers, and then raise, where there is something to raise."""
    for number in range(stop):
        yield number
    if error is not None:
        raise error


async def read(items: Arriving, pump: Pump, wanted: int) -> list[int]:
    """Read until so many are known, or all; the loop has its turns in between, as it has beside a driver's thread."""
    while items.total is None and items.known < wanted:
        items.read(wanted - items.known, 0.0)
        await asyncio.sleep(0)
    return list(items.slice(0, items.known))


def with_pump(work: Callable[[Arriving, Pump], Any], *iterables: Any) -> Any:
    """Do ``work`` in a loop, with items of these iterables."""

    async def main() -> Any:
        pump = Pump(AsyncioLoop(), [*filter(is_async_iterable, iterables)])
        pump.begin()
        try:
            return await work(Arriving(pump, iterables), pump)
        finally:
            await pump.end()

    return asyncio.run(main())


def test_no_more_is_read_than_was_asked_for() -> None:
    """However quick the iterable is."""

    async def work(items: Arriving, pump: Pump) -> tuple[list[int], int, int | None]:
        taken = await read(items, pump, 3)
        for _ in range(10):
            await asyncio.sleep(0)
        return taken, len(pump.rows), items.total

    assert with_pump(work, count(100)) == ([0, 1, 2], 0, None)


def test_who_waits_is_woken_once_for_all_that_came_together() -> None:
    """And once more for the end."""

    async def work(items: Arriving, pump: Pump) -> tuple[int, bool, bool]:
        woken = []
        pump.wake = lambda: woken.append(len(pump.rows))
        items.read(50, 0.0)
        before = items.awaited
        for _ in range(10):
            await asyncio.sleep(0)
        assert woken == [50]
        return len(woken), before, items.awaited

    assert with_pump(work, count(100)) == (1, True, False)


def test_nothing_is_awaited_that_nobody_has_asked_for() -> None:
    """Before the first question, to read is what helps; after the end, nothing does."""

    async def work(items: Arriving, pump: Pump) -> tuple[bool, int | None, bool]:
        before = items.awaited
        await read(items, pump, 10)
        return before, items.total, items.awaited

    assert with_pump(work, count(4)) == (False, 4, False)


def test_an_error_comes_after_the_items() -> None:
    """They are all there, and so is it."""

    async def work(items: Arriving, pump: Pump) -> tuple[list[int], str]:
        return await read(items, pump, 10), repr(items.error)

    assert with_pump(work, count(2, error=KeyError("x"))) == ([0, 1], "KeyError('x')")


def test_the_shortest_ends_it() -> None:
    """Rows are tuples, in the order of the iterables, whichever kind each is of."""

    async def work(items: Arriving, pump: Pump) -> tuple[list[Any], int | None]:
        return await read(items, pump, 10), items.total

    assert with_pump(work, "abc", count(9), count(7)) == ([("a", 0, 0), ("b", 1, 1), ("c", 2, 2)], 3)
    assert with_pump(work, count(2), "abc") == ([(0, "a"), (1, "b")], 2)


def test_what_for_can_read_is_read_by_for() -> None:
    """Only what has nothing but ``async for`` needs a pump."""

    class Both:
        def __iter__(self) -> Any:
            return iter([1])

        def __aiter__(self) -> Any:
            return count(1)

    found = [is_async_iterable(each) for each in (count(1), Both(), [1], range(3), "text")]
    assert found == [True, False, False, False, False]
