"""Items that only ``async for`` can read."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import poolwise
from poolwise.errors import CallerError
from tests.others.asyncio.conftest import Run
from tests.others.asyncio.work import Source, later, plus

WAYS: list[tuple[Any, Any]] = [
    (plus, "auto"),
    (plus, "threads"),
    (plus, "processes"),
    (plus, "loop"),
    (later, "auto"),
    (later, "asyncio"),
]
ways = pytest.mark.parametrize(("function", "backend"), WAYS)
MOST_AHEAD = 1024
"""What ``aimap`` promises for so few workers."""


class Countdown:
    """An async iterator that is no generator, and cannot be closed."""

    def __init__(self, count: int) -> None:
        self._left = count

    def __aiter__(self) -> Countdown:
        return self

    async def __anext__(self) -> int:
        await anyio.lowlevel.checkpoint()
        if not self._left:
            raise StopAsyncIteration
        self._left -= 1
        return self._left


@ways
def test_all_are_read_in_order(run_few: Run, function: Any, backend: Any) -> None:
    """An async generator gives its items to every backend, in order, and is closed."""

    async def main() -> None:
        options: Any = {"backend": backend, "max_workers": 2, "progress": False}
        quick, slow = Source(300), Source(8, wait_s=0.003)
        assert await poolwise.amap(function, quick.items(), **options) == [*range(1, 301)]
        assert [each async for each in poolwise.aimap(function, slow.items(), **options)] == [*range(1, 9)]
        assert quick.closed
        assert slow.closed

    run_few(main)


def test_any_async_iterator_will_do(run: Run) -> None:
    """It need be no generator; and it may be empty."""

    async def main() -> None:
        assert await poolwise.amap(plus, Countdown(4), progress=False) == [4, 3, 2, 1]
        assert await poolwise.amap(later, Countdown(0), progress=False) == []

    run(main)


def test_several_side_by_side(run: Run) -> None:
    """They end with the shortest, also beside ordinary iterables, which are read beside the loop."""

    def add(*numbers: int) -> int:
        return sum(numbers)

    async def main() -> None:
        one, other = Source(5), Source(None)
        assert await poolwise.amap(add, one.items(), other.items(), progress=False) == [0, 2, 4, 6, 8]
        assert other.closed
        endless = Source(None)
        assert await poolwise.amap(add, range(3), endless.items(), [10, 20, 30, 40], progress=False) == [10, 22, 34]
        assert endless.closed

    run(main)


@ways
def test_an_error_stands_in_its_place(function: Any, backend: Any) -> None:
    """What it raises ends the run after the items before it; or it is the last of the results."""

    async def main() -> None:
        options: Any = {"backend": backend, "max_workers": 2, "progress": False}
        taken: list[int] = []

        async def take() -> None:
            async for each in poolwise.aimap(function, Source(5, error=KeyError("broken")).items(), **options):
                taken.append(each)  # noqa: PERF401 - what came before the error counts

        with pytest.raises(KeyError, match="broken") as caught:
            await take()
        assert taken == [1, 2, 3, 4, 5]
        assert caught.value.__notes__ == ["poolwise: raised by the iterable, in the place of item 5"]
        bad = Source(2, error=KeyError("broken"))
        results = await poolwise.amap(function, bad.items(), errors="collect", **options)
        assert results[:2] == [1, 2]
        assert [(each.index, repr(each.error)) for each in results.failures] == [(2, "KeyError('broken')")]
        assert bad.closed

    asyncio.run(main())


def test_an_iterable_that_is_cancelled_is_no_end() -> None:
    """Items that stop because something within was cancelled are not taken for all there are."""

    async def items() -> Any:
        yield 1
        raise asyncio.CancelledError

    async def main() -> None:
        await poolwise.amap(plus, items(), progress=False)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())


@ways
def test_results_do_not_wait_for_the_next_item(run_few: Run, function: Any, backend: Any) -> None:
    """What is done is handed over while the next item is waited for, however long that takes."""

    async def main() -> None:
        held = anyio.Event()

        async def items() -> Any:
            yield 1
            yield 2
            # Nobody sets it before both results have come.
            await held.wait()
            yield 3

        taken: list[int] = []
        async for each in poolwise.aimap(function, items(), backend=backend, max_workers=2, progress=False):
            taken.append(each)
            if taken == [2, 3]:
                held.set()
        assert taken == [2, 3, 4]

    run_few(main)


@ways
def test_a_slow_consumer_bounds_what_is_read(run_few: Run, function: Any, backend: Any) -> None:
    """Of an endless source, no more is read ahead than is promised, whoever runs the items; and it is closed."""

    async def main() -> None:
        source, most, taken = Source(None), 0, 0
        results = poolwise.aimap(function, source.items(), backend=backend, max_workers=4, progress=False)
        async with contextlib.aclosing(results):
            async for _ in results:
                taken += 1
                await anyio.sleep(0.002)
                most = max(most, source.read - taken)
                if taken == 80:
                    break
        assert source.closed
        # By the time at which 80 were taken, 80 may be read ahead, or four for each worker; and one that is waited for.
        assert most <= 80 + 1
        assert most <= MOST_AHEAD

    run_few(main)


def test_a_consumer_that_stops_stops_the_reading(run: Run) -> None:
    """While nobody asks for the next result, nothing more is read."""

    async def main() -> None:
        source = Source(None)
        async with contextlib.aclosing(poolwise.aimap(later, source.items(), max_workers=2, progress=False)) as results:
            await anext(results)
            # Read ahead may be what four items for each worker are, and no more, however long that takes.
            await anyio.sleep(0.1)
            stands = source.read
            await anyio.sleep(0.2)
            assert source.read == stands
            assert stands <= 2 * 4 + 2

    run(main)


def test_a_cancelled_run_closes_them(run: Run) -> None:
    """Also one that would have to be waited for."""

    async def main() -> None:
        slow, beside = Source(None, wait_s=60), Source(None)
        with anyio.move_on_after(0.1):
            await poolwise.amap(later, slow.items(), progress=False)
        assert slow.closed
        slow = Source(None, wait_s=60)
        with anyio.move_on_after(0.1):
            await poolwise.amap(lambda *_: None, beside.items(), slow.items(), progress=False)
        assert slow.closed
        assert beside.closed

    run(main)


def test_what_a_generator_holds_open_belongs_to_one_task(run: Run) -> None:
    """Time limits and task groups around a ``yield`` must be left by the task that has entered them."""

    async def items() -> Any:
        with anyio.fail_after(30):
            for item in range(5):
                await anyio.lowlevel.checkpoint()
                yield item

    async def main() -> None:
        assert await poolwise.amap(plus, items(), progress=False) == [1, 2, 3, 4, 5]
        async with contextlib.aclosing(poolwise.aimap(plus, items(), progress=False)) as results:
            assert await anext(results) == 1

    run(main)


def test_a_generator_that_never_waits_leaves_the_loop_its_turns() -> None:
    """Others of the loop go on while 20,000 items are read that nobody has to wait for."""

    async def main() -> int:
        turns = 0

        async def tick() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        ticking = asyncio.create_task(tick())
        await poolwise.amap(plus, Source(20_000).items(), progress=False)
        ticking.cancel()
        return turns

    assert asyncio.run(main()) > 20


def test_one_that_raises_as_it_is_closed_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the run is left as it was to be."""

    async def items() -> Any:
        try:
            yield 1
            yield 2
        finally:
            raise KeyError("in the end")

    async def main() -> None:
        results = poolwise.aimap(plus, items(), max_workers=1, backend="loop", progress=False)
        async with contextlib.aclosing(results):
            assert await anext(results) == 2

    asyncio.run(main())
    assert [(each.name, each.getMessage()) for each in caplog.records] == [
        ("poolwise", "an async iterable has raised as it was closed")
    ]
    caplog.clear()


def test_the_time_of_reading_is_told() -> None:
    """A source that is slow is what the report names."""

    async def main() -> None:
        results = await poolwise.amap(plus, Source(6, wait_s=0.02).items(), progress=False)
        assert results.report.read_s >= 6 * 0.02

    asyncio.run(main())


def test_other_verbs_name_those_that_can() -> None:
    """``map`` and ``imap`` cannot read it, and say who can, before anything runs."""
    source = Source(3)
    for verb in (poolwise.map, poolwise.imap, poolwise.starmap):
        with pytest.raises(CallerError, match=r"takes async for: inside a running event loop, await poolwise\.amap"):
            verb(plus, source.items())  # type: ignore[call-overload]
    assert source.read == 0
