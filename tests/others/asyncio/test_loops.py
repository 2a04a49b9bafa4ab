"""``amap`` and ``aimap`` in every event loop: asyncio's own, uvloop, trio, and anyio on either."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio
import uvloop

import poolwise
from poolwise.errors import CallerError, TaskTimeoutError
from tests.others.asyncio.conftest import LOOPS, Run
from tests.others.asyncio.work import anap, later, nap, plus

COUNT = 60
colour = contextvars.ContextVar("colour", default="none")


@pytest.mark.parametrize("function", [plus, later])
def test_results_are_in_order(run: Run, function: Any) -> None:
    """Plain functions and coroutine functions give what they give in a loop."""

    async def main() -> tuple[list[int], list[int]]:
        results = await poolwise.amap(function, range(COUNT), progress=False)
        return list(results), [each async for each in poolwise.aimap(function, iter(range(COUNT)), progress=False)]

    assert run(main) == ([*range(1, COUNT + 1)], [*range(1, COUNT + 1)])


def test_errors_have_their_item(run: Run) -> None:
    """What a function raises comes out of the await, with a note of its item; or it stands in its place."""

    async def fail(item: int) -> int:
        await anyio.lowlevel.checkpoint()
        if item == 3:
            raise ValueError(item)
        return item

    async def main() -> None:
        with pytest.raises(ValueError, match="3") as caught:
            await poolwise.amap(fail, range(6), progress=False)
        assert caught.value.__notes__ == ["poolwise: on item 3: 3"]
        results = await poolwise.amap(fail, range(6), errors="collect", retries=1, progress=False)
        assert [(each.index, each.attempts) for each in results.failures] == [(3, 2)]

    run(main)


def test_late_coroutines_are_cancelled(run: Run) -> None:
    """A late one fails as late, and the others arrive."""

    async def main() -> None:
        results = await poolwise.amap(anap, [0.001, 60, 0.001], timeout=0.2, errors="collect", progress=False)
        assert [type(each.error) for each in results.failures] == [TaskTimeoutError]
        assert [results[0], results[2]] == [0.001, 0.001]

    run(main)


def test_context_variables_are_seen(run: Run) -> None:
    """Functions of both kinds see what the awaiting task has set."""

    def see(_: int) -> str:
        return colour.get()

    async def see_later(_: int) -> str:
        await anyio.lowlevel.checkpoint()
        return colour.get()

    async def main() -> None:
        colour.set("red")
        assert await poolwise.amap(see, range(3), progress=False) == ["red"] * 3
        assert await poolwise.amap(see_later, range(3), progress=False) == ["red"] * 3

    run(main)


def test_coroutines_run_in_the_callers_loop(run: Run) -> None:
    """Where a lock that was made there works; plain functions, the first ones too, run elsewhere."""

    async def main() -> None:
        home, lock = threading.get_ident(), anyio.Lock()

        async def where(_: int) -> int:
            async with lock:
                await anyio.lowlevel.checkpoint()
                return threading.get_ident()

        assert {*await poolwise.amap(where, range(20), progress=False)} == {home}
        assert home not in await poolwise.amap(lambda _: threading.get_ident(), range(20), progress=False)

    run(main)


def test_many_at_once_and_within_each_other(run: Run) -> None:
    """Twenty runs in one loop, and runs within the items of one."""

    async def total(count: int) -> int:
        return sum(await poolwise.amap(later, range(count), progress=False))

    async def main() -> None:
        found: dict[int, list[int]] = {}

        async def one(number: int) -> None:
            function: Any = plus if number % 2 else later
            found[number] = list(await poolwise.amap(function, range(9), progress=False))

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(one, number)
        assert found == {number: [*range(1, 10)] for number in range(20)}
        assert await poolwise.amap(total, range(4), progress=False) == [0, 1, 3, 6]

    run(main)


def test_the_cross_cutting_options(run_few: Run, tmp_path: Any) -> None:
    """A journal, a rate, a limit and progress work as they do elsewhere."""
    heard: list[int] = []

    async def main() -> None:
        options: Any = {"journal": str(tmp_path / "run.db"), "rate": "1000/s", "limit": 3}
        assert await poolwise.amap(later, range(9), progress=lambda each: heard.append(each.done), **options) == [
            *range(1, 10)
        ]
        again = await poolwise.amap(later, range(12), progress=False, **options)
        assert (list(again), again.report.recalled) == ([*range(1, 13)], 9)

    run_few(main)
    assert heard[-1] == 9


def test_a_loop_in_another_thread() -> None:
    """Several threads may have a loop each, at the same time."""
    found: dict[str, Any] = {}

    async def main() -> list[int]:
        return list(await poolwise.amap(later, range(COUNT), progress=False))

    def work(name: str) -> None:
        found[name] = LOOPS[name](main)

    threads = [threading.Thread(target=work, args=(name,)) for name in LOOPS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {key: [*range(1, COUNT + 1)] for key in LOOPS}


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_sockets(loop: str) -> None:
    """Hundreds of connections to a server in the same loop."""

    async def main() -> None:
        server = await asyncio.start_server(_serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def ask(item: int) -> int:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"%d\n" % item)
            answer = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return int(answer)

        async with server:
            assert await poolwise.amap(ask, range(300), progress=False) == [*range(300)]

    LOOPS[loop](main)


def test_trio_keeps_coroutine_functions() -> None:
    """They run in the caller's trio, whatever they compute, and the report says so."""

    async def main() -> None:
        results = await poolwise.amap(anap, [0.001] * COUNT, progress=False)
        assert results.report.plan.backend == "asyncio"
        assert "it is a coroutine function" in str(results.report)

    trio.run(main)


def test_trio_without_trio_functions() -> None:
    """A coroutine function of asyncio's says in trio what it says anywhere outside of asyncio."""

    async def asyncios(_: int) -> None:
        await asyncio.sleep(0.01)

    async def main() -> None:
        with pytest.raises(RuntimeError, match="no running event loop"):
            await poolwise.amap(asyncios, range(3), progress=False)

    trio.run(main)


def test_outside_of_a_loop() -> None:
    """The error names the loops that will do."""
    with pytest.raises(CallerError, match=r"inside a running event loop \(asyncio's or trio's\); elsewhere use imap"):
        poolwise.aimap(plus, [1])


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_backends_in_uvloop(backend: Any) -> None:
    """Workers of every kind, beside a loop that was not made by Python."""

    async def main() -> None:
        assert await poolwise.amap(nap, [0.001] * 8, backend=backend, max_workers=2, progress=False) == [0.001] * 8

    uvloop.run(main())
