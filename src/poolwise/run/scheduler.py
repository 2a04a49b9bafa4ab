"""The one scheduler: events go in, instructions come out. No clock, no threads, no input or output.

It knows items by their numbers only. The numbers move through these states::

    unread ──read──▶ waiting ──send──▶ in flight ──done──▶ held ──its turn──▶ emitted
                        ▲                 │  │
                        └──── again ◀─────┘  └──failed──▶ held or raised
                   (retry, death of a worker)

*Waiting* are the numbers from ``_next`` to ``_known`` and the leftovers (``leftovers.py``), which go first: they were
with a worker before. *In flight* are the chunks in the book of workers (``staff.py``), each with exactly one. *Held*
are finished pieces that wait for an earlier one (``handover.py``). ``validate`` says this as code, and the tests call
it after each step.

A run may change its backend in the middle (the probe is such a change): ``use`` takes the new crew, once nothing is in
flight any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from poolwise.errors import CallerError, InternalError
from poolwise.model.events import (
    NOTHING_BEGUN,
    Batch,
    Chunk,
    ChunkDone,
    Emit,
    Event,
    Failed,
    Instruction,
    ItemsRead,
    Outcome,
    Raise,
    Read,
    Send,
    Start,
    TakeBack,
    TakenBack,
    TaskError,
    Waited,
    WorkerFailed,
    WorkerLost,
    WorkerReady,
    WorkerRetired,
)
from poolwise.model.units import Bytes, Seconds
from poolwise.run.adapt import ChunkSizer
from poolwise.run.handover import Handover
from poolwise.run.leftovers import Leftovers
from poolwise.run.staff import Staff
from poolwise.run.terms import Counts, Crew, Wishes

# A chunk whose worker died before it had begun it is not to blame; so many times in a row are no accident: it kills
# whoever reads it (it may need more memory than there is).
MOST_UNBEGUN = 8
# So many workers in a row that die before they are ready are no accident, nor somebody who kills now and then; finding
# out takes a second at most.
MOST_START_FAILURES = 8
# ... where none has been ready yet. One that was has shown that workers can start here: it takes more to give up then
# (somebody who kills twice a second hits a start that takes half a second every other time).
PROVEN_START_FAILURES = 4 * MOST_START_FAILURES
# A worker is given its next chunk ahead only while chunks are shorter than this: behind a long one the next would wait
# for a busy worker while another is idle, and the 0.1 ms that fetching it takes is nothing beside it.
AHEAD_BELOW_S: Seconds = 0.1
# Taking back takes about 0.2 ms: what would be done in this time, or in a wait of the driver's, is left where it is.
WORTH_TAKING_BACK_S: Seconds = 0.001
# Streaming (imap): items read ahead of the consumer, at least so many for each worker, and more as more is consumed ...
AHEAD_PER_WORKER = 4
# ... up to so many in all, which keeps two workers busy from 1 µs an item on.
MOST_AHEAD = 1024
# ... and no more than this of results that wait for the consumer, if they are as large as those before, but two for
# each worker: memory that is used again at once is warm, and the first use of a page costs ten times its copying.
MOST_AHEAD_BYTES: Bytes = 32 << 20
LEAST_PER_WORKER = 2
# Streaming without order: items that may overtake one that is not done.
MOST_BEHIND = 64 * MOST_AHEAD


class Scheduler:
    """Decides what is sent where, what is run again, and what is handed on in which order."""

    def __init__(self, wishes: Wishes, total: int | None, known: int) -> None:
        """Begin with ``known`` items that can be taken and ``total`` in all (None: more may come)."""
        self.counts = Counts()
        self._wishes = wishes
        self._known = known
        self._ended = total is not None
        self._next = 0
        self._leftovers = Leftovers()
        self._staff = Staff()
        self._handover = Handover(ordered=wishes.ordered)
        self._taken = 0
        self._paused = False
        self._attempts: dict[int, int] = {}
        self._strikes: dict[int, int] = {}
        self._unbegun: dict[int, int] = {}
        self._crew = Crew(workers=0)
        self._sizer = ChunkSizer(self._crew.sizing)
        self._chunks_named = 0
        self._asked_back: int | None = None
        self._hired_ahead = 0
        self._value_bytes = 0.0
        self._start_failures = 0
        self._most_start_failures = MOST_START_FAILURES
        self._over = False
        self._out: list[Instruction] = []

    # --- What the driver asks ---------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Everything is emitted, or the run was ended by an error."""
        return self._over or (self._ended and self._handover.given == self._known)

    @property
    def total(self) -> int | None:
        """How many items there are; None while that is not known."""
        return self._known if self._ended else None

    @property
    def left(self) -> int | None:
        """How many items have not been finished; None while that is not known."""
        return self._known - self.counts.done if self._ended else None

    @property
    def busy_workers(self) -> int:
        """Workers that have something to do."""
        return self._staff.busy

    @property
    def has_waiting(self) -> bool:
        """Items have been read that no worker has taken yet."""
        return self._takeable() > 0

    @property
    def could_take_back(self) -> bool:
        """Somebody has nothing to do while another has more than it can begin."""
        able = self._crew.gives_back and self._asked_back is None and self._staff.any_idle and not self._paused
        return able and self._staff.richest()[1] > 1 and not self.has_waiting

    @property
    def drained(self) -> bool:
        """Paused, and nothing is in flight any more."""
        return self._paused and not self._staff.busy

    @property
    def item_s(self) -> Seconds | None:
        """What an item takes, by the newest chunks."""
        return self._sizer.item_s

    def lowest_needed(self) -> int:
        """Give the number below which no item is needed any more."""
        needed = [start for start, _ in self._moving()]
        needed.append(self._handover.turn if self._wishes.ordered else self._next)
        return min(needed)

    # --- What the driver tells --------------------------------------------------------------------------------

    def use(self, crew: Crew) -> list[Instruction]:
        """Go on with another backend, of which no worker has started yet."""
        if self._staff.busy:
            raise InternalError(f"the backend was changed with chunks in flight: {list(self._staff.in_flight())}")
        self._crew, self._sizer, self._staff = crew, ChunkSizer(crew.sizing), Staff()
        self._start_failures, self._most_start_failures = 0, MOST_START_FAILURES
        self._paused = False
        return self._advance()

    def hire(self, count: int) -> list[Instruction]:
        """Start so many workers before there is anything for them to do."""
        self._hired_ahead = count
        return self._advance()

    def pause(self) -> None:
        """Send nothing more, so that the backend can be changed once nothing is in flight."""
        self._paused = True

    def taken(self, count: int) -> list[Instruction]:
        """The consumer has done with ``count`` more results and is back for the next: a stream may go on so far."""
        self._taken += count
        return self._advance() if self._wishes.stream else []

    def handle(self, event: Event | ItemsRead | Waited) -> list[Instruction]:
        """Take in what happened and say what to do now."""
        match event:
            case ChunkDone():
                self._chunk_done(event)
            case TakenBack():
                self._asked_back = None
                self._leftovers.give_back_last(self._staff.cut(event.worker, event.kept))
            case Waited():
                return self._advance(waited=True)
            case WorkerReady():
                self._staff.arrive(event.worker)
                self._start_failures, self._most_start_failures = 0, PROVEN_START_FAILURES
            case ItemsRead():
                self._known, self._ended = event.known, event.ended
            case WorkerLost():
                self._worker_lost(event)
            case WorkerRetired():
                self._worker_retired(event)
            case WorkerFailed():
                self._end(Raise(None, event.error))
        return self._advance()

    # --- What happened ----------------------------------------------------------------------------------------

    def _chunk_done(self, event: ChunkDone) -> None:
        outcome = event.outcome
        count = len(outcome.values)
        if event.more:
            chunk = self._staff.progress(event.worker, event.chunk, count)
        else:
            chunk = self._staff.done(event.worker, event.chunk)
        if count or not event.cut:
            # One that was left whole says nothing about its items.
            self._sizer = self._sizer_of(chunk.start)
            self._sizer.observe(count or len(chunk), outcome.wall_s, max(outcome.item_bytes, outcome.value_bytes))
            self._value_bytes = outcome.value_bytes
        if outcome.errors:
            self._settle_errors(chunk, outcome)
        elif count == len(chunk) or event.cut:
            self._finish(Batch(chunk.start, outcome.values, light=outcome.light))
        else:
            self._end(Raise(None, _changed(chunk, count)))
        doomed_at = self._handover.doomed_at
        if event.cut and not self._over and (doomed_at is None or chunk.start + count < doomed_at):
            # Known as taken back, or left besides. What comes before a failure is still wanted.
            self._leftovers.give_back(chunk.start + count, chunk.stop, marked=chunk.marked)

    def _settle_errors(self, chunk: Chunk, outcome: Outcome) -> None:
        """Split a chunk with errors into pieces of values and items that failed or are tried again."""
        begin = 0
        for offset in sorted(outcome.errors):
            if offset > begin and len(outcome.values) >= offset:
                self._finish(Batch(chunk.start + begin, outcome.values[begin:offset]))
            self._task_failed(chunk.start + offset, outcome.errors[offset], marked=chunk.marked)
            begin = offset + 1
        if begin < len(outcome.values):
            self._finish(Batch(chunk.start + begin, outcome.values[begin:]))

    def _task_failed(self, index: int, error: TaskError, *, marked: bool) -> None:
        attempts = self._attempts.get(index, 0) + 1
        if attempts <= self._wishes.retries:
            self._attempts[index] = attempts
            self.counts.retried += 1
            self._leftovers.add(self._chunk(index, index + 1, marked=marked))
            return
        self._attempts.pop(index, None)
        self._give_up(index, error, attempts)

    def _give_up(self, index: int, error: TaskError, attempts: int) -> None:
        """An item has failed for good."""
        failed = Failed(index, error, attempts)
        self.counts.failed += 1
        if self._wishes.errors != "raise":
            self._finish(Batch(index, [None], {0: failed}))
        elif self._wishes.stream and self._wishes.ordered:
            # Raised in its turn: what comes before it is handed over first, as a loop would have.
            self._handover.doom(failed)
            self._leftovers.forget_from(index)
            self._raise_what_is_due()
        else:
            self._end(Raise(failed, error.error))

    def _worker_lost(self, event: WorkerLost) -> None:
        chunks, was_ready = self._staff.lose(event.worker)
        self.counts.deaths += 1
        self._asked_back = None if self._asked_back == event.worker else self._asked_back
        for ahead in reversed(chunks[1:]):
            self._leftovers.give_back(ahead.start, ahead.stop, marked=ahead.marked)
        if chunks:
            self._judge(chunks[0], event)
        elif not was_ready:
            self._start_failures += 1
            if self._start_failures >= self._most_start_failures:
                self._end(Raise(None, event.error))

    def _worker_retired(self, event: WorkerRetired) -> None:
        """It has handed over all that it had begun: nobody is to blame."""
        chunks, _ = self._staff.lose(event.worker)
        self.counts.recycled += 1
        self._asked_back = None if self._asked_back == event.worker else self._asked_back
        for chunk in reversed(chunks):
            self._leftovers.give_back(chunk.start, chunk.stop, marked=chunk.marked)

    def _judge(self, chunk: Chunk, event: WorkerLost) -> None:
        """Find the guilty item of a chunk whose worker was lost, and run the others again."""
        index = event.index
        if index == NOTHING_BEGUN:
            index = self._judge_unbegun(chunk)
        if index is None and len(chunk) == 1:
            index = chunk.start
        if index is None:
            self._narrow_down(chunk, event.span)
            return
        if not chunk.start <= index < chunk.stop:
            # This chunk, sent ahead, was not begun; or its item came back in the moment of the death.
            self._leftovers.give_back(chunk.start, chunk.stop, marked=chunk.marked)
            return
        self._leftovers.give_back(index + 1, chunk.stop, marked=chunk.marked)
        self._leftovers.give_back(chunk.start, index, marked=chunk.marked)
        strikes = self._strikes.get(index, 0) + 1
        if event.guilty:
            self._task_failed(index, TaskError(event.error), marked=True)
        elif strikes > self._wishes.crash_retries:
            self._strikes.pop(index, None)
            self._give_up(index, TaskError(event.error), self._attempts.pop(index, 0) + strikes)
        else:
            self._strikes[index] = strikes
            self._run_again(index, index + 1)

    def _judge_unbegun(self, chunk: Chunk) -> int | None:
        """Nothing of the chunk was begun: no item is to blame, unless it happens again and again."""
        seen = self._unbegun[chunk.start] = self._unbegun.get(chunk.start, 0) + 1
        return NOTHING_BEGUN if seen <= MOST_UNBEGUN else None

    def _narrow_down(self, chunk: Chunk, span: tuple[int, int] | None) -> None:
        """Not known which item it was: run those under suspicion again marked, so that the next death names it.

        A chunk that was marked, and yet died unnamed, died over what no mark covers (unpickling its items): in halves,
        down to one item, a death names it by being alone.
        """
        start, stop = span if span is not None else (chunk.start, chunk.stop)
        start, stop = max(start, chunk.start), min(stop, chunk.stop)
        middle = (start + stop) // 2 if chunk.marked else stop
        self._leftovers.give_back(stop, chunk.stop, marked=chunk.marked)
        self._run_again(middle, stop)
        self._run_again(start, middle)
        self._leftovers.give_back(chunk.start, start, marked=chunk.marked)

    def _run_again(self, start: int, stop: int) -> None:
        if start < stop:
            self._leftovers.add_first(self._chunk(start, stop, marked=True))

    # --- What to do now ---------------------------------------------------------------------------------------

    def _advance(self, *, waited: bool = False) -> list[Instruction]:
        if not (self._over or self._paused):
            self._start_workers()
            self._send_chunks()
            self._take_back(waited=waited)
            self._read_items()
        out, self._out = self._out, []
        return out

    def _start_workers(self) -> None:
        """Never more workers than unfinished items."""
        if len(self._staff) >= self._crew.workers:
            return
        useful = self._takeable() + sum(1 for _ in self._staff.in_flight())
        wanted = min(self._crew.workers, max(self._hired_ahead, useful))
        while len(self._staff) < wanted:
            self.counts.started += 1
            self._out.append(Start(self._staff.hire()))

    def _send_chunks(self) -> None:
        if not self.has_waiting:
            return
        while self._staff.any_idle and (chunk := self._take()) is not None:
            self._send(self._staff.next_idle(), chunk)
        if self._crew.depth > 1 and self._is_worth_sending_ahead():
            for worker in self._staff.hungry(self._crew.depth):
                if (chunk := self._take()) is None:
                    return
                self._send(worker, chunk)

    def _take_back(self, *, waited: bool) -> None:
        """Let a worker with nothing to do have half of what the one with the most items has not begun."""
        if not self.could_take_back:
            return
        worker, count = self._staff.richest()
        if waited or count * (self._sizer.item_s or 0.0) >= WORTH_TAKING_BACK_S:
            self._asked_back = worker
            self._out.append(TakeBack(worker))

    def _send(self, worker: int, chunk: Chunk) -> None:
        self._staff.give(worker, chunk)
        self.counts.chunks += 1
        self._out.append(Send(worker, chunk))

    def _is_worth_sending_ahead(self) -> bool:
        if self._crew.gives_back:
            # What it has not begun when another has nothing to do is taken back.
            return True
        item_s = self._sizer_of(self._next).item_s
        return item_s is not None and self._chunk_size(self._next) * item_s < AHEAD_BELOW_S

    def _take(self) -> Chunk | None:
        if (left := self._leftovers.take(self._cut_chunk)) is not None:
            return left
        stop = self._send_limit()
        if self._next >= stop:
            return None
        chunk = self._cut_chunk(self._next, stop, self._crew.marked)
        self._next = chunk.stop
        return chunk

    def _cut_chunk(self, start: int, stop: int, marked: bool) -> Chunk:  # noqa: FBT001 - as leftovers call it
        """Make a chunk of the first of these items."""
        stop = min(stop, start + self._chunk_size(start))
        if self._wishes.lines is not None:
            share = -(-self._waiting() // max(1, self._crew.workers))
            stop = min(stop, self._wishes.lines.end_of(start), start + max(1, share))
        return self._chunk(start, stop, marked=marked or self._crew.marked)

    def _waiting(self) -> int:
        """Count the items that are read and with nobody."""
        return self._known - self._next + self._leftovers.items

    def _chunk(self, start: int, stop: int, *, marked: bool) -> Chunk:
        self._chunks_named += 1
        return Chunk(self._chunks_named, start, stop, marked)

    def _chunk_size(self, start: int) -> int:
        """Say how many items from this one on to send next."""
        return self._sizer_of(start).size(self._waiting() if self._ended else None, self._crew.workers)

    def _sizer_of(self, number: int) -> ChunkSizer:
        return self._sizer if self._wishes.lines is None else self._wishes.lines.sizer_of(number)

    def _takeable(self) -> int:
        return len(self._leftovers) + max(0, self._send_limit() - self._next)

    def _send_limit(self) -> int:
        """The number up to which items may be sent: not past a failure, not too far ahead of the consumer."""
        if self._handover.doomed_at is not None:
            return self._next
        return min(self._known, self._read_limit()) if self._wishes.stream else self._known

    def _read_limit(self) -> int:
        wanted = max(AHEAD_PER_WORKER * self._crew.workers, min(self._taken, MOST_AHEAD))
        if self._value_bytes:
            wanted = min(wanted, int(MOST_AHEAD_BYTES / self._value_bytes))
        ahead = self._taken + max(LEAST_PER_WORKER * self._crew.workers, wanted)
        # Where no order is wanted, one item that takes for ever must not keep everything behind it in memory.
        return ahead if self._wishes.ordered else min(ahead, self.lowest_needed() + MOST_BEHIND)

    def _read_items(self) -> None:
        """Read what the workers could take at once, and as much again, so that reading never makes them wait."""
        if self._ended or self._wishes.lines is not None or self._handover.doomed_at is not None:
            # Tasks of a pool come by themselves.
            return
        room = self._staff.room(self._crew.depth) or self._crew.workers
        size = self._chunk_size(self._next)
        want = 2 * room * size - (self._known - self._next)
        if self._wishes.stream:
            want = min(want, self._read_limit() - self._known)
        waiting = self._known - self._next
        if want > 0 and (self._staff.any_idle or not len(self._staff) or waiting < room * size):
            self._out.append(Read(want))

    # --- Handing over -----------------------------------------------------------------------------------------

    def _finish(self, batch: Batch) -> None:
        if self._over or not batch.values:
            return
        self.counts.done += len(batch.values)
        for ready in self._handover.take(batch):
            self._out.append(Emit(ready))
        self._raise_what_is_due()

    def _raise_what_is_due(self) -> None:
        if (failed := self._handover.due()) is not None:
            self._end(Raise(failed, failed.error.error))

    def _end(self, instruction: Raise) -> None:
        if not self._over:
            self._over = True
            self._out.append(instruction)

    # --- For tests --------------------------------------------------------------------------------------------

    def validate(self) -> None:
        """Check that every item read is in exactly one state, and every worker where it should be."""
        moving = self._moving()
        problems = [
            *_overlaps(moving + self._handover.ranges()),
            *self._lost_items(sum(stop - start for start, stop in moving)),
            *self._stuck(),
            *self._staff.problems(),
        ]
        if problems:
            raise InternalError("; ".join(problems))

    def _moving(self) -> list[tuple[int, int]]:
        """List the items that were sent once and are not done."""
        in_flight = [(each.start, each.stop) for each in self._staff.in_flight() if len(each)]
        return in_flight + self._leftovers.spans()

    def _stuck(self) -> Iterator[str]:
        moving = self._staff.busy or self._staff.starting
        if not (self.finished or self._paused or moving) and self._takeable():
            yield f"{self._takeable()} items could be sent and nobody runs anything"

    def _lost_items(self, inside: int) -> Iterator[str]:
        # After an error that ends the run, the items behind it in its chunk are let go.
        if self._over or self._handover.doomed_at is not None:
            return
        if self.counts.done + inside != self._next:
            yield f"{self._next} items were sent, but {self.counts.done} are done and {inside} under way"


def _changed(chunk: Chunk, came: int) -> CallerError:
    return CallerError(
        f"the list of items was made shorter or longer while it was run: of the {len(chunk)} items from number "
        f"{chunk.start} on, {came} were found; hand over a copy (list(items)), or let the function leave it alone"
    )


def _overlaps(ranges: Iterable[tuple[int, int]]) -> Iterator[str]:
    last = 0
    for start, stop in sorted(ranges):
        if start < last:
            yield f"item {start} is in two places"
        last = stop
