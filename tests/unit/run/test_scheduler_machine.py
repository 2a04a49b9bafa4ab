"""Random play against the scheduler: whatever happens, in whatever order, each item is handed over exactly once."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from poolwise.errors import TaskTimeoutError, TooManyFailuresError, WorkerDiedError
from poolwise.model.classes import replace
from poolwise.model.events import (
    NOTHING_BEGUN,
    Batch,
    Chunk,
    ChunkDone,
    Emit,
    End,
    Failed,
    Instruction,
    ItemsRead,
    Keep,
    Now,
    Outcome,
    Raise,
    Read,
    Rest,
    Resume,
    Send,
    Start,
    TakeBack,
    TakenBack,
    TaskError,
    Trouble,
    Waited,
    WorkerLost,
    WorkerReady,
    WorkerRefused,
    WorkerRetired,
)
from poolwise.model.retry import Retry
from poolwise.run.adapt import Sizing
from poolwise.run.scheduler import MOST_START_FAILURES, Scheduler
from poolwise.run.supply import AHEAD_PER_WORKER, MOST_AHEAD
from poolwise.run.terms import Crew, Wishes


class WrongThreadError(Exception):
    """Only the calling thread may do this."""


MOST_WORKERS = 4
# What an item may fail with: by itself, because of company, or because of the thread.
ERRORS = (ValueError, ConnectionRefusedError, WrongThreadError)


def crowding(error: BaseException) -> str | None:
    """Say as poolwise.work.crowding does in which way company has caused an error."""
    return {ConnectionRefusedError: "refused", WrongThreadError: "thread"}.get(type(error))


TOO_LONG_S = 1000.0
retries = st.builds(
    Retry,
    retries=st.integers(0, 2),
    on=st.sampled_from([Exception, OSError, (LookupError, OSError), lambda error: not isinstance(error, ValueError)]),
    wait=st.sampled_from([None, 0, 1.0, 20.0]),
    jitter=st.sampled_from([0.0, 0.5, 1.0]),
    retry_after_max=st.just(TOO_LONG_S / 2),
    rest_after=st.sampled_from([None, 1, 2, 4]),
    rest=st.sampled_from([1.0, 5.0]),
)
# What an error says of a service: nothing, that it fails, and when to come back.
troubles = st.sampled_from([None, Trouble(None, "HTTP 500"), Trouble(3.0, "HTTP 503"), Trouble(TOO_LONG_S, "HTTP 429")])

crews = st.builds(
    Crew,
    workers=st.integers(1, MOST_WORKERS),
    depth=st.integers(1, 2),
    marked=st.booleans(),
    gives_back=st.booleans(),
    at_once=st.booleans(),
    ends_idle=st.booleans(),
    sizing=st.builds(
        Sizing,
        chunksize=st.none() | st.integers(1, 6),
        item_s=st.none() | st.floats(1e-6, 1.0),
        finish_s=st.sampled_from([0.0, 0.01]),
        least=st.integers(1, 3),
        by_share=st.booleans(),
    ),
)
wishes = st.builds(
    Wishes,
    ordered=st.booleans(),
    errors=st.sampled_from(["raise", "collect", "skip"]),
    retry=retries,
    max_failures=st.none() | st.integers(0, 3),
    crash_retries=st.integers(0, 2),
    stream=st.booleans(),
    keeps=st.booleans(),
    crowding=st.sampled_from([None, crowding]),
)
walls = st.floats(0, 0.3)
# Every so many items fail, and every so many deaths are of an item: enough of both, and not only them.
RARE = 4


class World(RuleBasedStateMachine):
    """The workers, the caller's iterator and the consumer: all that is around a scheduler."""

    rare = RARE

    @initialize(
        wishes=wishes,
        crew=crews,
        items=st.integers(0, 40),
        lazy=st.booleans(),
        remembered=st.frozensets(st.integers(0, 39), max_size=20),
    )
    def begin(
        self,
        wishes: Wishes,
        crew: Crew,
        items: int,
        lazy: bool,  # noqa: FBT001 - hypothesis passes it
        remembered: frozenset[int],
    ) -> None:
        self.remembered = frozenset(each for each in remembered if each < items)
        self.kept: set[int] = set()
        self.furthest = 0
        self.wishes, self.supply = wishes, items
        self.known = 0 if lazy else items
        self.wanted = 0
        self.starting: set[int] = set()
        self.queues: dict[int, list[Chunk]] = {}
        self.given: dict[int, list[Chunk]] = {}
        self.asked_back: list[int] = []
        self.waited = False
        self.start_failures = 0
        self.emitted: list[int] = []
        self.untaken = 0
        self.failed: set[int] = set()
        self.raised: Raise | None = None
        self.suspects: set[int] = set()
        self.paused = False
        self.crew = crew
        self.benched: set[int] = set()
        self.excused = 0
        self.now_s = 0.0
        self.failures: dict[int, int] = {}
        self.not_before: dict[int, float] = {}
        self.rest_until_s: float | None = None
        self.trial: Chunk | None = None
        self.scheduler = Scheduler(wishes, None if lazy else items, self.known, rng=lambda: 1.0)
        if not lazy:
            self.follow(self.scheduler.handle(ItemsRead(items, ended=True, recalled=self.recall(0, items))))
        self.follow(self.scheduler.use(crew))

    # --- What may happen --------------------------------------------------------------------------------------

    @precondition(lambda self: not self.raised)
    @rule(seconds=st.sampled_from([0.0, 0.04, 0.1, 1.0, 3.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.tell_time(self.now_s + seconds)

    @precondition(lambda self: not self.raised and self.scheduler.next_at is not None)
    @rule(early_s=st.sampled_from([0.0, 0.01]))
    def something_is_due_or_nearly_so(self, early_s: float) -> None:
        self.tell_time(self.scheduler.next_at - early_s)

    @precondition(lambda self: self.starting and not self.raised)
    @rule(data=st.data())
    def a_worker_is_ready(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.starting)))
        self.starting.remove(worker)
        self.start_failures = 0
        self.queues[worker] = self.given.pop(worker)
        self.follow(self.scheduler.handle(WorkerReady(worker)))

    @precondition(lambda self: len(self.starting) + len(self.queues) > 1 and self.starting and not self.raised)
    @rule(data=st.data())
    def a_worker_cannot_be_had(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.starting)))
        self.starting.remove(worker)
        self.given.pop(worker)
        self.asked_back = [each for each in self.asked_back if each != worker]
        self.follow(self.scheduler.handle(WorkerRefused(worker, RuntimeError("can't start new thread"))))
        self.paused |= self.scheduler.paused

    @precondition(lambda self: self.busy() and not self.raised)
    @rule(data=st.data(), wall_s=walls)
    def a_chunk_is_done(self, data: st.DataObject, wall_s: float) -> None:
        worker = data.draw(st.sampled_from(self.busy()))
        chunk = self.queues[worker].pop(0)
        left = 0
        if self.crew.gives_back and len(chunk) > 1:
            left = data.draw(st.integers(0, len(chunk) - 1))
        more = left > 0 and data.draw(st.booleans())
        if more:
            # The worker says what is done so far, and goes on.
            self.queues[worker].insert(0, chunk.between(chunk.stop - left, chunk.stop))
        # Else it had claimed less than the parent thought, and leaves the rest.
        chunk = chunk.between(chunk.start, chunk.stop - left)
        fails = [data.draw(st.integers(0, self.rare)) == self.rare for _ in range(len(chunk))]
        values = [None if bad else chunk.start + offset for offset, bad in enumerate(fails)]
        errors = {
            offset: TaskError(data.draw(st.sampled_from(ERRORS))(chunk.start + offset), "", data.draw(troubles))
            for offset, bad in enumerate(fails)
            if bad
        }
        if errors and self.wishes.errors == "raise" and self.wishes.retry.retries == 0:
            # As work.chunk does it: the first error ends the chunk, and the values before it may be of no use, or those
            # of its last blocks. Where several run at a time, others have failed beside it.
            first = min(errors)
            errors = errors if data.draw(st.booleans()) else {first: errors[first]}
            values = values[: first + 1 if self.wishes.stream else data.draw(st.integers(0, first + 1))]
            if more:
                self.queues[worker].pop(0)
                more = False
        failed = self.scheduler.counts.crowded
        outcome = Outcome(values, errors, wall_s)
        for offset, error in errors.items():
            # Of those behind the first error, where that ends all, nothing is told.
            if offset < outcome.told:
                self.has_failed(chunk.start + offset, error)
        self.follow(self.scheduler.handle(ChunkDone(worker, chunk.id, outcome, more, left > 0 and not more)))
        self.excused += self.scheduler.counts.crowded - failed
        assert self.wishes.crowding is not None or not self.excused
        self.paused |= self.scheduler.paused

    @precondition(lambda self: self.asked_back and not self.raised)
    @rule(data=st.data())
    def items_are_taken_back(self, data: st.DataObject) -> None:
        self.give_back(data.draw(st.sampled_from(self.asked_back)), data.draw(st.integers(0, 20)))

    @precondition(lambda self: not self.raised)
    @rule()
    def nothing_happens_for_a_while(self) -> None:
        self.waited = True
        self.follow(self.scheduler.handle(Waited()))
        self.waited = False

    @precondition(lambda self: self.busy() and not self.raised)
    @rule(data=st.data(), late=st.booleans())
    def a_worker_dies_at_work(self, data: st.DataObject, late: bool) -> None:  # noqa: FBT001 - hypothesis passes it
        worker = data.draw(st.sampled_from(self.busy()))
        chunk = self.queues.pop(worker)[0]
        self.asked_back = [each for each in self.asked_back if each != worker]
        if not len(chunk):
            self.follow(self.scheduler.handle(WorkerLost(worker, WorkerDiedError("died"))))
            return
        index = data.draw(st.integers(chunk.start, chunk.stop - 1)) if chunk.marked else None
        if late and index is not None:
            event = WorkerLost(worker, TaskTimeoutError("late"), index, guilty=True)
            self.has_failed(index, TaskError(event.error, trouble=Trouble()))
        else:
            begin = data.draw(st.integers(chunk.start, chunk.stop - 1))
            span = data.draw(st.sampled_from([None, (begin, data.draw(st.integers(begin + 1, chunk.stop)))]))
            event = WorkerLost(worker, WorkerDiedError("died"), data.draw(st.sampled_from([index, None])), span)
        self.follow(self.scheduler.handle(event))

    @precondition(lambda self: self.busy() and not self.raised)
    @rule(data=st.data())
    def a_worker_dies_before_it_begins(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(self.busy()))
        del self.queues[worker]
        self.asked_back = [each for each in self.asked_back if each != worker]
        self.follow(self.scheduler.handle(WorkerLost(worker, WorkerDiedError("died"), NOTHING_BEGUN)))

    @precondition(lambda self: self.queues and not self.raised)
    @rule(data=st.data())
    def a_worker_retires(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.queues)))
        del self.queues[worker]
        self.asked_back = [each for each in self.asked_back if each != worker]
        failed = self.scheduler.counts.failed
        self.follow(self.scheduler.handle(WorkerRetired(worker)))
        assert self.scheduler.counts.failed == failed

    @precondition(lambda self: self.idle() and not self.raised)
    @rule(data=st.data())
    def an_idle_worker_dies(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(self.idle()))
        del self.queues[worker]
        self.asked_back = [each for each in self.asked_back if each != worker]
        self.follow(self.scheduler.handle(WorkerLost(worker, WorkerDiedError("died"))))

    @precondition(lambda self: self.starting and not self.raised and self.start_failures < MOST_START_FAILURES - 1)
    @rule(data=st.data())
    def a_worker_dies_at_its_start(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.starting)))
        self.starting.remove(worker)
        del self.given[worker]
        self.asked_back = [each for each in self.asked_back if each != worker]
        self.start_failures += 1
        self.follow(self.scheduler.handle(WorkerLost(worker, WorkerDiedError("died"))))

    @precondition(lambda self: self.wanted and not self.raised)
    @rule(data=st.data())
    def items_are_read(self, data: st.DataObject) -> None:
        self.read(data.draw(st.integers(0, self.wanted)))

    @precondition(lambda self: self.untaken and not self.raised)
    @rule(data=st.data())
    def the_consumer_comes_back(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, self.untaken))
        self.untaken -= count
        self.follow(self.scheduler.taken(count))

    @precondition(lambda self: not self.raised and not self.scheduler.finished)
    @rule()
    def the_backend_is_to_change(self) -> None:
        self.paused = True
        self.scheduler.pause()

    @precondition(lambda self: not self.raised and self.paused and self.scheduler.drained)
    @rule(crew=crews)
    def the_backend_changes(self, crew: Crew) -> None:
        self.change(crew)

    @precondition(lambda self: not self.raised and not self.scheduler.finished)
    @rule(crew=crews, data=st.data())
    def the_crew_changes_while_all_goes_on(self, crew: Crew, data: st.DataObject) -> None:
        there = sorted({*self.queues, *self.given})
        without = data.draw(st.sets(st.sampled_from(there))) if there else set()
        able = [worker for worker in without if sum(map(len, self.queue(worker))) > 1]
        recall = data.draw(st.sets(st.sampled_from(able))) if able and not self.asked_back else set()
        self.paused = False
        self.start_failures = 0
        # At whom it was asked before, the answer still comes.
        self.crew = replace(crew, gives_back=crew.gives_back or self.crew.gives_back, at_once=True)
        self.benched = set(without)
        instructions = self.scheduler.go_on(replace(self.crew, here=None), without=without, recall=recall)
        recalls = [each for each in instructions if isinstance(each, TakeBack) and each.whole]
        assert {each.worker for each in recalls} == recall
        for each in recalls:
            instructions.remove(each)
        self.follow(instructions)
        for each in recalls:
            self.answer(each.worker, data.draw(st.integers(0, 3)))

    @precondition(lambda self: not self.raised and not self.paused)
    @rule(workers=st.integers(1, MOST_WORKERS))
    def there_are_to_be_more_workers_or_fewer(self, workers: int) -> None:
        self.follow(self.scheduler.resize(workers))
        assert self.scheduler.workers == workers

    @precondition(lambda self: self.raised or self.scheduler.finished)
    @rule()
    def nothing_more(self) -> None:
        """The run is over; hypothesis wants something to choose."""

    # --- What must hold ---------------------------------------------------------------------------------------

    @invariant()
    def the_state_is_valid(self) -> None:
        self.scheduler.validate()

    @invariant()
    def nothing_is_emitted_twice(self) -> None:
        assert len(set(self.emitted)) == len(self.emitted)

    @invariant()
    def order_is_kept(self) -> None:
        assert not self.wishes.ordered or self.emitted == list(range(len(self.emitted)))

    @invariant()
    def a_stream_runs_a_little_ahead_only(self) -> None:
        taken = len(self.emitted) - self.untaken
        if self.wishes.stream:
            assert self.furthest <= taken + max(AHEAD_PER_WORKER * MOST_WORKERS, min(taken, MOST_AHEAD))

    @invariant()
    def the_numbers_agree(self) -> None:
        assert self.scheduler.busy_workers == len(self.busy()) + sum(map(bool, self.given.values()))
        assert self.scheduler.finished or self.scheduler.lowest_needed() <= self.known
        if self.wishes.errors != "raise":
            assert self.scheduler.counts.done >= len(self.emitted)

    @invariant()
    def nobody_waits_for_an_answer_that_does_not_come(self) -> None:
        """Who is asked for what it has not begun is known until the answer comes, or nobody is there to give it."""
        assert self.raised or self.scheduler._staff._asked_back == set(self.asked_back)

    def teardown(self) -> None:
        """Let everything go well from here on: the run comes to its end."""
        for _ in range(10_000):
            if self.scheduler.finished:
                break
            self.go_on()
        assert self.scheduler.finished
        self.scheduler.validate()
        if self.raised is None:
            assert sorted(self.emitted) == list(range(self.supply))
            assert self.scheduler.counts.failed == len(self.failed)
            assert self.scheduler.counts.done == self.supply
            assert self.scheduler.counts.recalled == len(self.remembered)
        elif self.wishes.stream and self.wishes.ordered and self.raised.failed is not None:
            assert self.emitted == list(range(self.raised.failed.index))

    # --- How the world goes on --------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Do the next good thing."""
        if self.untaken:
            count, self.untaken = self.untaken, 0
            self.follow(self.scheduler.taken(count))
        elif self.asked_back:
            self.give_back(self.asked_back[0], 1)
        elif self.busy():
            worker = self.busy()[0]
            chunk = self.queues[worker].pop(0)
            values = list(range(chunk.start, chunk.stop))
            self.follow(self.scheduler.handle(ChunkDone(worker, chunk.id, Outcome(values, {}, 0.001))))
        elif self.paused and self.scheduler.drained:
            self.change(Crew(workers=2))
        elif self.scheduler.next_at is not None and not self.starting:
            self.tell_time(self.scheduler.next_at)
        elif any(self.given.values()):
            worker = next(worker for worker, queue in self.given.items() if queue)
            self.starting.discard(worker)
            self.queues[worker] = self.given.pop(worker)
            self.follow(self.scheduler.handle(WorkerReady(worker)))
        elif self.starting:
            worker = self.starting.pop()
            self.queues[worker] = self.given.pop(worker)
            self.follow(self.scheduler.handle(WorkerReady(worker)))
        else:
            assert self.wanted, "nothing can happen any more, and the run is not finished"
            self.read(self.wanted)

    def tell_time(self, now_s: float) -> None:
        """Let it be so late."""
        assert self.scheduler.minds_time or self.scheduler.next_at is None
        self.now_s = max(self.now_s, now_s)
        self.follow(self.scheduler.handle(Now(self.now_s)))
        assert self.scheduler.next_at is None or self.scheduler.next_at > self.now_s

    def has_failed(self, index: int, error: TaskError) -> None:
        """An item has failed: note how often, and when it may go out again at the soonest; never, if so."""
        if self.wishes.crowding is not None and crowding(error.error):
            # Company may be to blame; then it is no failure, and no matter of the policy.
            self.not_before[index] = self.now_s
            return
        self.failures[index] = count = self.failures.get(index, 0) + 1
        retry, asked_s = self.wishes.retry, error.trouble.retry_after_s if error.trouble else None
        wait_s = max(retry.wait_s(count + 1, 1.0, helps=error.trouble is not None), asked_s or 0.0)
        refused = count > retry.retries or not retry.takes(error.error) or (asked_s or 0.0) > retry.retry_after_max
        self.not_before[index] = float("inf") if refused else self.now_s + wait_s

    def change(self, crew: Crew) -> None:
        """Put another crew in the place of this one."""
        self.paused = False
        self.start_failures = 0
        self.starting.clear()
        self.given.clear()
        self.queues.clear()
        self.benched.clear()
        self.crew = crew
        self.asked_back = []
        self.follow(self.scheduler.use(crew))

    def give_back(self, worker: int, keeps: int) -> None:
        """Take back all but so many of a worker's items, as the engine tells it."""
        self.asked_back.remove(worker)
        self.answer(worker, keeps)

    def queue(self, worker: int) -> list[Chunk]:
        """Give what is with a worker, ready or not."""
        return self.queues.get(worker, self.given.get(worker, []))

    def answer(self, worker: int, keeps: int) -> None:
        """Tell what came back from a worker that keeps so many of its items; one in work it keeps in any case."""
        kept, queue = [], self.queue(worker)
        keeps = max(keeps, 1)
        for place, chunk in enumerate(queue):
            stop = min(chunk.stop, chunk.start + keeps)
            keeps -= stop - chunk.start
            if stop < chunk.stop:
                kept.append((chunk.id, stop))
                queue[place] = chunk.between(chunk.start, stop)
        self.follow(self.scheduler.handle(TakenBack(worker, tuple(kept))))

    def read(self, count: int) -> None:
        """Read from the caller's iterator, as far as it goes."""
        ended = count > self.supply - self.known
        before, self.known = self.known, min(self.supply, self.known + count)
        self.wanted = 0
        self.follow(self.scheduler.handle(ItemsRead(self.known, ended, self.recall(before, self.known))))
        if not ended and count == 0:
            # The driver reads again as long as something is wanted.
            self.wanted = max(self.wanted, 1)

    def recall(self, start: int, stop: int) -> list[Batch]:
        """Give what an earlier run has told of these items; every third of them had failed."""
        found = sorted(each for each in self.remembered if start <= each < stop)
        return [
            Batch(each, [None], {0: Failed(each, TaskError(ValueError(each)), 1)})
            if each % 3 == 0
            else Batch(each, [each])
            for each in found
        ]

    def busy(self) -> list[int]:
        """Name the workers that have chunks."""
        return sorted(worker for worker, queue in self.queues.items() if queue)

    def idle(self) -> list[int]:
        """Name the ready workers that have none."""
        return sorted(worker for worker, queue in self.queues.items() if not queue)

    def follow(self, instructions: list[Instruction]) -> None:  # noqa: C901 - a table: a case for each of them
        """Carry out what the scheduler says, as the driver does."""
        for instruction in instructions:
            assert self.raised is None, f"{instruction} after the end"
            match instruction:
                case Start(worker):
                    assert worker not in self.queues
                    self.starting.add(worker)
                    self.given[worker] = []
                case Send(worker, chunk):
                    self.send(worker, chunk)
                case TakeBack(worker):
                    assert self.crew.gives_back
                    assert self.waited or not self.asked_back, "one at a time, unless it does not answer"
                    assert worker not in self.asked_back
                    self.asked_back.append(worker)
                case End(worker):
                    assert self.crew.ends_idle
                    assert self.known == self.supply, "more may come"
                    assert not self.queues.pop(worker), "it has something to do"
                case Read(count):
                    self.wanted = count
                case Keep(batch):
                    assert self.wishes.keeps
                    numbers = range(batch.start, batch.start + len(batch.values))
                    assert not (self.kept | self.remembered).intersection(numbers), "it is kept twice"
                    self.kept.update(numbers)
                case Emit(batch):
                    self.consume(batch)
                case Rest():
                    assert self.wishes.retry.rest_after is not None
                    assert self.wishes.retry.retries
                    assert instruction.failures >= self.wishes.retry.rest_after
                    self.rest_until_s, self.trial = self.now_s + instruction.seconds, None
                case Resume():
                    assert self.rest_until_s is not None
                    self.rest_until_s = None
                case Raise():
                    if isinstance(instruction.error, TooManyFailuresError):
                        assert self.scheduler.counts.failed > self.wishes.max_failures
                    assert instruction.failed is None or self.wishes.errors == "raise"
                    self.raised = instruction

    def send(self, worker: int, chunk: Chunk) -> None:
        """Give a worker a chunk."""
        self.furthest = max(self.furthest, chunk.stop)
        assert chunk.stop <= self.known
        assert not self.remembered.intersection(range(chunk.start, chunk.stop)), "it is known already"
        assert worker not in self.benched, "one of those without whom it was to go on"
        # Under suspicion once, and until it comes back.
        assert chunk.marked or not self.suspects.intersection(range(chunk.start, chunk.stop))
        self.suspects.update(range(chunk.start, chunk.stop) if chunk.marked else ())
        assert worker in self.queues or self.crew.at_once
        for index in range(chunk.start, chunk.stop):
            assert self.now_s >= self.not_before.get(index, 0.0), "it is not its time"
        if self.rest_until_s is not None:
            assert self.now_s >= self.rest_until_s, "the service was to have a rest"
            assert len(chunk) == 1
            under_way = [each.id for queue in (*self.queues.values(), *self.given.values()) for each in queue]
            assert self.trial is None or self.trial.id not in under_way, "there is a trial already"
            self.trial = chunk
        (self.queues if worker in self.queues else self.given)[worker].append(chunk)

    def consume(self, batch: Batch) -> None:
        """Consume some results."""
        self.untaken += len(batch.values)
        for offset, value in enumerate(batch.values):
            self.take(batch.start + offset, batch.failures.get(offset), value)

    def take(self, index: int, failed: Failed | None, value: object) -> None:
        """Consume one result."""
        if failed is None:
            assert value == index
        else:
            assert (failed.index, value) == (index, None)
            self.failed.add(index)
        if self.wishes.keeps:
            assert index in self.kept | self.remembered, "somebody is told of it before it is kept"
        self.emitted.append(index)


