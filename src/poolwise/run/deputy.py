"""Who plays the scheduler where the news is, while the driver's thread waits.

Thousands of short items a second, each sent by itself to an event loop: each would wake the driver's thread, which
wants the GIL from the loop's, and would be woken by it in turn. That takes more than the items do. So while the driver
waits, the loop's thread may take in its own news and give the next orders at once. What only the caller's thread may do
(read, hand over, keep, call functions of the caller's) is put aside for the driver, who comes for it every few
milliseconds, or is called where it is needed at once.

One *baton* says who may touch the scheduler: the driver's thread has it, but for while it waits. Nobody waits for it
but the driver: the loop's thread goes on with its items, and the driver hears the news as it always has.
"""

from __future__ import annotations

import math
from _thread import LockType
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from poolwise.model.events import End, Event, Instruction, Send, Start, TakeBack
from poolwise.model.units import Seconds
from poolwise.run.scheduler import Scheduler

# Where results keep coming, the driver comes for them so often. A person does not notice it, and of 5,000 items a
# second fifty come together: to wake and to hand the GIL to and fro takes as long as some of them.
HAND_OVER_S: Seconds = 0.01

ORDERS = frozenset({Start, Send, TakeBack, End})


class Deputy:
    """Takes in events and gives orders in another thread than the driver's."""

    def __init__(
        self,
        baton: LockType,
        scheduler: Scheduler,
        handle: Callable[..., list[Instruction]],
        order: Callable[[list[Instruction]], object],
    ) -> None:
        """Do nothing yet; ``handle`` says what is to be done, and ``order`` gives the orders among it."""
        self._baton = baton
        self._scheduler = scheduler
        self._handle = handle
        self._order = order
        self._put_aside: list[Instruction] = []
        self._error: BaseException | None = None
        self._call: Callable[[], object] | None = None
        self._called = self._expected = False
        self._back_at: Seconds = math.inf

    @property
    def called(self) -> bool:
        """The driver is needed."""
        return self._called

    @property
    def tick_s(self) -> Seconds:
        """The driver waits no longer than this: something came, and more is expected."""
        return HAND_OVER_S if self._expected else math.inf

    @contextmanager
    def on_duty(self, call: Callable[[], object], back_at: Seconds) -> Iterator[None]:
        """The driver waits, ``back_at`` the latest or when it is called by ``call``."""
        self._call, self._called, self._back_at = call, False, back_at
        self._baton.release()
        try:
            yield
        finally:
            self._baton.acquire()

    def relieve(self, events: Sequence[Event]) -> list[Instruction]:
        """The driver is back, with ``events`` or without: give what was put aside for it."""
        if self._error is not None:
            raise self._error
        aside, self._put_aside = self._put_aside, []
        self._expected = bool(aside or events)
        return aside

    def hear(self, events: Sequence[Event]) -> bool:
        """Take in what has happened, in the thread where it has; False where the driver is there to do that."""
        if not self._baton.acquire(blocking=False):
            return False
        try:
            if self._error is not None or self._scheduler.finished or self._call is None:
                return False
            self._scheduler.away = True
            self._play(events)
        except BaseException as error:  # noqa: BLE001 - nobody would hear of it in this thread; the driver raises it
            self._error = error
            self._wake()
        finally:
            self._scheduler.away = False
            self._baton.release()
        return True

    def _play(self, events: Sequence[Event]) -> None:
        orders: list[Instruction] = []
        for instruction in self._handle(*events):
            (orders if type(instruction) in ORDERS else self._put_aside).append(instruction)
        if orders:
            self._order(orders)
        if self._is_needed():
            self._wake()

    def _is_needed(self) -> bool:
        """Tell whether the driver has to come before it would by itself."""
        if self._called:
            return False
        scheduler = self._scheduler
        if (self._put_aside and not self._expected) or scheduler.finished or scheduler.runs_low:
            return True
        due_s = scheduler.next_at
        return due_s is not None and due_s < self._back_at

    def _wake(self) -> None:
        if self._call is not None and not self._called:
            self._called = True
            self._call()
