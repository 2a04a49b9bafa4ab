"""Writes down who was told what and what came of it, with the moments: what a timeline is made of (``lanes.py``).

It hears what the driver tells the backend and what it hears from it, and keeps tuples; all else is done when somebody
asks. Moments are ``time.perf_counter``'s, which is one clock for all processes of a machine (``CLOCK_MONOTONIC``,
``mach_absolute_time``, ``QueryPerformanceCounter``), so that workers stamp by it what they have done.
"""

from __future__ import annotations

import contextlib
import heapq
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from poolwise.model.classes import field, mutable
from poolwise.model.events import (
    NOTHING_BEGUN,
    Chunk,
    ChunkDone,
    End,
    Event,
    Instruction,
    ItemsRead,
    Outcome,
    Send,
    Start,
    Waited,
    WorkerLost,
    WorkerReady,
    WorkerRefused,
    WorkerRetired,
)
from poolwise.model.timeline import Mark, SlowItem
from poolwise.model.units import Seconds
from poolwise.work.call import short_repr, show_error

# A piece takes 250 bytes here and 600 as spans. When there are so many, items are no longer told one by one, and then
# neighbours become one: what is left is finer than a screen can show, however long the run.
MOST_PIECES = 50_000
# What happens to each of a million items is told by numbers; the first so many are marks in the picture, too.
MOST_MARKS = 1_000
# Who is slowest.
SLOWEST = 5
# Items that take so long on average are kept one by one, each to be a span of its own.
ALONE_S: Seconds = 0.001
# Times travel with seven digits: their sum may be so much larger than the whole.
ROUNDED = 1.00001
# Words of an error that a mark shows.
MARK_LENGTH = 120

Clock: TypeAlias = Callable[[], Seconds]


class Piece(NamedTuple):
    """Items that a worker ran one after another: a chunk, or a part of one that came back by itself.

    A tuple, because it takes a third of the time of our values to make, and is made for each chunk.
    """

    first: int
    items: int
    sent_s: Seconds
    begun_s: Seconds
    ended_s: Seconds
    heard_s: Seconds
    work_s: Seconds
    """What was work of the time from the beginning to the end; less than all of it where pieces were merged."""
    each_s: array[float] | None = None
    """What each of them took, one after another."""

    def merged(self, other: Piece) -> Piece:
        """Make one of this and the next of the same worker."""
        items, work_s = self.items + other.items, self.work_s + other.work_s
        return Piece(self.first, items, self.sent_s, self.begun_s, other.ended_s, other.heard_s, work_s)


@mutable
class WorkerRecord:
    """What is known of a worker."""

    started_s: Seconds
    ready_s: Seconds | None = None
    pieces: list[Piece] = field(default_factory=list)
    open: dict[int, tuple[int, Seconds]] = field(default_factory=dict)
    """Chunks that are with it, by their number: the first item that has not come back, and when it was sent."""
    left_s: Seconds | None = None
    """From when on it gets nothing more, while others go on."""
    closing_s: Seconds | None = None
    """When it was told to end, and is waited for."""
    gone_s: Seconds | None = None
    """When it had ended."""

    def life_ends_s(self, now_s: Seconds) -> Seconds:
        """Say up to when it is looked at: who has nothing to do for good is not waiting for work."""
        if self.left_s is None or self.open:
            return now_s if self.gone_s is None else self.gone_s
        return max(self.left_s, self.pieces[-1].heard_s) if self.pieces else self.left_s


