"""The one loop that carries out what the scheduler says, on whatever backend.

The driver runs in the caller's thread, inside a generator: nothing happens while nobody asks for results, which is
what keeps ``imap`` from reading ahead of an idle consumer. All state is in the scheduler; the driver owns the backend,
and ends it whatever happens. What a journal has to do with it is in ``remembering.py``.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from _thread import allocate_lock
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from poolwise.backends.protocol import Backend
from poolwise.errors import PoolwiseError
from poolwise.model.classes import frozen
from poolwise.model.events import (
    Batch,
    Chunk,
    Emit,
    End,
    Event,
    Failed,
    Instruction,
    ItemsRead,
    Keep,
    Now,
    Raise,
    Read,
    Rest,
    Resume,
    Send,
    Start,
    TakeBack,
    Waited,
)
from poolwise.model.units import Seconds
from poolwise.run.deputy import Deputy
from poolwise.run.remembering import Memory
from poolwise.run.scheduler import Scheduler
from poolwise.run.telling import EVERY_S, Telling, Watch, tell_rest
from poolwise.run.terms import Crew
from poolwise.work.items import Items

if TYPE_CHECKING:
    from poolwise.run.recorder import Recorder

# How long the driver waits at a time: short enough that Ctrl-C is heard where a wait cannot be interrupted (Windows).
TICK_S: Seconds = 0.5
# Reading from the caller's iterator gives way to finished results after so long.
READ_PATIENCE_S: Seconds = 0.001

# While a worker has nothing to do and another has, the scheduler is asked so soon whether to take from the one.
IDLE_PATIENCE_S: Seconds = 0.002
# Before it reads from a slow iterator while workers are busy, the driver gives them so long: what an item takes, if
# that is known, no less than a busy machine takes to bring a result home, and no longer than a person notices.
SHORT_WAIT_S: Seconds = 0.02
# Results that wait to be safely on disk are asked for so often; a person does not notice it.
KEPT_BACK_S: Seconds = 0.05
# So many items are looked for at a time, before what was found of them is handed over.
RECALLED_AT_A_TIME = 1000
LONG_WAIT_S: Seconds = 0.05
# Whoever else looks after a run while its driver is in an item has done so within this.
BATON_S: Seconds = 0.2
# What a consumer has taken is told after so many results, or so long: each time it is looked who may go on therefore.
TAKEN_TOGETHER = 16
TAKEN_PATIENCE_S: Seconds = 0.001


@frozen
class Ending:
    """How a run was ended by an error: the item's, or (``failed`` is None) the run's own."""

    failed: Failed | None
    error: BaseException


class Stands(NamedTuple):
    """How a run stands."""

    waiting: int
    """Items that could be sent now, and are with nobody."""
    item_s: Seconds | None
    """What an item takes, by the newest chunks."""


class Driver:
    """Carries a run from its first item to its last, through one backend after another."""

    def __init__(
        self,
        scheduler: Scheduler,
        items: Items,
        *,
        watch: Watch | None = None,
        desc: str = "",
        total: int | None = None,
        clock: Callable[[], Seconds] = time.monotonic,
        recorder: Recorder | None = None,
    ) -> None:
        """Do nothing yet; ``watch`` will be told of the run, by the name ``desc`` and with the ``total`` announced."""
        self.recorder = recorder
        """What writes the run down; None: nobody has asked for that."""
        self.scheduler = scheduler
        self.items = items
        self.ending: Ending | None = None
        self._clock = clock
        self._telling = Telling(watch, clock(), desc, total)
        self._backend: Backend | None = None
        self._tick_s = TICK_S
        self._finished: list[Batch] = []
        self.memory = Memory(scheduler, items, self._fail)
        # Who holds it may touch the scheduler: the caller's thread, but for while it runs an item.
        self._baton = allocate_lock()
        self._baton.acquire()
        self._deputy = Deputy(self._baton, scheduler, self._handle, self._obey)
        self._has_deputy = False
        """While this thread waits, the backend's own may play the scheduler."""
        self.cancelled = False
        """Somebody has ended the run from outside."""
        self._given = 0
        """Batches that were handed over since items were let go of."""
        self.has_more = False
        """What was handed over just now is not all that is ready."""

    def run(self, backend: Backend, crew: Crew, until: Callable[[], bool] | None = None) -> Iterator[Batch]:
        """Run on ``backend`` until all is done or, between chunks, ``until()`` is true; yield what is finished.

        An error that ends the run is left in ``ending`` for the caller to raise: raised in here, a StopIteration of
        the user's function would turn into a RuntimeError.
        """
        clean = False
        # Who asks ``until`` wants to be asked after each event, in the caller's thread.
        self._has_deputy = until is None and backend.tell_there(self._deputy.hear)
        try:
            yield from self._run(backend, self.scheduler.use(crew), until)
            clean = self.ending is None and not self.cancelled
        finally:
            self._close(backend, abort=not clean)

    def go_on(
        self,
        backend: Backend,
        crew: Crew,
        until: Callable[[], bool] | None = None,
        *,
        without: Iterable[int] = (),
        recall: Iterable[int] = (),
        tick_s: Seconds = TICK_S,
    ) -> Iterator[Batch]:
        """Run on as ``run`` does, and leave the backend open, for the next crew to go on with what is in flight.

        The workers ``without`` whom it is to go on get nothing more, and those in ``recall`` give back what they have
        not begun. At least every ``tick_s`` ``until`` is asked.
        """
        self._tick_s, self._backend = tick_s, backend
        without = tuple(without)
        if self.recorder is not None:
            self.recorder.leave(without)
        instructions = self.scheduler.go_on(crew, without=without, recall=recall)
        yield from self._run(backend, instructions, until, leaves=True)

    def _run(
        self,
        backend: Backend,
        instructions: list[Instruction],
        until: Callable[[], bool] | None,
        *,
        leaves: bool = False,
    ) -> Iterator[Batch]:
        self._backend = backend
        yield from self._carry_out(instructions)
        yield from self._until(backend, until, leaves=leaves)
        # Nobody comes back for what was kept back until it is on disk.
        yield from self._hand_over(self._safe())

    def _until(self, backend: Backend, until: Callable[[], bool] | None, *, leaves: bool) -> Iterator[Batch]:
        while not self._is_over():
            events = self._wait(backend)
            aside = self._deputy.relieve(events) if self._has_deputy else []
            self._sent = False
            if until is not None and until():
                self.scheduler.pause()
            waited = [] if events or aside else self._waited()
            yield from self._carry_out(aside + self._handle(*(events or waited)))
            self._forget()
            # Before the next item runs in this thread, or it is decided how: either may take long.
            if self._telling.watch is not None:
                self._telling.tell(self._clock(), self.scheduler)
            if leaves and self.scheduler.paused:
                return
            if not waited and self._may_read():
                yield from self._read_on()

    def recall(self) -> Iterator[Batch]:
        """Look for what is known already of the items that can be taken before anything runs."""
        stop = self.items.known
        for start in range(0, stop, RECALLED_AT_A_TIME):
            if self._is_over():
                return
            some = self.memory.recalled(start, min(stop, start + RECALLED_AT_A_TIME))
            # Those behind them are not to be sent before it is known which of them need not be.
            yield from self._carry_out(self._handle(ItemsRead(stop, self.items.total is not None, some)))
        yield from self._hand_over(self._safe())

    def close(self, backend: Backend) -> None:
        """Close what was left open."""
        clean = self.scheduler.finished and self.ending is None and not self.cancelled
        self._close(backend, abort=not clean)

    def _close(self, backend: Backend, *, abort: bool) -> None:
        self._backend, self._has_deputy = None, False
        with contextlib.nullcontext() if self.recorder is None else self.recorder.closing():
            backend.close(abort=abort)

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Let another thread ``assist`` while the caller's runs an item."""
        home = os.getpid()
        self._baton.release()
        try:
            yield
        finally:
            # In a child that the function has forked, who held it then would never give it back.
            if os.getpid() == home:
                self._baton.acquire()

    def stands(self) -> Stands:
        """Say how the run stands, to whoever has the baton."""
        return Stands(self.scheduler.waiting, self.scheduler.item_s)

    def glance(self) -> Stands | None:
        """Say how the run stands while the caller's thread runs an item, from another thread; None where it is back.

        To count what waits means to go through what the caller's thread, once it is back, puts there and takes away.
        """
        if not self._baton.acquire(blocking=False):
            return None
        try:
            return self.stands()
        finally:
            self._baton.release()

    def assist(
        self,
        backend: Backend,
        workers: Callable[[Scheduler], int],
        news: Callable[[], Iterable[Event]] = tuple,
    ) -> None:
        """Play the scheduler while the caller's thread runs an item, from another thread: hear, send, and staff.

        ``workers`` says how many workers there should be, and ``news`` what else has happened. Where the caller's
        thread is back, nothing is done. What is finished is kept until it hands that over.
        """
        if not self._baton.acquire(blocking=False):
            return
        self.scheduler.away = True
        try:
            if not self._is_over():
                self._finished += self._obey(self._handle(*backend.wait(0), *news()))
                if (count := workers(self.scheduler)) != self.scheduler.workers:
                    self._finished += self._obey(self.scheduler.resize(count))
        finally:
            self.scheduler.away = False
            self._baton.release()

    def dismiss(self, close: Callable[[], object]) -> None:
        """Have the company of a cancelled run closed, by another thread, while the caller's thread runs an item.

        The item goes on to its end, whoever waits for it; nobody else has to. Where the caller's thread is about
        something else, it closes them itself.
        """
        if not self._baton.acquire(timeout=BATON_S):
            return
        try:
            close()
        finally:
            self._baton.release()

    def tell_meanwhile(self) -> None:
        """Tell the progress while the caller's thread runs an item, from another thread."""
        if self._telling.watch is None or not self._baton.acquire(blocking=False):
            return
        try:
            self._telling.tell(self._clock(), self.scheduler, elsewhere=True)
        finally:
            self._baton.release()

    def hear(self, *events: Event) -> None:
        """Take in what has happened; what is finished by that is handed over with what follows."""
        self._finished += self._obey(self._handle(*events))

    def resize(self, workers: int) -> None:
        """Have so many workers at work from here on; what is finished by that is handed over with what follows."""
        self._finished += self._obey(self.scheduler.resize(workers))

    def drain(
        self, backend: Backend, patience_s: Seconds = math.inf, until: Callable[[], bool] | None = None
    ) -> Iterator[Batch]:
        """Wait for what is in flight, at most so long or ``until()`` is true, and send nothing more."""
        self.scheduler.pause()
        self._backend, deadline = backend, self._clock() + patience_s
        while self.scheduler.busy_workers and not (self._is_over() or (until is not None and until())):
            left_s = deadline - self._clock()
            if left_s <= 0:
                return
            tick_s = TICK_S if self._telling.watch is None else EVERY_S
            events = backend.wait(min(tick_s, left_s))
            yield from self._carry_out(self._handle(*events))
            self._telling.tell(self._clock(), self.scheduler)

    def cancel(self) -> None:
        """End the run soon, from any thread."""
        self.cancelled = True
        self.wake()

    def wake(self) -> None:
        """Have the driver look whether anything has changed, from any thread."""
        backend = self._backend
        if backend is not None:
            backend.wake()

    def peek(self, count: int, patience_s: Seconds) -> None:
        """Read ahead, between two backends, to learn how many items there are."""
        stop, deadline = self.items.known + count, self._clock() + patience_s
        while self.items.total is None and self.items.known < stop and self._clock() < deadline:
            self.items.read(stop - self.items.known, patience_s)
            if self.items.awaited:
                break
        self._finished += self._obey(self.scheduler.handle(self._items_read()))

    def finish(self) -> None:
        """Tell the progress one last time."""
        self._telling.tell(self._clock(), self.scheduler, last=True)

    def _handle(self, *events: Event | ItemsRead | Waited) -> list[Instruction]:
        """Have the scheduler say what to do now, and write down why."""
        if self.recorder is not None:
            self.recorder.hear(events)
        if self.scheduler.minds_time:
            return self.scheduler.handle(Now(self._clock()), *events)
        return self.scheduler.handle(*events)

    # --- The loop's parts -------------------------------------------------------------------------------------

    def _is_over(self) -> bool:
        return self.scheduler.finished or self.scheduler.drained or self.ending is not None or self.cancelled

    def _may_read(self) -> bool:
        """Reading may keep the caller waiting for results: of a slow iterator it comes after what can run now."""
        if self.items.quick and not self._alone:
            return True
        return not (self._sent or self._reads_later)

    def _wait(self, backend: Backend) -> list[Event]:
        """Wait for news as long as there is patience: a backend also wakes for what is none (half a message)."""
        awaited = self.items.awaited
        patience_s = self._until_due(self._patience())
        deadline = self._clock() + patience_s
        with self._deputy.on_duty(backend.wake, deadline) if self._has_deputy else contextlib.nullcontext():
            events = backend.wait(patience_s)
            # What comes next is reading, which may keep the very results waiting that the caller's iterator waits for.
            while self._wanted and not (events or self._is_called) and (left_s := deadline - self._clock()) > 0:
                if awaited and not self.items.awaited:
                    break
                events = backend.wait(left_s)
        return events

    @property
    def _is_called(self) -> bool:
        """Somebody wants this thread."""
        return self.cancelled or self._deputy.called

    def _until_due(self, patience_s: Seconds) -> Seconds:
        """Wait no longer than until something is due by the clock."""
        at_s = self.scheduler.next_at
        return patience_s if at_s is None else max(0.0, min(patience_s, at_s - self._clock()))

    def _waited(self) -> list[Waited]:
        return [Waited()] if self.scheduler.could_take_back else []

    def _patience(self) -> Seconds:
        if self.scheduler.could_take_back:
            return IDLE_PATIENCE_S
        if not self._wanted or self._reads_later:
            # Nothing but an event changes that; with no patience at all, this would go in circles until one comes.
            tick_s = self._tick_s if self._telling.watch is None else min(self._tick_s, EVERY_S)
            tick_s = min(tick_s, self._deputy.tick_s)
            return tick_s if not self._finished else min(tick_s, KEPT_BACK_S)
        busy = self.scheduler.busy_workers
        if self.items.quick or not busy or not self.scheduler.is_stream:
            # Nobody takes results one by one, so that none is waited for before more is read.
            return 0
        # The iterator is slow: a result that is about to come goes first.
        item_s = self.scheduler.item_s
        return SHORT_WAIT_S if item_s is None else min(max(SHORT_WAIT_S, 2 * item_s), LONG_WAIT_S)

    _sent = False
    """A chunk was sent since the last wait."""

    @property
    def _reads_later(self) -> bool:
        """Reading has to give way, until an event has come: to what can run now, or to the only worker there is.

        What somebody else brings cannot be read before it is there.
        """
        if self.items.awaited:
            return True
        if self.items.quick and not self._alone:
            return False
        return self.scheduler.has_waiting or (self._alone and self.scheduler.busy_workers > 0)

    @property
    def _alone(self) -> bool:
        """One worker with one chunk at a time: reading ahead of it gains nothing."""
        return self.scheduler.is_alone

    _wanted = 0
    """Items that the scheduler has asked for and the driver has not read yet."""

    def _carry_out(self, instructions: list[Instruction]) -> Iterator[Batch]:
        """Give every worker what it is to do, then the caller what is finished: nobody waits for a slow consumer."""
        self._finished += self._obey(instructions)
        keeper = self.memory.keeper
        if keeper is None or not self.memory.keeps_back(keeper, self._finished):
            yield from self._hand_over(self._safe())

    def _hand_over(self, finished: list[Batch]) -> Iterator[Batch]:
        taken, told_at = 0, self._clock() if finished else 0.0
        for batch in finished:
            self.has_more = batch is not finished[-1]
            yield batch
            taken += len(batch.values)
            # Who takes them as quickly as they can be given frees nobody by each of them.
            late = taken >= TAKEN_TOGETHER or self._clock() - told_at >= TAKEN_PATIENCE_S
            if late or batch is finished[-1]:
                yield from self._carry_out(self.scheduler.taken(taken))
                taken, told_at = 0, self._clock()
        self._given += len(finished)

    def _forget(self) -> None:
        """Let go of items that nobody needs.

        Not while anything finished has to be handed over: a failure is told with its item, and so is the one that ends
        it all. And to find what is still needed means to look at every worker: not for each item where there are
        hundreds.
        """
        if self._finished or self.ending is not None or self.items.inherited:
            return
        if self._given > self.scheduler.busy_workers // 8:
            self.items.forget(self.scheduler.lowest_needed())
            self._given = 0

    def _safe(self) -> list[Batch]:
        """Give what is finished; where results are taken one by one, once it is on disk."""
        finished, self._finished = self._finished, []
        if self.memory.keeper is not None:
            self.memory.secure(self.memory.keeper, finished)
        return finished

    def _fail(self, error: PoolwiseError) -> None:
        if self.ending is None:
            self.ending = Ending(None, error)

    def _obey(self, instructions: list[Instruction]) -> list[Batch]:
        """Do what is said, and give what is finished."""
        finished: list[Batch] = []
        ordered = False
        # Each is written down in the moment in which it is carried out.
        recorder = self.recorder
        for instruction in instructions if recorder is None else map(recorder.tell, instructions):
            match instruction:
                case Emit(batch):
                    finished.append(batch)
                case Keep(batch):
                    if not self.memory.keep(batch):
                        break
                case Read(count):
                    self._wanted = count
                case Raise(failed, error):
                    self.ending = Ending(failed, error)
                case Rest() | Resume():
                    tell_rest(instruction)
                case _ if not self.cancelled:
                    # Else some may be gone already, see ``dismiss``.
                    ordered |= self._order(instruction)
        if ordered:
            self._running().flush()
        return finished

    def _order(self, instruction: Start | Send | TakeBack | End) -> bool:
        """Order something of the backend; say whether that has to be flushed."""
        match instruction:
            case Send(worker, chunk):
                self._sent = True
                self._send(worker, chunk)
                return True
            case Start(worker):
                self._running().start(worker)
                return True
            case TakeBack(worker, whole):
                self._running().take_back(worker, whole=whole)
            case End(worker):
                self._running().end(worker)
        return False

    def _send(self, worker: int, chunk: Chunk) -> None:
        backend = self._running()
        inherited = self.items.inherited and backend.inherits_items(worker)
        backend.send(worker, chunk, None if inherited else self.items.slice(chunk.start, chunk.stop))

    def _read_on(self) -> Iterator[Batch]:
        """Read some of what is wanted; the caller's iterator runs in the caller's thread, as in a loop."""
        if not self._wanted:
            return
        count = 0
        while self._wanted and not self._is_over():
            count, self._wanted = max(self._wanted, count), 0
            self.items.read(count, READ_PATIENCE_S)
            read = self._items_read()
            yield from self._carry_out(self._handle(read))
            self._forget()
            if not read.recalled:
                return
            # Of an iterator that begins with a million known items, not two at a time.
            count = min(2 * count, RECALLED_AT_A_TIME)

    def _items_read(self) -> ItemsRead:
        before, known = self.scheduler.known, self.items.known
        return ItemsRead(known, self.items.total is not None, self.memory.recalled(before, known))

    def _running(self) -> Backend:
        assert self._backend is not None  # noqa: S101 - instructions are carried out within run(); for the type checker
        return self._backend
