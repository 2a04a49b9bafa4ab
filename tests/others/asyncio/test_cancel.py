"""A run whose task is cancelled ends, and frees its workers, whatever it is in the middle of."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import anyio
import pytest

import poolwise
from tests.others.asyncio.conftest import Run, ours, wait_until_gone
from tests.others.asyncio.work import Source, anap, burn, later, nap, plus

FOREVER_S = 2.5
"""What nobody waits for; threads are left behind, and the test waits for their end."""
WAYS: list[Any] = [
    (anap, "auto"),
    (nap, "processes"),
    (nap, "auto"),
    pytest.param(anap, "asyncio", marks=pytest.mark.slow),
    pytest.param(nap, "threads", marks=pytest.mark.slow),
    pytest.param(nap, "loop", marks=pytest.mark.slow),
    pytest.param(burn, "auto", marks=pytest.mark.slow),
]
ways = pytest.mark.parametrize(("function", "backend"), WAYS)


@ways
def test_a_cancelled_scope(run_few: Run, function: Any, backend: Any) -> None:
    """Anyio's scopes, which in asyncio cancel again and again, end it long before its items have ended."""

    async def main() -> float:
        begun = time.monotonic()
        with anyio.move_on_after(0.2) as scope:
            await poolwise.amap(function, [FOREVER_S] * 8, backend=backend, max_workers=4, progress=False)
        assert scope.cancelled_caught
        assert [each for each in ours() if each.startswith("process")] == []
        return time.monotonic() - begun

    assert run_few(main) < FOREVER_S


@ways
def test_cancelled_twice(function: Any, backend: Any) -> None:
    """The second time too, it ends by CancelledError, once its workers have ended."""

    async def main() -> None:
        run = asyncio.create_task(
            poolwise.amap(function, [FOREVER_S] * 8, backend=backend, max_workers=4, progress=False)
        )
        await asyncio.sleep(0.2)
        run.cancel()
        await asyncio.sleep(0)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert [each for each in ours() if each.startswith("process")] == []

    asyncio.run(main())


def test_a_sibling_fails() -> None:
    """A task group that ends for another reason ends its runs."""

    async def boom() -> None:
        await asyncio.sleep(0.2)
        raise KeyError("sibling")

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(poolwise.amap(anap, [60] * 5, progress=False))
            group.create_task(poolwise.amap(nap, [60] * 5, backend="processes", max_workers=2, progress=False))
            group.create_task(boom())

    with pytest.raises(ExceptionGroup, match="unhandled errors in a TaskGroup") as caught:
        asyncio.run(main())
    assert [repr(each) for each in caught.value.exceptions] == ["KeyError('sibling')"]
    assert [each for each in ours() if each.startswith("process")] == []


def test_a_time_limit() -> None:
    """``asyncio.timeout`` raises its TimeoutError."""

    async def main() -> None:
        async with asyncio.timeout(0.1):
            await poolwise.amap(anap, [60] * 5, progress=False)

    with pytest.raises(TimeoutError):
        asyncio.run(main())