TestWorld = World.TestCase
TestWorld.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # drawing every item's fate takes time on a busy machine
)


class Failing(World):
    """Where half of all items fail and are tried again by the clock, and little else happens."""

    rare = 1
    # What is played often enough in the other world.
    nothing_happens_for_a_while = an_idle_worker_dies = a_worker_dies_at_its_start = None
    a_worker_cannot_be_had = a_worker_retires = there_are_to_be_more_workers_or_fewer = None
    the_crew_changes_while_all_goes_on = a_worker_dies_before_it_begins = None

    @initialize(retry=retries, stream=st.booleans(), ordered=st.booleans(), workers=st.integers(1, 3))
    def begin(self, retry: Retry, stream: bool, ordered: bool, workers: int) -> None:  # noqa: FBT001 - see above
        wishes = Wishes(
            retry=replace(retry, retries=retry.retries + 1), errors="collect", stream=stream, ordered=ordered
        )
        crew = Crew(workers=workers, sizing=Sizing(chunksize=2))
        super().begin(wishes, crew, 12, False, frozenset())  # noqa: FBT003 - as hypothesis calls it
        for worker in sorted(self.starting):
            self.starting.remove(worker)
            self.queues[worker] = self.given.pop(worker)
            self.follow(self.scheduler.handle(WorkerReady(worker)))


TestFailing = Failing.TestCase
TestFailing.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
