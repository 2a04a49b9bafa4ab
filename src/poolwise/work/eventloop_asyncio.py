"""asyncio's event loop, or one in its place (uvloop)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from poolwise.model.units import Seconds
from poolwise.work.eventloop import Event


def is_running() -> bool:
    """Tell whether the caller is inside of one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class AsyncioLoop:
    """The running loop."""

    cancelled: type[BaseException] = asyncio.CancelledError
    binds = False

    def __init__(self) -> None:
        """Take the loop that runs in this thread."""
        self.home = asyncio.get_running_loop()
        # The loop itself holds its tasks weakly.
        self._tasks: set[asyncio.Task[None]] = set()

    def event(self) -> Event:
        """Make an event that has not happened."""
        return asyncio.Event()

    def call_soon(self, function: Callable[[], object]) -> None:
        """Have it called in the loop's thread; from any thread."""
        try:
            self.home.call_soon_threadsafe(function)
        except RuntimeError:
            if not self.home.is_closed():
                raise

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        """Run ``work`` as a task of its own; give what cancels it."""
        task = self.home.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task.cancel

    async def outlast(self, event: Event, patience_s: Seconds) -> None:
        """Wait for ``event``, at most so long, however often the waiting task is cancelled meanwhile.

        anyio cancels a task of a cancelled scope in each turn of the loop until it ends.
        """
        timer = self.home.call_later(patience_s, event.set)
        try:
            while not event.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await event.wait()
        finally:
            timer.cancel()

    async def shielded(self, work: Callable[[], Coroutine[Any, Any, None]], patience_s: Seconds) -> None:
        """Do ``work``: here a task is cancelled once, and has been."""
        await work()

    async def pause(self) -> None:
        """Let the others of the loop have a turn."""
        await asyncio.sleep(0)
