"""The one scheduler: events go in, instructions come out. No clock, no threads, no input or output.

It knows items by their numbers only. The numbers move through these states::

    unread ──read──▶ waiting ──send──▶ in flight ──done──▶ held ──its turn──▶ emitted
      │                 ▲ ▲               │  │                                      ▲
      │                 │ └─── again ◀────┤  └──failed──▶ held or raised            │
      │            its time    (retry, death of a worker)                           │
      │                 └───── later ◀────┘                                         │
      └── recalled: known from an earlier run ─▶ held ──its turn────────────────────┘

*Waiting* is what has been read and not sent yet (``supply.py``), and what goes out again (``leftovers.py``), at once or
*later*, by the clock (``later.py``). *In flight* are the chunks in the book of workers (``staff.py``), each with
exactly one. *Held* are finished pieces that wait for an earlier one (``handover.py``). What becomes of an item that has
failed, or on which a worker was lost, ``failing.py`` says, and ``rest.py`` whether anything goes out at all. Where a
rate or a limit was asked for, what waits goes out through the gate (``gate.py``), as ``doorkeeper.py`` lets it.
``validate`` says this as code, and the tests call it after each step.

A run may change its backend in the middle (the probe is such a change): ``use`` takes the new crew, once nothing is in
flight any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from poolwise.errors import CallerError, InternalError, TooManyFailuresError
from poolwise.model.classes import replace
from poolwise.model.events import (
    Batch,
    Chunk,
    ChunkDone,
    Emit,
    End,
    Event,
    Failed,
    Instruction,
    ItemsRead,
    Keep,
    Now,
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
    WorkerRefused,
    WorkerRetired,
)
from poolwise.model.units import Seconds
from poolwise.run.crowd import Crowd
from poolwise.run.failing import Circumstances, Failing, Verdict, error_of
from poolwise.run.handover import Handover
from poolwise.run.later import Again, Later
from poolwise.run.rest import Breaker
from poolwise.run.staff import Staff
from poolwise.run.supply import Supply
from poolwise.run.terms import Counts, Crew, Wishes
from poolwise.run.trials import draw

if TYPE_CHECKING:
    from poolwise.run.doorkeeper import Doorkeeper
    from poolwise.run.gate import Gate

# So many workers in a row that die before they are ready are no accident, nor somebody who kills now and then; finding
# out takes a second at most.
MOST_START_FAILURES = 8
# ... where none has been ready yet. One that was has shown that workers can start here: it takes more to give up then
# (somebody who kills twice a second hits a start that takes half a second every other time).
PROVEN_START_FAILURES = 4 * MOST_START_FAILURES
# Taking back takes about 0.2 ms: what would be done in this time, or in a wait of the driver's, is left where it is.
WORTH_TAKING_BACK_S: Seconds = 0.001


class Scheduler:
    """Decides what is sent where, what is run again, and what is handed on in which order."""

    def __init__(
        self,
        wishes: Wishes,
        total: int | None,
        known: int,
        gate: Gate | None = None,
        *,
        rng: Callable[[], float] = draw,
    ) -> None:
        """Begin with ``known`` items that can be taken and ``total`` in all (None: more may come).

        A ``gate`` holds back what a rate or a limit does not let through yet; it needs to be told the time. ``rng``
        gives a number from 0 to 1, for waits that are not to end together.
        """
        self.counts = Counts()
        self._wishes = wishes
        self._door = _keeper_of(gate, wishes) if gate is not None else None
        self.away = False
        """The caller's thread runs an item, and this is another: no function of the caller's is to be called."""
        self._supply = Supply(wishes, total, known, self._lowest_lately, gate)
        self._staff = Staff()
        self._handover = Handover(ordered=wishes.ordered)
        self._paused = False
        self._suspicious = False
        self._later = Later()
        self._breaker, self._crowd = Breaker(wishes.retry), Crowd()
        self._failing = Failing(wishes, self._breaker, self._crowd, gate, rng)
        self._now_s: Seconds = 0.0
        self._lowest = self._ended = 0
        """Below this number no item was needed any more, when so many chunks more than by now were with workers."""
        self._given_up = 0
        """Items that have failed for good in this run; an earlier one may have told of others."""
        self._hired_ahead = 0
        self._start_failures = 0
        self._most_start_failures = MOST_START_FAILURES
        self._over = False
        self._out: list[Instruction] = []

    # --- What the driver asks ---------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Everything is emitted, or the run was ended by an error."""
        return self._over or (self._supply.ended and self._handover.given == self._supply.known)

    @property
    def total(self) -> int | None:
        """How many items there are; None while that is not known."""
        return self._supply.known if self._supply.ended else None

    @property
    def known(self) -> int:
        """How many items there are at least."""
        return self._supply.known

    @property
    def left(self) -> int | None:
        """How many items have not been finished; None while that is not known."""
        return self._supply.known - self.counts.done if self._supply.ended else None

    @property
    def busy_workers(self) -> int:
        """Workers that have something to do."""
        return self._staff.busy

    @property
    def begun(self) -> int:
        """Items that were sent at least once."""
        return self._supply.begun

    @property
    def at_gate(self) -> int:
        """Items that a rate or a limit holds back."""
        return self._door.gate.held if self._door is not None else 0

    @property
    def only_here(self) -> bool:
        """An item has failed because it was not run in the calling thread."""
        return self._crowd.only_here

    @property
    def most_workers(self) -> int | None:
        """More at a time than this were too many; None: nothing is known of it."""
        return self._crowd.limit

    @property
    def has_suspects(self) -> bool:
        """An item may have killed a worker: it is to be tried again where that harms nobody else."""
        return self._suspicious

    @property
    def paused(self) -> bool:
        """Nothing more is sent, until somebody goes on."""
        return self._paused

    @property
    def is_stream(self) -> bool:
        """Results are taken one by one."""
        return self._wishes.stream

    @property
    def is_alone(self) -> bool:
        """There is one worker, with one chunk at a time."""
        return self._supply.crew.workers * self._supply.crew.depth == 1

    @property
    def workers(self) -> int:
        """Workers that may be at work at a time."""
        return self._supply.crew.workers

    @property
    def waiting(self) -> int:
        """Items that could be sent now, and are with nobody."""
        return self._supply.takeable()

    @property
    def has_waiting(self) -> bool:
        """Items have been read that no worker has taken yet."""
        return self._supply.any_takeable

    @property
    def could_take_back(self) -> bool:
        """Somebody has nothing to do while another has more than it can begin."""
        crew = self._supply.crew
        able = crew.gives_back and self._staff.any_idle and not self._paused
        able = able and not self._breaker.holds and self._staff.busy < crew.workers and not self.has_waiting
        return able and self._staff.richest(crew.here)[1] > 1

    @property
    def waits_for_consumer(self) -> bool:
        """Nothing more goes out before results of a stream have been taken."""
        return self._supply.waits_for_consumer

    @property
    def runs_low(self) -> bool:
        """There is soon nothing more to send, unless somebody reads, takes results or brings items to the gate."""
        return self._supply.runs_low

    @property
    def drained(self) -> bool:
        """Paused, and nothing is in flight any more."""
        return self._paused and not self._staff.busy

    @property
    def item_s(self) -> Seconds | None:
        """What an item takes, by the newest chunks."""
        return self._supply.item_s

    @property
    def longest_s(self) -> Seconds:
        """What the longest item took, at least."""
        return self._supply.longest_s

    @property
    def minds_time(self) -> bool:
        """Something may have to wait: the time has to be told (``Now``) with what happens."""
        wishes = self._wishes
        return self._door is not None or wishes.retry.retries > 0 or wishes.crowding is not None

    @property
    def next_at(self) -> Seconds | None:
        """When something is due, and the time is to be told; None: never, as it stands."""
        if self._over or self._paused:
            return None
        times = (self._later.next_at, self._breaker.next_at, self._gate_at)
        return min((at_s for at_s in times if at_s is not None), default=None)

    @property
    def _gate_at(self) -> Seconds | None:
        """When the gate may let something through by the clock alone."""
        if self._door is None or self._breaker.state == "resting":
            return None
        crew, staff = self._supply.crew, self._staff
        able = (staff.any_idle and staff.busy < crew.workers) or len(staff) < crew.workers
        return self._door.next_at(able=able)

    @property
    def resting(self) -> tuple[Seconds, str] | None:
        """Up to when nothing is sent because the service fails, and in which way; None: it does not rest."""
        return (self._breaker.until_s, self._breaker.what) if self._breaker.holds else None

    @property
    def rests(self) -> int:
        """Times that nothing was sent because the service failed."""
        return self._breaker.rests

    @property
    def rested_s(self) -> Seconds:
        """All the time that nothing was sent, therefore."""
        return self._breaker.rested_s(self._now_s)

    @property
    def held(self) -> list[Batch]:
        """What is finished and has not had its turn."""
        return self._handover.held()

    def lowest_needed(self) -> int:
        """Give the number below which no item is needed any more."""
        needed = [start for start, _ in self._moving()]
        if self._door is not None and (lowest := self._door.gate.lowest) is not None:
            needed.append(lowest)
        needed.append(self._handover.turn if self._wishes.ordered else self._supply.next)
        return min(needed)

    def _lowest_lately(self) -> int:
        """Give what ``lowest_needed`` would, or somewhat less: it never falls, and is found anew after some chunks.

        To find it means to look at every worker. Where there are thousands, and one of them is far behind, that would
        be all that is done; where few are left at work, it is found each time.
        """
        if self._ended >= self._staff.busy // 8:
            self._lowest, self._ended = self.lowest_needed(), 0
        return self._lowest

    # --- What the driver tells --------------------------------------------------------------------------------

    def use(self, crew: Crew) -> list[Instruction]:
        """Go on with another backend, of which no worker has started yet."""
        if self._staff.busy:
            raise InternalError(f"the backend was changed with chunks in flight: {list(self._staff.in_flight())}")
        self._supply.use(crew)
        self._staff = Staff()
        self._start_failures, self._most_start_failures = 0, MOST_START_FAILURES
        self._paused = False
        return self._advance()

    def go_on(self, crew: Crew, *, without: Iterable[int] = (), recall: Iterable[int] = ()) -> list[Instruction]:
        """Go on with the same backend and another crew: what is in flight stays where it is.

        The workers ``without`` whom it is to go on finish what they have, and get nothing more; from those that are in
        ``recall``, what they have not begun is taken back.
        """
        self._supply.use(crew)
        self._staff.bench(without)
        self._out += [TakeBack(worker, whole=True) for worker in recall if self._staff.has_ahead(worker)]
        self._start_failures, self._most_start_failures = 0, MOST_START_FAILURES
        self._paused = False
        return self._advance()

    def resize(self, workers: int) -> list[Instruction]:
        """Have so many workers at work at a time from here on; of more, some rest."""
        self._supply.crew = replace(self._supply.crew, workers=workers)
        return self._advance()

    def hire(self, count: int) -> list[Instruction]:
        """Start so many workers before there is anything for them to do."""
        self._hired_ahead = count
        return self._advance()

    def doubt(self) -> None:
        """What items took says nothing of those that follow: these go out one by one, until some are done."""
        self._supply.doubt()

    def pause(self) -> None:
        """Send nothing more, so that the backend can be changed once nothing is in flight."""
        self._paused = True

    def taken(self, count: int) -> list[Instruction]:
        """The consumer has done with ``count`` more results and is back for the next: a stream may go on so far."""
        self._supply.taken += count
        return self._advance() if self._wishes.stream else []

    def handle(self, *events: Event | ItemsRead | Waited | Now) -> list[Instruction]:
        """Take in what happened, all of it, and say what to do now."""
        for event in events:
            self._take_in(event)
        self._end_if_hopeless()
        return self._advance(waited=Waited in map(type, events))

    def _take_in(self, event: Event | ItemsRead | Waited | Now) -> None:
        match event:
            case Now(at_s):
                self._pass_time(at_s)
            case ChunkDone():
                self._chunk_done(event)
            case TakenBack():
                self._taken_back(event)
            case WorkerReady():
                self._staff.arrive(event.worker)
                self._start_failures, self._most_start_failures = 0, PROVEN_START_FAILURES
            case ItemsRead():
                self._supply.known, self._supply.ended = event.known, event.ended
                self._recall(event.recalled)
            case WorkerLost():
                self._worker_lost(event)
            case WorkerRetired():
                self._worker_retired(event)
            case WorkerRefused():
                self._worker_refused(event)
            case WorkerFailed():
                self._end(Raise(None, event.error))

    # --- What happened ----------------------------------------------------------------------------------------

    def _recall(self, batches: Sequence[Batch]) -> None:
        """What came of these items is known: hand it on in its turn, and send them to nobody."""
        for batch in batches:
            self._supply.recall(batch.start, batch.start + len(batch.values))
            self.counts.recalled += len(batch.values)
            self.counts.failed += len(batch.failures)
            self._hand_on(batch)

    def _pass_time(self, now_s: Seconds) -> None:
        self._now_s = now_s
        if self._door is not None:
            self._door.tell(now_s)
        self._breaker.pass_time(now_s)
        for again in self._later.due(now_s):
            self._send_again(again)

    def _chunk_done(self, event: ChunkDone) -> None:
        outcome = event.outcome
        told = outcome.told
        if event.more:
            chunk = self._staff.progress(event.worker, event.chunk, told)
        else:
            chunk = self._staff.done(event.worker, event.chunk)
        # The one that was furthest behind may have kept all others waiting: that it has ended is worth a look at once.
        self._ended += 1 if chunk.start > self._lowest else self._staff.busy + 1
        if self._door is not None:
            self._door.release([chunk], outcome)
        if told or not event.cut:
            # One that was left whole says nothing about its items.
            item_bytes = max(outcome.item_bytes, outcome.value_bytes)
            self._supply.learn(chunk.start, told or len(chunk), outcome.wall_s, item_bytes)
            self._supply.value_bytes = outcome.value_bytes
        rest = len(chunk) - told
        if rest and not (rest > 0 and (event.cut or told - 1 in outcome.errors)):
            # Nobody has left them: they are not there, or there are more than there were.
            self._end(Raise(None, _changed(chunk, told)))
            return
        if outcome.errors:
            self._settle_errors(chunk, outcome)
        else:
            self._served(chunk, told)
            self._finish(Batch(chunk.start, outcome.values, light=outcome.light))
        if rest:
            self._settle_rest(chunk, told)

    def _taken_back(self, event: TakenBack) -> None:
        pieces = self._staff.cut(event.worker, event.kept)
        if self._door is not None:
            self._door.release(pieces, None)
        self._supply.leftovers.give_back_last(pieces)

    def _settle_errors(self, chunk: Chunk, outcome: Outcome) -> None:
        """Split what is told of a chunk into pieces of values and items that failed or are tried again."""
        begin, kept, told = 0, len(outcome.values), outcome.told
        circumstances = self._circumstances()
        for offset in sorted(offset for offset in outcome.errors if offset < told):
            if begin < offset <= kept:
                self._served(chunk, offset - begin)
                self._finish(Batch(chunk.start + begin, outcome.values[begin:offset]))
            error, index = outcome.errors[offset], chunk.start + offset
            # Where the values before it were not kept, they would have to be made once more.
            verdict = self._failing.judge(index, error, chunk, circumstances, excusable=offset <= kept)
            self._follow(verdict, index, error, marked=chunk.marked)
            begin = offset + 1
        if begin < kept:
            self._served(chunk, kept - begin)
            self._finish(Batch(chunk.start + begin, outcome.values[begin:]))

    def _settle_rest(self, chunk: Chunk, told: int) -> None:
        """Have the items run that a worker has left: taken back, or behind an error that was thought to end it all."""
        doomed_at = self._handover.doomed_at
        if not self._over and (doomed_at is None or chunk.start + told < doomed_at):
            # What comes before a failure is still wanted.
            self._supply.leftovers.give_back(chunk.start + told, chunk.stop, marked=chunk.marked)

    def _circumstances(self) -> Circumstances:
        crew, supply = self._supply.crew, self._supply
        # One worker may run several items at a time.
        at_once = crew.workers * crew.sizing.least
        return Circumstances(now_s=self._now_s, at_once=at_once, several=supply.known > 1 or not supply.ended)

    def _follow(self, verdict: Verdict, index: int, error: TaskError, *, marked: bool) -> None:
        """Do with an item that has failed as was found."""
        self._out += verdict.news
        match verdict.way:
            case "again":
                self.counts.retried += 1
                self._try_later(Again(index, marked), verdict.wait_s)
            case "in less company":
                self.counts.crowded += 1
                self._try_later(Again(index, marked), verdict.wait_s)
                self._thin_out()
            case "to the gate":
                self.counts.crowded += 1
                self._back_to_gate(index, marked=marked)
            case "as a suspect":
                self._run_again(index, index + 1)
            case "given up":
                self._give_up(index, error, verdict.attempts)

    def _thin_out(self) -> None:
        if self._crowd.limit is not None and self._crowd.limit < self.workers:
            self._supply.crew = replace(self._supply.crew, workers=self._crowd.limit)
        # Nobody but the calling thread can run it: somebody has to change the crew.
        self._paused |= self._crowd.only_here

    def _back_to_gate(self, index: int, *, marked: bool) -> None:
        assert self._door is not None  # noqa: S101 - its gate has excused the item; for the type checker
        # Behind the others: right away it would be refused again.
        self._door.gate.hold(index, marked=marked)

    def _try_later(self, again: Again, wait_s: Seconds) -> None:
        if wait_s > 0:
            self._later.add(self._now_s + wait_s, again)
        else:
            self._send_again(again)

    def _send_again(self, again: Again) -> None:
        # Named only now: by its number it is known what went out before it.
        self._supply.leftovers.add(self._supply.chunk(again.index, again.index + 1, marked=again.marked))

    def _served(self, chunk: Chunk, count: int) -> None:
        if count:
            self._out += self._breaker.served(chunk.id, self._now_s)

    def _give_up(self, index: int, error: TaskError, attempts: int) -> None:
        """An item has failed for good."""
        failed = Failed(index, error, attempts)
        self.counts.failed += 1
        self._given_up += 1
        if self._wishes.keeps and self._wishes.errors == "raise":
            # What ends the run is written down as well, for whoever looks at what was kept.
            self._out.append(Keep(Batch(index, [None], {0: failed})))
        if self._wishes.errors != "raise":
            self._finish(Batch(index, [None], {0: failed}))
        elif self._wishes.stream and self._wishes.ordered:
            # Raised in its turn: what comes before it is handed over first, as a loop would have.
            self._handover.doom(failed)
            self._supply.close()
            self._supply.leftovers.forget_from(index)
            self._later.forget_from(index)
            if self._door is not None:
                self._door.gate.forget_from(index)
            self._raise_what_is_due()
        else:
            self._end(Raise(failed, error.error))

    def _worker_lost(self, event: WorkerLost) -> None:
        chunks, was_ready = self._strike_off(event.worker)
        self.counts.deaths += 1
        # One that was not ready has not begun the chunk that it was given with its start.
        in_work = chunks[:1] if was_ready else []
        for ahead in reversed(chunks[len(in_work) :]):
            self._supply.leftovers.give_back(ahead.start, ahead.stop, marked=ahead.marked)
        if in_work:
            self._judge(in_work[0], event)
        elif not was_ready:
            self._start_failures += 1
            if self._start_failures >= self._most_start_failures:
                self._end(Raise(None, event.error))

    def _worker_retired(self, event: WorkerRetired) -> None:
        """It has handed over all that it had begun: nobody is to blame."""
        chunks, _ = self._strike_off(event.worker)
        self.counts.recycled += 1
        for chunk in reversed(chunks):
            self._supply.leftovers.give_back(chunk.start, chunk.stop, marked=chunk.marked)

    def _worker_refused(self, event: WorkerRefused) -> None:
        """Those that are there do it; where there is nobody, the calling thread does, if it may."""
        chunks, _ = self._strike_off(event.worker)
        self.counts.started -= 1
        for chunk in reversed(chunks):
            self._supply.leftovers.give_back(chunk.start, chunk.stop, marked=chunk.marked)
        if len(self._staff):
            self._supply.crew = replace(self._supply.crew, workers=min(self.workers, len(self._staff)))
        elif self._wishes.crowding is None:
            self._end(Raise(None, event.error))
        else:
            self._crowd.only_here = self._paused = True

    def _strike_off(self, worker: int) -> tuple[list[Chunk], bool]:
        """A worker is gone, and answers no more: give the chunks that were with it, and whether it was ever ready."""
        chunks, was_ready = self._staff.lose(worker)
        if self._door is not None:
            self._door.release(chunks, None)
        return chunks, was_ready

    def _judge(self, chunk: Chunk, event: WorkerLost) -> None:
        """Find the guilty item of a chunk whose worker was lost, and run the others again."""
        finding = self._failing.examine(chunk, event)
        for start, stop in reversed(finding.innocent):
            self._supply.leftovers.give_back(start, stop, marked=chunk.marked)
        for start, stop in reversed(finding.suspects):
            self._run_again(start, stop)
        if finding.culprit is not None:
            index, error = finding.culprit, error_of(event)
            verdict = self._failing.judge_death(index, error, chunk, self._circumstances(), guilty=event.guilty)
            self._follow(verdict, index, error, marked=True)

    def _run_again(self, start: int, stop: int) -> None:
        if start < stop:
            self._suspicious = True
            # A death that is heard of late: somebody has to change the crew before this one goes out.
            self._paused |= not self._supply.crew.isolates
            if self._supply.crew.here is not None:
                self._staff.bench_too(self._supply.crew.here)
            self._supply.leftovers.add_first(self._supply.chunk(start, stop, marked=True))

    # --- What to do now ---------------------------------------------------------------------------------------

    def _advance(self, *, waited: bool = False) -> list[Instruction]:
        if not (self._over or self._paused):
            if self._door is None or self._opens(self._door):
                self._start_workers()
                self._send_chunks()
            self._take_back(waited=waited)
            self._read_items()
            self._end_idle()
        if self._door is not None:
            self._door.end_step()
        out, self._out = self._out, []
        return out

    def _opens(self, door: Doorkeeper) -> bool:
        """Bring to the gate what may go through it, and say whether it may now: only when the time was just told."""
        if not door.told:
            return False
        if not self.away:
            for index, error in self._supply.fill_gate(door.gate, self.workers - self._staff.busy):
                self._give_up(index, TaskError(error), 1)
        return not self._over

    def _start_workers(self) -> None:
        """Never more workers than unfinished items."""
        if len(self._staff) >= self._supply.crew.workers:
            return
        useful = self._supply.takeable() + self._staff.chunks
        wanted = min(self._supply.crew.workers, max(self._hired_ahead, useful))
        while len(self._staff) < wanted:
            self.counts.started += 1
            self._out.append(Start(self._staff.hire(at_once=self._supply.crew.at_once)))
            # Where it can be given something at once, it need not wait for a hundred others to be started.
            self._send_chunks()

    def _send_chunks(self) -> None:
        if self._breaker.holds:
            self._try_one()
            return
        if not self.has_waiting:
            return
        most = self._supply.crew.workers
        here = self._supply.crew.here
        while self._staff.any_idle and self._staff.busy < most:
            worker = self._staff.next_idle()
            if (chunk := self._supply.take(brief=worker == here)) is None:
                return
            self._send(worker, chunk)
        if self._supply.crew.depth > 1 and self._supply.is_worth_sending_ahead():
            for worker in self._staff.hungry(self._supply.crew.depth, here):
                if (chunk := self._supply.take()) is None:
                    return
                self._send(worker, chunk)

    def _try_one(self) -> None:
        """The service fails: send nothing, but for one item when it has rested."""
        breaker = self._breaker
        if breaker.trial is not None and all(each.id != breaker.trial for each in self._staff.in_flight()):
            breaker.lost(breaker.trial)
        if not (breaker.may_try and self.has_waiting and self._staff.any_idle):
            return
        worker = self._staff.next_idle()
        chunk = self._supply.take_one(brief=worker == self._supply.crew.here)
        if chunk is not None:
            breaker.tries(chunk.id)
            self._send(worker, chunk)

    def _take_back(self, *, waited: bool) -> None:
        """Let a worker with nothing to do have half of what the one with the most items has not begun.

        One is asked at a time. Where it does not answer (on another machine, which hangs), another is, after a wait.
        """
        if (self._staff.is_any_asked and not waited) or not self.could_take_back:
            return
        worker, count = self._staff.richest(self._supply.crew.here)
        # A start takes a millisecond or two: who is not ready is robbed after a wait only; in the end of all.
        worth_it = count * (self._supply.item_s or 0.0) >= WORTH_TAKING_BACK_S
        if waited or (worth_it and not self._staff.is_starting(worker)):
            self._staff.ask(worker)
            self._out.append(TakeBack(worker))

    def _end_idle(self) -> None:
        """To end a hundred threads takes as long as to start them: they need not all wait for the last item.

        Not where one that fails will be tried again, by somebody who is there.
        """
        if (
            self._supply.crew.ends_idle
            and not self._wishes.retry.retries
            and self._supply.exhausted
            and not self._later
            and self._staff.any_idle
        ):
            self._out += map(End, self._staff.let_go())

    def _send(self, worker: int, chunk: Chunk) -> None:
        self._staff.give(worker, chunk)
        self._crowd.sent(chunk)
        self.counts.chunks += 1
        self._out.append(Send(worker, chunk))

    def _read_items(self) -> None:
        if self._supply.ended:
            return
        hungry = self._staff.any_idle or not len(self._staff)
        if count := self._supply.wanted(self._staff.room(self._supply.crew.depth), hungry=hungry):
            self._out.append(Read(count))

    # --- Handing over -----------------------------------------------------------------------------------------

    def _end_if_hopeless(self) -> None:
        """Too many have failed; asked only when all that has come is taken in, so that none of it is lost."""
        most = self._wishes.max_failures
        if most is not None and self._given_up > most:
            self._end(Raise(None, TooManyFailuresError(f"{self._given_up} items failed")))

    def _finish(self, batch: Batch) -> None:
        if self._over or not batch.values:
            return
        if self._wishes.keeps:
            self._out.append(Keep(batch))
        self._hand_on(batch)

    def _hand_on(self, batch: Batch) -> None:
        self.counts.done += len(batch.values)
        if self._door is not None:
            self._door.gate.finished(batch.start, len(batch.values))
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
        moving = self._moving() + (self._door.gate.spans() if self._door is not None else [])
        problems = [
            *_overlaps(moving + self._handover.ranges()),
            *self._lost_items(sum(stop - start for start, stop in moving)),
            *self._stuck(),
            *self._staff.problems(),
            *(self._door.problems(self._staff.in_flight()) if self._door is not None else ()),
        ]
        if problems:
            raise InternalError("; ".join(problems))

    def _moving(self) -> list[tuple[int, int]]:
        """List the items that were sent once and are not done."""
        in_flight = [(each.start, each.stop) for each in self._staff.in_flight() if len(each)]
        return in_flight + self._supply.leftovers.spans() + self._later.spans()

    def _stuck(self) -> Iterator[str]:
        stale = self._door is not None and self._door.stale
        moving = self._staff.busy or self._staff.starting or stale or self._breaker.state == "resting"
        if not (self.finished or self._paused or moving) and self._supply.takeable():
            yield f"{self._supply.takeable()} items could be sent and nobody runs anything"

    def _lost_items(self, inside: int) -> Iterator[str]:
        # After an error that ends the run, the items behind it in its chunk are let go.
        if self._over or self._handover.doomed_at is not None:
            return
        if self.counts.done + inside != self._supply.sent:
            yield f"{self._supply.sent} items were sent or known, {self.counts.done} are done and {inside} under way"


def _keeper_of(gate: Gate, wishes: Wishes) -> Doorkeeper:
    from poolwise.run.doorkeeper import Doorkeeper  # noqa: PLC0415 - few runs have a gate

    return Doorkeeper(gate, wishes.refusal)


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
