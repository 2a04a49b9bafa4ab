"""Every event loop that there is, and a look at what a run leaves behind."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import anyio
import psutil
import pytest
import trio
import uvloop

Main = Callable[[], Coroutine[Any, Any, Any]]
Run = Callable[[Main], Any]
PATIENCE_S = 20.0


def run_eagerly(main: Main) -> Any:
    """Begin each task at once, in the middle of the one that makes it (CPython 3.12)."""

    async def eager_main() -> Any:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[arg-type, unused-ignore]
        return await main()

    return asyncio.run(eager_main())


LOOPS: dict[str, Run] = {
    "asyncio": lambda main: asyncio.run(main()),
    "asyncio-debug": lambda main: asyncio.run(main(), debug=True),
    "uvloop": lambda main: uvloop.run(main()),
    "trio": trio.run,
    "anyio": anyio.run,
    "anyio-trio": lambda main: anyio.run(main, backend="trio"),
}
if hasattr(asyncio, "eager_task_factory"):
    LOOPS["asyncio-eager"] = run_eagerly


@pytest.fixture(params=[*LOOPS])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine function in an event loop, of each make in turn; it may use anyio in all of them."""
    return LOOPS[request.param]


@pytest.fixture(params=["asyncio", "uvloop", "trio"])
def run_few(request: pytest.FixtureRequest) -> Run:
    """Run it in three of them, where each run takes a while."""
    return LOOPS[request.param]


def ours() -> list[str]:
    """List our threads and this process's children that are there."""
    threads = [each.name for each in threading.enumerate() if each.name.startswith(("poolwise", "Dummy"))]
    return threads + [f"process {each.pid}" for each in psutil.Process().children(recursive=True)]


def wait_until_gone() -> None:
    """Wait until none is there any more: who was told to end may need a moment."""
    deadline = time.monotonic() + PATIENCE_S
    while ours() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert ours() == []


@pytest.fixture(autouse=True)
def _nothing_is_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No thread, no process, and no word of asyncio's about tasks and exceptions that nobody has looked at."""
    yield
    wait_until_gone()
    # Debug mode tells of slow callbacks, which on a busy machine anything may be.
    told = [each for each in caplog.records if each.levelno >= logging.WARNING and "took" not in each.getMessage()]
    assert [each.getMessage() for each in told] == []
