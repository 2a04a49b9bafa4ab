"""Threads: each has an inbox of its own; what they finish goes into one outbox that the driver reads.

An item that is late cannot be ended, only given up: its thread is left behind (a daemon, which does not keep the
program alive) and another takes its place. What such a thread brings later is thrown away.
"""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

from poolwise.backends.outbox import Outbox, drain
from poolwise.backends.protocol import InThisProcess
from poolwise.errors import InitializerError
from poolwise.model.events import Chunk, ChunkDone, Event, WorkerFailed, WorkerLost, WorkerReady, WorkerRefused
from poolwise.model.units import Seconds
from poolwise.work import dispatch
from poolwise.work.chunk import RunCoroutine, late, run_chunk
from poolwise.work.job import Job
from poolwise.work.streams import own_streams

# A late item is noticed within this share of its timeout, and no sooner than after a millisecond.
LATE_SHARE = 0.1
# So many threads are begun by whoever wants them, which costs less than to have another thread do it.
BEGUN_HERE = 2


class ThreadsBackend(InThisProcess):
    """Runs chunks on threads of this process."""

    left_behind = "a thread cannot be ended"

    def __init__(self, job: Job) -> None:
        """Start nothing."""
        self._job = job
        self._outbox: Outbox = queue.SimpleQueue()
        self._threads: dict[int, WorkerThread] = {}
        self._to_begin: dict[int, WorkerThread] = {}
        self._begun = 0
        self._beginner: Beginner | None = None
        self._dispatching = False

    def start(self, worker: int) -> None:
        """Make a thread. It begins once it has something to do, and need not wait for that then; else with a wait."""
        if self._job.seed is not None and not self._dispatching:
            self._dispatching = True
            dispatch.begin()
        self._threads[worker] = self._to_begin[worker] = WorkerThread(worker, self._job, self._outbox)

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Put the chunk into the thread's inbox."""
        self._threads[worker].inbox.put((chunk, items if items is not None else ()))
        if (thread := self._to_begin.pop(worker, None)) is not None:
            self._begin(thread)

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Read the outbox; with a timeout for items, look at the clock of each thread in between."""
        while self._to_begin:
            self._begin(self._to_begin.popitem()[1])
        limit_s = self._job.rules.timeout_s
        events = self._read(timeout_s if limit_s is None else _sooner(timeout_s, max(0.001, limit_s * LATE_SHARE)))
        if limit_s is not None:
            events += self._give_up_late(limit_s, {each.worker for each in events if isinstance(each, ChunkDone)})
        return events

    def end(self, worker: int) -> None:
        """Tell the thread to end; it is waited for with the others."""
        self._threads[worker].retire()

    def wake(self) -> None:
        """Put a nothing into the outbox."""
        self._outbox.put(None)

    def at_work(self) -> list[int]:
        """List the system's numbers of the threads that are on something."""
        # Asked from another thread. A list of a dict's values is made in one go, a tuple is not where there is no GIL.
        return [thread.native_id for thread in [*self._threads.values()] if thread.busy and thread.native_id]

    @property
    def helpers(self) -> int:
        """Threads of ours that are no workers."""
        return int(self._beginner is not None)

    def close(self, *, abort: bool) -> None:
        """Tell every thread to end after what it is doing, and wait for it unless that would keep the caller."""
        if self._beginner is not None:
            self._beginner.end()
            self._beginner = None
        for thread in self._threads.values():
            thread.retire()
        if not abort:
            for thread in self._threads.values():
                thread.join()
        self._threads.clear()
        if self._dispatching:
            self._dispatching = False
            dispatch.end()

    def _begin(self, thread: WorkerThread) -> None:
        """Have a thread begin; of many, another thread sees to it."""
        self._begun += 1
        if self._begun <= BEGUN_HERE:
            begin(thread, self._outbox)
            return
        if self._beginner is None:
            self._beginner = Beginner(self._outbox)
        self._beginner.queue.put(thread)

    def _read(self, timeout_s: Seconds | None) -> list[Event]:
        events: list[Event] = drain(self._outbox, timeout_s)
        return [event for event in events if not self._is_stale(event)]

    def _is_stale(self, event: Event) -> bool:
        return isinstance(event, ChunkDone) and self._threads[event.worker].given_up

    def _give_up_late(self, limit_s: Seconds, just_done: set[int]) -> list[Event]:
        now = time.monotonic()
        events: list[Event] = []
        for worker, thread in self._threads.items():
            on = thread.on
            if on is None or thread.given_up or worker in just_done:
                continue
            index, begun = on
            if now - begun > limit_s:
                thread.given_up = True
                thread.retire()
                cut = f"; {self.left_behind}, so it was left behind and its result will be thrown away"
                events.append(WorkerLost(worker, late(limit_s, now - begun, cut), index, guilty=True))
        return events


