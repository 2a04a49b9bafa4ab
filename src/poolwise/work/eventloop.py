"""The event loop that a coroutine of the caller's runs in: asyncio's, of whatever make (uvloop's too), or trio's.

All that the verbs for coroutines need of it is one small protocol, so that there is one story for both.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from poolwise.model.units import Seconds

if TYPE_CHECKING:
    import asyncio

    from poolwise.work.eventloop_trio import TrioLoop

    Home: TypeAlias = asyncio.AbstractEventLoop | TrioLoop
    """Where coroutine functions run."""


class Event(Protocol):
    """What tasks of one event loop wait for; only to be touched in the loop's thread."""

    def set(self) -> object:
        """Let all go on who wait for it, and who will."""
        ...

    def is_set(self) -> bool:
        """Tell whether it has happened."""
        ...

    async def wait(self) -> object:
        """Wait until it has happened."""
        ...


class EventLoop(Protocol):
    """A running event loop."""

    cancelled: type[BaseException]
    """What is raised in a task that was cancelled."""

    binds: bool
    """Coroutine functions that run in it run in no other: worker processes have asyncio's."""

    @property
    def home(self) -> Home:
        """Give what a backend needs to run coroutine functions in it."""
        ...

    def event(self) -> Event:
        """Make an event that has not happened."""
        ...

    def call_soon(self, function: Callable[[], object]) -> None:
        """Have it called in the loop's thread; from any thread. A loop that has ended calls nothing."""
        ...

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        """Run ``work``, which raises nothing, as a task of its own; give what cancels it. In the loop's thread."""
        ...

    async def outlast(self, event: Event, patience_s: Seconds) -> None:
        """Wait for ``event``, at most so long (then it may be set), however often the task is cancelled meanwhile.

        The task is one that was cancelled, or is ending, and will say so as soon as this is over.
        """
        ...

    async def shielded(self, work: Callable[[], Coroutine[Any, Any, None]], patience_s: Seconds) -> None:
        """Do ``work`` to its end in a task that was cancelled; for so long at most where that is needed."""
        ...

    async def pause(self) -> None:
        """Let the others of the loop have a turn."""
        ...


def find_event_loop() -> EventLoop | None:
    """Give the event loop that the calling coroutine runs in; None where there is none that we know."""
    # Nobody can be inside of a loop whose library is not loaded; trio first, since it may be asyncio's guest.
    if "trio" in sys.modules:
        from poolwise.work.eventloop_trio import TrioLoop, is_running  # noqa: PLC0415 - only where it is there already

        if is_running():
            return TrioLoop()
    if "asyncio" in sys.modules:
        from poolwise.work.eventloop_asyncio import AsyncioLoop, is_running  # noqa: PLC0415 - it takes 40 ms to import

        if is_running():
            return AsyncioLoop()
    return None
