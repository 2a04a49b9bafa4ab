"""Items of async iterables: a task of the caller's event loop reads them, and the run takes what has come.

::

    driver's thread                         event loop's thread
    Arriving.read(count) -- asks for more --> Pump: anext, anext, ... as far as it was asked
                         <-- wakes the driver --   once for all that came in one turn of the loop

Who waits for the next item is that task and nobody else: results that are ready are handed over meanwhile. All is read,
and closed at the end, in one task, since what an async generator holds open across its ``yield`` (a time limit, a
task group) belongs to the task that began it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from poolwise.model.units import Seconds
from poolwise.work.eventloop import EventLoop
from poolwise.work.items import Stream

# A generator that never waits must not keep the loop from its other tasks for longer.
TURN_S: Seconds = 0.001
# What async generators do at their end uses what is the caller's, who waits for it; as tasks' clean-up is waited for.
CLEAN_UP_PATIENCE_S: Seconds = 5.0
END: Final = object()


def is_async_iterable(given: object) -> bool:
    """Tell what only ``async for`` can read; what can be read in both ways is read by ``for``."""
    return hasattr(type(given), "__aiter__") and not hasattr(type(given), "__iter__")


class Pump:
    """Reads async iterables side by side, one item of each after another, as far as it is asked to."""

    def __init__(self, loop: EventLoop, iterables: Sequence[AsyncIterable[Any]]) -> None:
        """Read nothing yet."""
        self._loop = loop
        self._iterables = iterables
        self._iterators: list[AsyncIterator[Any]] = []
        self.rows: deque[tuple[Any, ...]] = deque()
        """What has come: an item of each."""
        self.over = False
        """No more will come than is there."""
        self.error: BaseException | None = None
        """What one of them raised, which ended it."""
        self.read_s: Seconds = 0.0
        """What they took to give their items."""
        self.wake: Callable[[], object] = lambda: None
        """Called in the loop's thread when something has come, or when it is over."""
        self.limit = 0
        """So many rows were asked for, counted from the first."""
        self._read = 0
        self._asked = loop.event()
        self._came = threading.Event()
        self._telling = self._waiting = self._stopping = False
        self._cancel: Callable[[], object] | None = None
        self._ended = loop.event()

    # --- In the driver's thread -------------------------------------------------------------------------------

    def ask(self, limit: int, patience_s: Seconds) -> None:
        """Have so many rows read, counted from the first; give the first of them a moment to come."""
        if limit <= self.limit or self.over:
            return
        idle = self._read >= self.limit
        self._came.clear()
        self.limit = limit
        self._loop.call_soon(self._go_on)
        # Where some have been waited for before, nobody knows for how long.
        if idle and not self.rows:
            self._came.wait(patience_s)

    # --- In the loop's thread ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Be ready to read."""
        self._cancel = self._loop.spawn(self._serve)

    async def end(self) -> None:
        """Read no more, and close what is open, as far as that can be closed."""
        if self._cancel is None:
            return
        self._stopping = True
        self._asked.set()
        if self._waiting:
            self._cancel()
        await self._loop.outlast(self._ended, CLEAN_UP_PATIENCE_S)

    def _go_on(self) -> None:
        self._asked.set()

    async def _serve(self) -> None:
        try:
            await self._read_all()
        except Exception as error:  # noqa: BLE001 - the caller's iterable may raise anything; the run tells it
            self.error = error
        except BaseException as error:
            # Not by us: an iterable has been cancelled, or the loop ends. It is no end of the items.
            self.error = None if self._stopping else error
            raise
        finally:
            try:
                await self._loop.shielded(self._close, CLEAN_UP_PATIENCE_S)
            finally:
                self.over = True
                self._tell()
                self._ended.set()

    async def _read_all(self) -> None:
        self._iterators = [aiter(each) for each in self._iterables]
        turn = time.monotonic()
        while not self._stopping:
            if self._read >= self.limit:
                await self._asked.wait()
                self._asked = self._loop.event()
                continue
            row = await self._next_row()
            if row is None:
                return
            self.rows.append(row)
            self._read += 1
            if not self._telling:
                # Once for all that come before the loop gets a turn.
                self._telling = True
                self._loop.call_soon(self._tell)
            if time.monotonic() - turn > TURN_S:
                await self._loop.pause()
                turn = time.monotonic()

    async def _next_row(self) -> tuple[Any, ...] | None:
        begun, row = time.monotonic(), []
        self._waiting = True
        try:
            for iterator in self._iterators:
                item = await anext(iterator, END)
                if item is END:
                    return None
                row.append(item)
        finally:
            self._waiting = False
            self.read_s += time.monotonic() - begun
        return tuple(row)

    async def _close(self) -> None:
        """Close them, as a ``for`` that is left closes a generator that nobody else holds."""
        for iterator in self._iterators:
            aclose = getattr(iterator, "aclose", None)
            if aclose is None:
                continue
            try:
                await aclose()
            except Exception as error:  # noqa: BLE001 - as in reading
                self._fail_late(error)

    def _fail_late(self, error: Exception) -> None:
        """One has raised as it was closed: the run tells it, where it still listens."""
        if not self._stopping and self.error is None:
            self.error = error
            return
        import logging  # noqa: PLC0415 - few need it

        logging.getLogger("poolwise").warning("an async iterable has raised as it was closed", exc_info=error)

    def _tell(self) -> None:
        self._telling = False
        self._came.set()
        self.wake()


class Arriving(Stream):
    """Items of which some come by a pump, and those of ordinary iterables beside them."""

    total: int | None
    error: BaseException | None

    def __init__(self, pump: Pump, iterables: Sequence[Iterable[Any] | AsyncIterable[Any]]) -> None:
        """Read nothing yet."""
        super().__init__(_side_by_side(pump.rows, iterables))
        self._pump = pump
        # To look for what has come keeps nobody waiting.
        self.quick = True

    @property
    def awaited(self) -> bool:
        """Nothing can be taken before the pump, which has been asked, wakes whoever waits for it."""
        return self.total is None and self._pump.limit > self.known and not (self._pump.rows or self._pump.over)

    def read(self, count: int, patience_s: Seconds) -> None:
        """Take up to ``count`` of what has come, and ask for the others."""
        if self.total is not None:
            return
        pump = self._pump
        pump.ask(self.known + count, patience_s)
        # In this order: what comes in between is taken the next time.
        over, there = pump.over, min(count, len(pump.rows))
        got = self._take(there)
        self.read_s = pump.read_s
        if got < there:
            # An ordinary one was shorter, or has raised something.
            self.total = self.known
        elif over and not pump.rows:
            self.total, self.error = self.known, pump.error


def _side_by_side(
    rows: deque[tuple[Any, ...]], iterables: Sequence[Iterable[Any] | AsyncIterable[Any]]
) -> Iterator[Any]:
    """Give items as ``zip`` would, as long as rows are there: ordinary iterables are read here."""
    own = [None if is_async_iterable(each) else iter(each) for each in iterables]  # type: ignore[arg-type]  # just checked
    while True:
        arrived, row = iter(rows.popleft()), []
        for each in own:
            try:
                row.append(next(arrived if each is None else each))
            except StopIteration:
                return
        yield tuple(row) if len(own) > 1 else row[0]
