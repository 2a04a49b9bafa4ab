"""One thread that does a run's waiting for the event loop that the caller's coroutine is in."""

from __future__ import annotations

import contextvars
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

from poolwise.api.execution import Execution
from poolwise.model.units import Seconds
from poolwise.work.arriving import Pump
from poolwise.work.eventloop import EventLoop

T = TypeVar("T")

# When the awaiting task is cancelled, the run gets so long to end its workers. What is under way in the driver's own
# thread (an item, an iterator that is read) cannot be ended, and is left behind then, as it is in other threads.
END_PATIENCE_S: Seconds = 1.0
# A run that is not in the middle of an item ends sooner than this.
SOON_S: Seconds = 0.05
# A thread that was told to end is gone well within this; nobody depends on it.
GONE_S: Seconds = 0.01


class Courier:
    """One thread that does one thing at a time for an event loop, and brings back what came of it."""

    def __init__(self, execution: Execution, loop: EventLoop, pump: Pump | None, clean_up_s: Seconds = 0.0) -> None:
        """Start nothing. The caller's own tasks get ``clean_up_s`` to end, and ``pump`` reads for the run."""
        self._execution = execution
        self._loop = loop
        self._pump = pump
        self._patience_s = END_PATIENCE_S + clean_up_s
        self._orders: queue.SimpleQueue[_Order[Any] | None] = queue.SimpleQueue()
        self._left = False
        context, orders = contextvars.copy_context(), self._orders
        self._thread = threading.Thread(
            target=context.run, args=(_serve, orders, loop), name="poolwise-driver", daemon=True
        )
        # A generator that is dropped when its loop is closed already runs no more of its code, and this is forgotten.
        self._dropped = weakref.finalize(self, orders.put, None)
        self._dropped.atexit = False

    async def __aenter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        if self._pump is not None:
            self._pump.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the thread, and what reads for it."""
        self._dropped()
        if not self._left:
            # Another run may be about to fork, which is safe only where no other thread is.
            self._thread.join(GONE_S)
        if self._pump is not None:
            await self._pump.end()

    async def fetch(self, function: Callable[[], T]) -> T:
        """Have it called in the thread. When the awaiting task is cancelled, so is the run, and it ends first."""
        order = _Order(function, self._loop)
        self._orders.put(order)
        try:
            await order.done.wait()
        except self._loop.cancelled:
            self._execution.cancel()
            await self._end(order)
            raise
        except BaseException:
            # The coroutine itself is closed, and must not wait any more.
            self._execution.cancel()
            self._left = True
            raise
        return order.result()

    async def _end(self, order: _Order[Any]) -> None:
        """Wait for the end of a run that was cancelled; leave behind what does not end."""
        await self._loop.outlast(order.done, SOON_S)
        if order.ended:
            return
        # Ending workers takes a while, during which the event loop is to go on.
        leaving = _Order(self._execution.leave, self._loop)
        threading.Thread(target=_carry_out, args=(leaving, self._loop), name="poolwise-ends", daemon=True).start()
        order.done = self._loop.event()
        await self._loop.outlast(order.done, self._patience_s)
        self._left = not order.ended

    async def finish(self, function: Callable[[], object]) -> None:
        """Have it called in the thread at last: after what was left behind there, which nobody waits for."""
        if self._left:
            self._orders.put(_Order(function, self._loop))
        else:
            await self.fetch(function)


class _Order(Generic[T]):
    """What is to be called, and what has come of it."""

    def __init__(self, function: Callable[[], T], loop: EventLoop) -> None:
        self._function = function
        self._value: T | None = None
        self._error: BaseException | None = None
        self.done = loop.event()
        self.ended = False

    def carry_out(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:  # noqa: BLE001 - carried to the awaiting task, whatever it is
            self._error = error
        self.ended = True

    def tell(self) -> None:
        """Let those go on who wait for it; in the loop's thread."""
        self.done.set()

    def result(self) -> T:
        """Give what it gave, or raise what it raised."""
        error, self._error = self._error, None
        if error is None:
            return self._value  # type: ignore[return-value]  # it has ended
        try:
            # A coroutine cannot raise a StopIteration.
            raise error if not isinstance(error, StopIteration) else RuntimeError(repr(error))
        finally:
            # Its traceback holds this frame.
            del error


def _serve(orders: queue.SimpleQueue[_Order[Any] | None], loop: EventLoop) -> None:
    while (order := orders.get()) is not None:
        _carry_out(order, loop)
        del order


def _carry_out(order: _Order[Any], loop: EventLoop) -> None:
    order.carry_out()
    loop.call_soon(order.tell)
