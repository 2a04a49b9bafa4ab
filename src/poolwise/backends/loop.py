"""The plain loop: one worker, which is the calling thread itself."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from poolwise.backends.protocol import InThisProcess
from poolwise.errors import InitializerError
from poolwise.model.classes import replace
from poolwise.model.events import Chunk, ChunkDone, Event, WorkerFailed, WorkerReady
from poolwise.model.units import Seconds
from poolwise.work import streams
from poolwise.work.chunk import ChunkRules, run_chunk
from poolwise.work.cuttable import MOST_CUTTABLE, AtWork, Cuttable
from poolwise.work.job import Job

# Items that take so long pay half a percent for it that the values before an error are kept (8 ns each). The error may
# be excused, since company has caused it, and what is done must not be done again.
KEEPS_FROM_S: Seconds = 0.0000015


class LoopBackend(InThisProcess):
    """Runs a chunk inside ``wait``: to wait for it is to do it."""

    def __init__(self, job: Job) -> None:
        """Start nothing."""
        self._job = job
        self._events: list[Event] = []
        self._chunks: deque[tuple[int, Chunk, Sequence[Any]]] = deque()
        self._keeping = replace(job.rules, keep_partial=True)
        self._item_s: Seconds = KEEPS_FROM_S
        self._initialized = False
        self._woken = threading.Event()
        self.running: AtWork | None = None
        """What is run now, where another thread may take some of it away."""

    def start(self, worker: int) -> None:
        """Call the initializer, once; the calling thread is there already."""
        try:
            if not self._initialized:
                self._job.initialize()
        except InitializerError as error:
            self._events.append(WorkerFailed(error))
        else:
            self._initialized = True
            self._events.append(WorkerReady(worker))

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Remember the chunk until ``wait``."""
        self._chunks.append((worker, chunk, items if items is not None else ()))

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Run the next chunk; a loop cannot be interrupted, so that the time limit means nothing to it.

        With nothing to run, it sleeps for so long: something is waited for that happens by the clock.
        """
        if self._events or not self._chunks:
            if timeout_s and not self._events:
                self._woken.wait(timeout_s)
                self._woken.clear()
            events, self._events = self._events, []
            return events
        worker, chunk, items = self._chunks.popleft()
        if 1 < len(chunk) <= MOST_CUTTABLE:
            return [self._run_cuttable(worker, chunk, items)]
        job = self._job
        into = job.into if job.into is not None and len(job.into) == chunk.start else None
        with streams.borrowed(job.seed):
            mark = streams.seeding(job.seed, chunk.start)
            outcome = run_chunk(job.call, items, self._rules(), mark=mark, into=into)
        self._item_s = outcome.wall_s / max(1, outcome.told)
        return [ChunkDone(worker, chunk.id, outcome)]

    def _run_cuttable(self, worker: int, chunk: Chunk, items: Sequence[Any]) -> ChunkDone:
        cuttable, job = Cuttable(items), self._job
        self.running = AtWork(chunk, cuttable)
        try:
            with streams.borrowed(job.seed):
                mark = streams.seeding(job.seed, chunk.start)
                outcome = run_chunk(job.call, cuttable, self._keeping, mark=mark)
        finally:
            self.running = None
        self._item_s = outcome.wall_s / max(1, len(outcome.values))
        return ChunkDone(worker, chunk.id, outcome)

    def _rules(self) -> ChunkRules:
        return self._keeping if self._item_s >= KEEPS_FROM_S else self._job.rules

    def wake(self) -> None:
        """Let the next sleep end at once."""
        self._woken.set()

    def close(self, *, abort: bool) -> None:
        """Nothing to end."""