class Recorder:
    """Writes down a run; one thread at a time may touch it, as with the scheduler."""

    def __init__(self, item_at: Callable[[int], Any], clock: Clock = time.perf_counter) -> None:
        """Begin now; ``item_at`` gives an item that is still held, for its repr."""
        self.begun_s = clock()
        self.workers: dict[int, WorkerRecord] = {}
        self.marks: list[Mark] = []
        self.slowest: list[SlowItem] = []
        """In no order."""
        self._item_at = item_at
        self._clock = clock
        self._ended_s: Seconds | None = None
        self._pieces = 0
        self._keeps = True
        """Items that are long enough are told one by one."""
        self._least_s: Seconds = 0.0
        self._tried: set[int] = set()

    def now_s(self) -> Seconds:
        """Say how long the run has gone on, or went on."""
        return (self._clock() if self._ended_s is None else self._ended_s) - self.begun_s

    def end(self) -> None:
        """The run is over; its items are held no longer."""
        if self._ended_s is None:
            self._ended_s, self._item_at = self._clock(), _gone

    # --- What the workers are told ------------------------------------------------------------------------------

    def tell(self, instruction: Instruction) -> Instruction:
        """A worker is told something now; give it on."""
        # By type and not by pattern, which takes five times as long: half of what recording a chunk costs.
        kind = type(instruction)
        if kind is Send:
            self._send(instruction.worker, instruction.chunk)  # type: ignore[union-attr]
        elif kind is Start:
            self.workers[instruction.worker] = WorkerRecord(self._clock())  # type: ignore[union-attr]
        elif kind is End:
            self.leave((instruction.worker,))  # type: ignore[union-attr]
        return instruction

    def _send(self, worker: int, chunk: Chunk) -> None:
        record, now = self.workers[worker], self._clock()
        record.open[chunk.id] = chunk.start, now
        # One that others were to stand for may be needed after all.
        record.left_s = None
        if self._tried and len(chunk) == 1 and chunk.start in self._tried:
            self._mark(Mark(now - self.begun_s, "retry", worker, chunk.start))

    def leave(self, workers: Iterable[int]) -> None:
        """Workers get nothing more, while others go on."""
        now = self._clock()
        for worker in workers:
            record = self.workers[worker]
            record.left_s = now if record.left_s is None else record.left_s

    @contextlib.contextmanager
    def closing(self, workers: Iterable[int] | None = None) -> Iterator[None]:
        """Workers (None: all of them) are ended meanwhile."""
        there = [self.workers[worker] for worker in (self.workers if workers is None else workers)]
        ending = [record for record in there if record.gone_s is None]
        now = self._clock()
        for record in ending:
            record.closing_s = now
        try:
            yield
        finally:
            now = self._clock()
            for record in ending:
                record.gone_s = now

    # --- What they tell -----------------------------------------------------------------------------------------

    def hear(self, events: Iterable[Event | ItemsRead | Waited]) -> None:
        """Something has happened, and is known now."""
        now = self._clock()
        for event in events:
            if type(event) is ChunkDone:
                self._done(event, now)
            else:
                self._hear_of_worker(event, now)

    def _hear_of_worker(self, event: Event | ItemsRead | Waited, now: Seconds) -> None:
        match event:
            case WorkerReady(worker):
                self.workers[worker].ready_s = now
            case WorkerLost():
                self._lost(event, now)
            case WorkerRetired(worker):
                # What was sent ahead to it goes to others.
                self._left(worker, Mark(now - self.begun_s, "recycled", worker), now, begun=False)
            case WorkerRefused(worker, error):
                mark = Mark(now - self.begun_s, "death", worker, text=_cut(show_error(error)))
                self._left(worker, mark, now, begun=False)

    def _done(self, event: ChunkDone, now: Seconds) -> None:
        record, outcome = self.workers[event.worker], event.outcome
        first, sent_s = record.open.pop(event.chunk)
        items, errors = len(outcome.values), outcome.errors
        if errors:
            items = max(items, max(errors) + 1)
        if event.more:
            record.open[event.chunk] = first + items, sent_s
        if not items:
            return
        wall_s, ended_s, each_s = outcome.wall_s, outcome.ended_s or now, outcome.each_s
        kept = array("f", each_s) if self._keeps and _is_kept(each_s, items, wall_s) else None
        record.pieces.append(Piece(first, items, sent_s, ended_s - wall_s, ended_s, now, wall_s, kept))
        self._pieces += 1 if kept is None else items
        if self._pieces > MOST_PIECES:
            self._thin()
        if wall_s > self._least_s:
            self._rank(event.worker, first, each_s if len(each_s) == items else (wall_s / items,))
        if errors:
            self._note_errors(event.worker, first, outcome, ended_s)

    def _note_errors(self, worker: int, first: int, outcome: Outcome, at_s: Seconds) -> None:
        for offset, error in sorted(outcome.errors.items()):
            text = _cut(show_error(error.error)) if len(self.marks) < MOST_MARKS else ""
            self._mark(Mark(at_s - self.begun_s, "failure", worker, first + offset, text))
            self._will_be_tried(first + offset)

    def _lost(self, event: WorkerLost, now: Seconds) -> None:
        index = event.index if event.index != NOTHING_BEGUN else None
        mark = Mark(now - self.begun_s, "death", event.worker, index, _cut(show_error(event.error)))
        self._left(event.worker, mark, now, begun=event.index != NOTHING_BEGUN)
        if index is not None:
            self._will_be_tried(index)

    def _left(self, worker: int, mark: Mark, now: Seconds, *, begun: bool) -> None:
        """A worker is gone; whether it had ``begun`` what is with it is known."""
        self._mark(mark)
        record = self.workers[worker]
        record.gone_s = now
        if not begun:
            record.open.clear()

    def _mark(self, mark: Mark) -> None:
        if len(self.marks) < MOST_MARKS:
            self.marks.append(mark)

    def _will_be_tried(self, index: int) -> None:
        """An item that is sent again is one that is tried again."""
        if len(self._tried) < MOST_MARKS:
            self._tried.add(index)

    def _rank(self, worker: int, first: int, each_s: Sequence[Seconds]) -> None:
        for offset, seconds in enumerate(each_s):
            if seconds > self._least_s:
                self._keep(SlowItem(first + offset, seconds, worker))

    def _keep(self, slow: SlowItem) -> None:
        """Keep it while it is one of the slowest, once; a second try may be slower than the first."""
        known = [each for each in self.slowest if each.index != slow.index or each.seconds > slow.seconds]
        if any(each.index == slow.index for each in known):
            return
        item = short_repr(self._item_at(slow.index))
        self.slowest = heapq.nlargest(
            SLOWEST, [*known, SlowItem(slow.index, slow.seconds, slow.worker, item)], key=lambda each: each.seconds
        )
        if len(self.slowest) == SLOWEST:
            self._least_s = self.slowest[-1].seconds

    def _thin(self) -> None:
        """Tell chunks and no items from here on; where that has been done, make one piece of two, everywhere."""
        for record in self.workers.values():
            if self._keeps:
                record.pieces = [piece._replace(each_s=None) for piece in record.pieces]
                continue
            pairs = zip(record.pieces[::2], record.pieces[1::2], strict=False)
            odd = record.pieces[-1:] if len(record.pieces) % 2 else []
            record.pieces = [one.merged(other) for one, other in pairs] + odd
        self._pieces, self._keeps = sum(len(record.pieces) for record in self.workers.values()), False


def _is_kept(each_s: Sequence[Seconds], items: int, wall_s: Seconds) -> bool:
    """Tell whether items were long enough to be seen one by one, and ran one after another."""
    known = items > 1 and len(each_s) == items
    return known and wall_s >= ALONE_S * items and sum(each_s) <= wall_s * ROUNDED


def _gone(_: int) -> None:
    """Stand for an item that is held no longer."""


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MARK_LENGTH else text[: MARK_LENGTH - 1] + "…"
