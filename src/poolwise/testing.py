"""For tests, ours and our users': a clock that nobody waits for, and a backend whose workers live and die by a script.

``FakeBackend`` runs the function for real, in the calling thread, but in virtual time: how long an item takes, how
long a worker takes to start and who dies when is written in a ``Script``. So a test of an hour with three crashes
takes a millisecond and goes the same way each time::

    clock = FakeClock()
    script = Script(item_s={3: 3600.0}, dies={5: 1})
    backend = FakeBackend(job, script, clock=clock)

Everything that went in and came out stands in ``backend.story``, in order, with its time.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from poolwise.errors import InitializerError, WorkerDiedError, WorkerStartError
from poolwise.model.classes import field, frozen, mutable, replace
from poolwise.model.events import (
    Chunk,
    ChunkDone,
    End,
    Event,
    Outcome,
    Send,
    Start,
    TakenBack,
    WorkerFailed,
    WorkerLost,
    WorkerReady,
)
from poolwise.model.units import Seconds
from poolwise.work import streams
from poolwise.work.chunk import RunCoroutine, late, run_chunk
from poolwise.work.job import Job

if TYPE_CHECKING:
    import asyncio

    from poolwise.backends.protocol import Hear

__all__ = ["ALWAYS", "Alarm", "FakeBackend", "FakeClock", "Moment", "Script"]

Duration: TypeAlias = Seconds | Mapping[int, Seconds] | Callable[[int], Seconds]
"""The same for all, by number (the default for those that are not named), or as a function of the number."""

START_S: Seconds = 0.001
ITEM_S: Seconds = 0.01
ALWAYS = math.inf
# Waits for nothing that end by their time-out are no hang at once: something may be due by the clock. No wait for a
# retry is as long as this together.
HANG_S: Seconds = 3600.0


# --- The clock -----------------------------------------------------------------------------------------------


@mutable
class Alarm:
    """Something that is to happen at a time."""

    at_s: Seconds
    act: Callable[[], object]
    cancelled: bool = False


class FakeClock:
    """A clock that stands still until it is told to go; ``jump`` takes it to the next alarm.

    It can be passed wherever Poolwise takes a clock, as ``clock.now``.
    """

    def __init__(self, now_s: Seconds = 0.0) -> None:
        """Show ``now_s``."""
        self._now_s = now_s
        self._alarms: list[tuple[Seconds, int, Alarm]] = []
        self._order = itertools.count()

    def now(self) -> Seconds:
        """Give the time."""
        return self._now_s

    def call_in(self, delay_s: Seconds, act: Callable[[], object]) -> Alarm:
        """Set an alarm; of several for the same time the first set is the first to act."""
        alarm = Alarm(self._now_s + delay_s, act)
        heapq.heappush(self._alarms, (alarm.at_s, next(self._order), alarm))
        return alarm

    def next_at(self) -> Seconds | None:
        """Give the time of the next alarm; None where there is none."""
        while self._alarms and self._alarms[0][2].cancelled:
            heapq.heappop(self._alarms)
        return self._alarms[0][0] if self._alarms else None

    def jump(self) -> bool:
        """Go to the next alarm and let it act; say whether there was one."""
        if self.next_at() is None:
            return False
        at_s, _, alarm = heapq.heappop(self._alarms)
        self._now_s = max(self._now_s, at_s)
        alarm.act()
        return True

    def advance(self, seconds: Seconds) -> None:
        """Go on by ``seconds``, and let the alarms on the way act, each at its time."""
        until = self._now_s + seconds
        while (at_s := self.next_at()) is not None and at_s <= until:
            self.jump()
        self._now_s = until


# --- The backend ---------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Script:
    """How the workers of a ``FakeBackend`` live and die."""

    start_s: Duration = START_S
    """How long a worker takes to start, by its number."""
    item_s: Duration = ITEM_S
    """How long an item takes, by its index. One that takes longer than the job's timeout costs its worker's life."""
    dies: Mapping[int, float] = field(default_factory=dict)
    """The worker dies on this item the first so many times that it is begun (``ALWAYS``: each time)."""
    dies_at_start: Collection[int] = ()
    """The workers with these numbers die before they are ready."""
    inherits: bool = False
    """Workers have the items already, as under fork."""


@frozen
class Moment:
    """What went into the backend or came out of it, and when."""

    at_s: Seconds
    what: Start | Send | End | Event


class FakeBackend:
    """Runs chunks for real, but in virtual time and by a script; a backend like any other for ``Driver``.

    An item on which the worker dies or is late is begun and never comes to its end: the function is not called. What
    ran before it in its chunk has been called, and its results are lost with the worker, as in real life.
    """

    def __init__(self, job: Job, script: Script | None = None, *, clock: FakeClock | None = None) -> None:
        """Start nothing."""
        self.clock = clock if clock is not None else FakeClock()
        self.story: list[Moment] = []
        self.closed = False
        self.aborted = False
        self._job = job
        self._script = script if script is not None else Script()
        self._workers: dict[int, _Worker] = {}
        self._events: list[Event] = []
        self._begun: dict[int, int] = {}
        self._woken = False
        self._idle_s: Seconds = 0.0
        """How long it has been waited for nothing, without anything coming of it."""
        self._runner: asyncio.Runner | None = None

    # --- Orders -----------------------------------------------------------------------------------------------

    def start(self, worker: int) -> None:
        """Begin to start a worker: it is ready, or dead, after its scripted time."""
        assert worker not in self._workers, f"worker {worker} is started a second time"
        self._note(Start(worker))
        self._workers[worker] = _Worker()
        self._set(worker, _lookup(self._script.start_s, worker, START_S), lambda: self._come_up(worker))

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Give a worker a chunk, which it begins when it is ready. One that has died, not yet heard of, loses it."""
        self._idle_s = 0.0
        self._note(Send(worker, chunk))
        if (its := self._workers.get(worker)) is None:
            return
        taken = items if items is not None else self._job.items.slice(chunk.start, chunk.stop)
        its.chunks.append((chunk, taken))
        if len(its.chunks) == 1 and its.ready:
            self._set(worker, 0.0, lambda: self._begin(worker))

    def flush(self) -> None:
        """Do nothing: orders go out at once."""

    def inherits_items(self, worker: int) -> bool:
        """Say what the script says."""
        return self._script.inherits

    def take_back(self, worker: int, *, whole: bool = False) -> None:
        """Take back the chunks that a worker was sent ahead; of one that it has begun, nothing."""
        kept: tuple[tuple[int, int], ...] = ()
        if (its := self._workers.get(worker)) is not None:
            ahead = slice(1 if its.ready else 0, None)
            kept = tuple((chunk.id, chunk.start) for chunk, _ in its.chunks[ahead] if len(chunk))
            its.chunks[ahead] = [(chunk.between(chunk.start, chunk.start), []) for chunk, _ in its.chunks[ahead]]
        self._tell(TakenBack(worker, kept))

    def end(self, worker: int) -> None:
        """End a worker that has nothing to do."""
        assert not self._workers[worker].chunks, f"worker {worker} is ended at work"
        self._note(End(worker))
        self._end(worker)

    def tell_there(self, hear: Hear) -> bool:
        """Say no: what happens is told by ``wait``."""
        return False

    def wake(self) -> None:
        """Let the next ``wait`` return at once."""
        self._woken = True

    def close(self, *, abort: bool) -> None:
        """End all workers."""
        for worker in tuple(self._workers):
            self._end(worker)
        if self._runner is not None:
            self._runner.close()
        self.closed, self.aborted = True, abort

    # --- News -------------------------------------------------------------------------------------------------

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Jump to the next event, or by ``timeout_s``; tell everything that happens at that moment.

        To wait where nothing can ever happen is a hang: it raises an AssertionError instead of being one; with
        time-outs, once they come to an hour.
        """
        deadline = math.inf if timeout_s is None else self.clock.now() + timeout_s
        while not (self._events or self._woken):
            at_s = self.clock.next_at()
            if at_s in {None, math.inf}:
                self._idle_s += math.inf if timeout_s is None else timeout_s
                assert self._idle_s < HANG_S, self._hang()
            if at_s is None or at_s > deadline:
                self.clock.advance(deadline - self.clock.now())
                break
            self.clock.jump()
        while self._events and self.clock.next_at() == self.clock.now():
            self.clock.jump()
        self._woken = False
        events, self._events = self._events, []
        return events

    def _tell(self, event: Event) -> None:
        self._note(event)
        self._events.append(event)

    def _note(self, what: Start | Send | End | Event) -> None:
        self.story.append(Moment(self.clock.now(), what))

    def _hang(self) -> str:
        lines = [f"  {moment.at_s:g} s: {moment.what}" for moment in self.story[-20:]]
        return "\n".join(["wait() with nothing under way would never end; the last of the story:", *lines])

    # --- Lives ------------------------------------------------------------------------------------------------

    def _set(self, worker: int, delay_s: Seconds, act: Callable[[], None]) -> None:
        self._workers[worker].alarm = self.clock.call_in(delay_s, act)

    def _come_up(self, worker: int) -> None:
        if worker in self._script.dies_at_start:
            self._end(worker)
            self._tell(WorkerLost(worker, WorkerStartError(f"worker {worker} died before it was ready, by the script")))
            return
        try:
            self._job.initialize()
        except InitializerError as error:
            self._tell(WorkerFailed(error))
            return
        its = self._workers[worker]
        its.ready = True
        self._tell(WorkerReady(worker))
        if its.chunks:
            self._set(worker, 0.0, lambda: self._begin(worker))

    def _begin(self, worker: int) -> None:
        """Begin the worker's next chunk: run it, and set the alarm for its end, or for its worker's."""
        chunk, items = self._workers[worker].chunks[0]
        fate = self._foresee(chunk)
        rules = replace(self._job.rules, timeout_s=None)
        with streams.borrowed(self._job.seed):
            mark, run_coroutine = streams.seeding(self._job.seed, chunk.start), self._run_coroutine()
            outcome = run_chunk(self._job.call, items[: fate.runs], rules, mark=mark, run_coroutine=run_coroutine)
        if fate.loss is None or (outcome.errors and rules.stop_at_error):
            ran = _items_run(outcome, fate.runs)
            virtual = sum(self._item_s(chunk.start + offset) for offset in range(ran))
            done = replace(outcome, wall_s=virtual, cpu_s=0.0)
            self._set(worker, virtual, lambda: self._finish(worker, chunk, done))
        else:
            loss = replace(fate.loss, worker=worker)
            self._set(worker, fate.seconds, lambda: self._lose(worker, loss))

    def _finish(self, worker: int, chunk: Chunk, outcome: Outcome) -> None:
        its = self._workers[worker]
        its.chunks.pop(0)
        self._tell(ChunkDone(worker, chunk.id, outcome))
        if its.chunks:
            self._set(worker, 0.0, lambda: self._begin(worker))

    def _lose(self, worker: int, loss: WorkerLost) -> None:
        self._end(worker)
        self._tell(loss)

    def _end(self, worker: int) -> None:
        alarm = self._workers.pop(worker).alarm
        if alarm is not None:
            alarm.cancelled = True

    def _foresee(self, chunk: Chunk) -> _Fate:
        """Say how many items of the chunk come to their end, and what becomes of the worker on the next."""
        limit_s = self._job.rules.timeout_s
        seconds = 0.0
        for index in range(chunk.start, chunk.stop):
            takes = self._item_s(index)
            begun = self._begun[index] = self._begun.get(index, 0) + 1
            if begun <= self._script.dies.get(index, 0):
                died = WorkerDiedError(f"a worker died on item {index}, by the script")
                loss = WorkerLost(0, died, index if chunk.marked else None)
                return _Fate(index - chunk.start, seconds + takes, loss)
            if limit_s is not None and takes > limit_s:
                error = late(limit_s, limit_s, "; its worker was ended, by the script")
                loss = WorkerLost(0, error, index, guilty=True)
                return _Fate(index - chunk.start, seconds + limit_s, loss)
            seconds += takes
        return _Fate(len(chunk), seconds, None)

    def _item_s(self, index: int) -> Seconds:
        return _lookup(self._script.item_s, index, ITEM_S)

    def _run_coroutine(self) -> RunCoroutine | None:
        if not self._job.call.coroutine:
            return None
        if self._runner is None:
            import asyncio  # noqa: PLC0415 - only coroutine functions need it, and it takes 40 ms to import

            self._runner = asyncio.Runner()
        return self._runner.run


@mutable
class _Worker:
    """A worker's life so far."""

    ready: bool = False
    chunks: list[tuple[Chunk, Sequence[Any]]] = field(default_factory=list)
    alarm: Alarm | None = None
    """What happens to it next."""


@frozen
class _Fate:
    """What becomes of a chunk."""

    runs: int
    seconds: Seconds
    loss: WorkerLost | None


def _lookup(duration: Duration, number: int, default: Seconds) -> Seconds:
    if isinstance(duration, Mapping):
        return duration.get(number, default)
    return duration(number) if callable(duration) else duration


def _items_run(outcome: Outcome, sent: int) -> int:
    """Count the items that were begun: all, or up to the error that stopped the chunk."""
    if len(outcome.values) == sent or not outcome.errors:
        return sent
    return min(outcome.errors) + 1