def test_tasks_clean_up_first() -> None:
    """What coroutines do at their end is done before the cancelled run is over."""
    ended: list[int] = []

    async def careful(item: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            ended.append(item)

    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await poolwise.amap(careful, range(5), backend="asyncio", progress=False)
        assert sorted(ended) == [0, 1, 2, 3, 4]

    asyncio.run(main())


def test_processes_are_freed_while_the_first_item_goes_on() -> None:
    """The first item, which computes in the driver's own thread, is left behind; its company is not."""

    async def main() -> None:
        run = asyncio.create_task(poolwise.amap(burn, [FOREVER_S] * 4, progress=False))
        deadline = time.monotonic() + 2.0
        while not any(each.startswith("process") for each in ours()) and time.monotonic() < deadline:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert [each for each in ours() if each.startswith("process")] == []

    asyncio.run(main())


@pytest.mark.parametrize("function", [plus, later])
@pytest.mark.parametrize("backend", ["auto", "processes"])
def test_left_early(run_few: Run, function: Any, backend: Any) -> None:
    """A ``break`` with ``aclosing`` ends the workers there and then; so does a cancelled consumer that is slow."""

    async def main() -> None:
        async with contextlib.aclosing(poolwise.aimap(function, itertools.count(), **options)) as results:
            async for result in results:
                if result == 20:
                    break
        assert [each for each in ours() if each.startswith("process")] == []
        with anyio.move_on_after(0.2):
            async with contextlib.aclosing(poolwise.aimap(function, itertools.count(), **options)) as results:
                async for _ in results:
                    await anyio.sleep(0.01)
        assert [each for each in ours() if each.startswith("process")] == []

    # Coroutine functions of trio's run in no process.
    if function is later:
        backend = "auto" if backend == "auto" else "asyncio"
    options: Any = {"backend": backend, "max_workers": 2, "progress": False}
    run_few(main)


@pytest.mark.parametrize("function", [plus, later])
def test_dropped(function: Any) -> None:
    """An iterator that is dropped half-way is closed by the loop."""

    async def main() -> None:
        results = poolwise.aimap(function, Source(None).items(), progress=False)
        assert await anext(results) == 1
        del results
        gc.collect()
        await asyncio.sleep(0.05)
        assert ours() == []

    asyncio.run(main())


def test_the_loop_ends_before_the_iterator() -> None:
    """Whether the loop closes it, or is closed without: no thread waits for it for ever."""

    async def begin() -> Any:
        results = poolwise.aimap(plus, itertools.count(), backend="processes", max_workers=2, progress=False)
        assert await anext(results) == 1
        return results

    kept = asyncio.run(begin())
    loop = asyncio.new_event_loop()
    dropped = loop.run_until_complete(begin())
    loop.close()
    del dropped, kept
    gc.collect()
    wait_until_gone()


def test_cancelled_before_it_begins() -> None:
    """A task that never ran leaves nothing; nor does an iterator that is never asked."""

    async def main() -> None:
        run = asyncio.create_task(poolwise.amap(plus, range(5), progress=False))
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        await poolwise.aimap(plus, Source(5).items()).aclose()

    asyncio.run(main())


def test_during_the_first_item_of_a_slow_iterable() -> None:
    """An iterable that keeps the driver's thread waiting is left behind, too."""
    go_on = threading.Event()

    def items() -> Any:
        yield 1
        go_on.wait(20)
        yield 2

    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await poolwise.amap(plus, items(), progress=False)

    begun = time.monotonic()
    asyncio.run(main())
    took_s = time.monotonic() - begun
    go_on.set()
    assert took_s < 15


CTRL_C = """
import asyncio, sys, time, poolwise
async def wait(item):
    await asyncio.sleep(60)
def nap(item):
    time.sleep(60)
async def main():
    print("begun", flush=True)
    await poolwise.amap({function}, range(4), backend="{backend}", max_workers=2, progress=False)
{run}
"""


@pytest.mark.parametrize(
    ("function", "backend", "run"),
    [
        ("wait", "asyncio", "asyncio.run(main())"),
        pytest.param("nap", "processes", "asyncio.run(main())", marks=pytest.mark.slow),
        pytest.param("nap", "processes", "import uvloop; uvloop.run(main())", marks=pytest.mark.slow),
        ("nap", "processes", "import trio; trio.run(main)"),
    ],
)
def test_ctrl_c(function: str, backend: str, run: str) -> None:
    """The program ends by KeyboardInterrupt at once, with one traceback, and no word of anything lost."""
    program = CTRL_C.format(function=function, backend=backend, run=run)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        time.sleep(1)
        os.kill(child.pid, signal.SIGINT)
        _, told = child.communicate(timeout=40)
    text = told.decode()
    assert text.rstrip().splitlines()[-1] == "KeyboardInterrupt"
    assert "never" not in text
    assert "Exception ignored" not in text