class Beginner:
    """Begins one thread after another.

    Who begins a thread waits until it runs: for a tenth of a millisecond, and where many want the GIL for as long as
    they please. Whoever leads the run must not wait for that.
    """

    def __init__(self, outbox: Outbox) -> None:
        """Be ready."""
        self.queue: queue.SimpleQueue[WorkerThread | None] = queue.SimpleQueue()
        self._outbox = outbox
        self._ending = False
        self._thread = threading.Thread(target=self._serve, name="poolwise-begins", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Begin no more, and be gone."""
        self._ending = True
        self.queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (thread := self.queue.get()) is not None and not self._ending:
            begin(thread, self._outbox)


def begin(thread: WorkerThread, outbox: Outbox) -> None:
    """Begin a thread, or say that it cannot be had."""
    try:
        thread.begin()
    except RuntimeError as error:
        # "can't start new thread": a limit on processes and threads (ulimit -u, a container's), or on memory.
        outbox.put(WorkerRefused(thread.worker, error))


class _Retired(BaseException):
    """Nobody wants this thread's results any more: no further item is begun."""


class WorkerThread:
    """One worker thread, its inbox, and what it is on."""

    def __init__(self, worker: int, job: Job, outbox: Outbox) -> None:
        """Start nothing."""
        self.worker = worker
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        """Orders, which each kind of worker reads as its own; None: to end."""
        self.on: tuple[int, float] | None = None
        self.given_up = False
        self.busy = False
        self._retired = False
        self._job = job
        self._outbox = outbox
        # The function sees the caller's context variables, as it would in a loop.
        context = contextvars.copy_context()
        self.thread = threading.Thread(target=context.run, args=(self._serve,), name=f"poolwise-{worker}", daemon=True)

    def begin(self) -> None:
        """Start the thread."""
        self.thread.start()

    @property
    def native_id(self) -> int | None:
        """The system's number of the thread; None before it has begun."""
        return self.thread.native_id

    def retire(self) -> None:
        """Have it end, after the item that it is on."""
        self._retired = True
        self.inbox.put(None)

    def join(self) -> None:
        """Wait for its end, unless it was left behind, or has never begun."""
        if not self.given_up and self.thread.ident is not None:
            self.thread.join()

    def _serve(self) -> None:
        try:
            self._job.initialize()
        except InitializerError as error:
            self._outbox.put(WorkerFailed(error))
            return
        self._outbox.put(WorkerReady(self.worker))
        if not self._job.call.coroutine:
            self._work(None)
            return
        import asyncio  # noqa: PLC0415 - only coroutine functions need it, and it takes 40 ms to import

        with asyncio.Runner() as runner:
            # In this thread's context as it is then: an item's own random streams are found by it.
            self._work(lambda coroutine: runner.run(coroutine, context=contextvars.copy_context()))

    def _work(self, run_coroutine: RunCoroutine | None) -> None:
        with contextlib.suppress(_Retired):
            # Nothing of a chunk is held while the next is waited for.
            while (order := self.inbox.get()) is not None:
                chunk, items = order
                del order
                self.busy = True
                self._run(chunk, items, run_coroutine)
                del items

    def _run(self, chunk: Chunk, items: Sequence[Any], run_coroutine: RunCoroutine | None) -> None:
        timed = self._job.rules.timeout_s is not None

        def mark(offset: int) -> None:
            if self._retired:
                raise _Retired
            self.on = (chunk.start + offset, time.monotonic())

        marked = own_streams(self._job.seed, chunk.start, mark if timed or len(chunk) > 1 else None)
        outcome = run_chunk(self._job.call, items, self._job.rules, mark=marked, run_coroutine=run_coroutine)
        self.on, self.busy = None, False
        self._outbox.put(ChunkDone(self.worker, chunk.id, outcome))


def _sooner(one: Seconds | None, other: Seconds) -> Seconds:
    return other if one is None else min(one, other)
