"""trio's event loop: the only file that imports trio, and only where the caller has."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

import trio

from poolwise.model.units import Seconds
from poolwise.work.eventloop import Event


def is_running() -> bool:
    """Tell whether the caller is inside of one."""
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True


class TrioLoop:
    """The running loop.

    Tasks are system tasks, and not of a nursery: ``aimap`` is an async generator, and one must not be open across its
    ``yield``. Who spawns them ends them.
    """

    cancelled: type[BaseException] = trio.Cancelled
    binds = True

    def __init__(self) -> None:
        """Take the loop that runs in this thread."""
        self._token = trio.lowlevel.current_trio_token()
        self.has_ended = False
        """Nothing that it is asked for is done any more."""

    @property
    def home(self) -> TrioLoop:
        """Give itself."""
        return self

    def event(self) -> Event:
        """Make an event that has not happened."""
        return trio.Event()

    def call_soon(self, function: Callable[[], object]) -> None:
        """Have it called in the loop's thread; from any thread."""
        try:
            self._token.run_sync_soon(function)
        except trio.RunFinishedError:
            self.has_ended = True

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        """Run ``work`` as a task of its own; give what cancels it."""
        scope = trio.CancelScope()

        async def run() -> None:
            with scope:
                await work()

        trio.lowlevel.spawn_system_task(run, name=work, context=contextvars.copy_context())
        return scope.cancel

    async def outlast(self, event: Event, patience_s: Seconds) -> None:
        """Wait for ``event``, at most so long, however often the waiting task is cancelled meanwhile."""
        with trio.move_on_after(patience_s, shield=True):
            await event.wait()

    async def shielded(self, work: Callable[[], Coroutine[Any, Any, None]], patience_s: Seconds) -> None:
        """Do ``work``, which in a cancelled scope could not wait for anything."""
        with trio.move_on_after(patience_s, shield=True):
            await work()

    async def pause(self) -> None:
        """Let the others of the loop have a turn."""
        await trio.lowlevel.checkpoint()


class TrioManner:
    """How tasks of trio are ended: by scopes, and what is raised for that is always ours."""

    def timeout(self, seconds: Seconds) -> TrioLimit:
        """Cancel a block after so long."""
        return TrioLimit(seconds)

    def is_cancelling(self, error: BaseException) -> bool:
        """Tell our own cancelling of the task from what its function raises."""
        return isinstance(error, trio.Cancelled)


class TrioLimit:
    """What ``asyncio.timeout`` is, by a scope."""

    def __init__(self, seconds: Seconds) -> None:
        """Begin to count once it is entered."""
        self._seconds = seconds
        self._scope = trio.CancelScope()

    async def __aenter__(self) -> None:
        """Begin."""
        self._scope.deadline = trio.current_time() + self._seconds
        self._scope.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        """End it, and raise TimeoutError where it has ended the block."""
        done = self._scope.__exit__(kind, error, traceback)
        if self._scope.cancelled_caught:
            raise TimeoutError
        return done

    def expired(self) -> bool:
        """Tell whether it was this that has ended the block."""
        return self._scope.cancelled_caught
