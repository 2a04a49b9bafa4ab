"""The one loop, in virtual time: what it does with a backend, an input, a consumer and a progress function."""

from __future__ import annotations

import itertools
import logging
import math
import os
import threading
from collections.abc import Sequence

import pytest

from poolwise.backends.company import Company
from poolwise.backends.loop import LoopBackend
from poolwise.errors import InitializerError, PoolwiseError, WorkerStartError
from poolwise.model.classes import replace
from poolwise.model.events import Batch, Send, Start, WorkerLost
from poolwise.model.progress import Progress
from poolwise.run.adapt import Sizing
from poolwise.run.driver import Driver
from poolwise.run.scheduler import Scheduler
from poolwise.run.supply import AHEAD_PER_WORKER
from poolwise.run.telling import EVERY_S
from poolwise.run.terms import Wishes
from poolwise.testing import FakeBackend, FakeClock, Script
from poolwise.work.call import make_call
from poolwise.work.chunk import ChunkRules
from poolwise.work.items import Stream, make_items
from poolwise.work.job import Job
from tests.unit.run.play import crew


class Stage:
    """A driver with all that it needs."""

    def __init__(self, items, *, function=abs, script=None, watch=None, initializer=None, **wishes) -> None:
        self.clock = FakeClock()
        self.items = items if isinstance(items, Stream) else make_items((items,))
        rules = ChunkRules(stop_at_error=wishes.get("errors", "raise") == "raise")
        call = make_call(function, spread=False)
        self.job = Job(call=call, items=self.items, rules=rules, initializer=initializer)
        self.script = script
        scheduler = Scheduler(Wishes(**wishes), self.items.total, self.items.known)
        self.driver = Driver(scheduler, self.items, watch=watch, clock=self.clock.now)
        self.backend = self.fresh()

    def fresh(self) -> FakeBackend:
        self.backend = FakeBackend(self.job, self.script, clock=self.clock)
        return self.backend

    def run(self, staff=None, until=None):
        return self.driver.run(self.backend, staff if staff is not None else crew(2), until)

    def values(self, staff=None) -> list:
        return [value for batch in self.run(staff) for value in batch.values]


def test_it_runs_to_the_end_and_closes():
    """All results come out, and the backend is closed in peace."""
    stage = Stage([-3, -2, -1])
    assert stage.values() == [3, 2, 1]
    assert (stage.backend.closed, stage.backend.aborted) == (True, False)
    assert stage.driver.ending is None


def test_virtual_time_is_what_workers_take():
    """Ten items of a minute on two workers take five minutes, and no time at all."""
    stage = Stage(range(10), script=Script(start_s=1.0, item_s=60.0))
    assert stage.values() == list(range(10))
    assert stage.clock.now() == 301.0


def test_an_error_is_left_for_the_caller():
    """An item's error ends the loop, which aborts the backend and raises nothing itself."""
    stage = Stage([1, None, 3])
    assert stage.values() == [1]
    assert stage.backend.aborted
    assert (stage.driver.ending.failed.index, type(stage.driver.ending.error)) == (1, TypeError)


def test_an_error_of_the_run_is_left_for_the_caller():
    """An error that is no item's stands alone."""

    def initialize() -> None:
        raise LookupError("bad")

    stage = Stage([1, 2], initializer=initialize)
    assert stage.values() == []
    assert (stage.driver.ending.failed, type(stage.driver.ending.error)) == (None, InitializerError)


def test_a_consumer_that_leaves_aborts_the_backend():
    """Closing the generator ends the workers at once."""
    stage = Stage(range(100))
    batches = stage.run()
    next(batches)
    batches.close()
    assert stage.backend.aborted


def test_a_slow_consumer_keeps_no_worker_waiting():
    """While the consumer is busy with a result, the workers go on with the next items."""
    stage = Stage(range(40), script=Script(start_s=0.0, item_s=1.0), stream=True)
    for batch in stage.run():
        stage.clock.advance(0.5 * len(batch.values))
    assert stage.clock.now() == 21.0


def test_an_idle_consumer_stops_the_workers():
    """While the consumer is away for long, the workers do a few items and then wait for it."""
    stage = Stage(range(1000), script=Script(item_s=1.0), stream=True)
    batches = stage.run()
    next(batches)
    stage.clock.advance(3600.0)
    sent = [moment.what.chunk for moment in stage.backend.story if isinstance(moment.what, Send)]
    assert sum(len(chunk) for chunk in sent) <= 2 * AHEAD_PER_WORKER
    batches.close()


def test_an_interrupt_aborts_the_backend():
    """Ctrl-C goes through, and the workers are ended."""

    def interrupt(item):
        raise KeyboardInterrupt

    stage = Stage([1, 2], function=interrupt)
    with pytest.raises(KeyboardInterrupt):
        stage.values()
    assert stage.backend.aborted


def test_a_cancelled_run_ends():
    """After ``cancel`` nothing more comes, and the backend is aborted."""
    stage = Stage(range(100))
    seen = []
    for batch in stage.run(crew(1)):
        seen += batch.values
        stage.driver.cancel()
    assert seen == [0]
    assert stage.backend.aborted


def test_it_changes_the_backend_between_chunks():
    """When ``until`` says so, nothing more is sent; another backend goes on with the rest."""
    stage = Stage(range(6))
    counts = stage.driver.scheduler.counts
    first = [value for batch in stage.run(crew(1), until=lambda: counts.done >= 2) for value in batch.values]
    assert (first, stage.backend.closed, stage.backend.aborted) == ([0, 1, 2], True, False)
    stage.fresh()
    assert stage.values() == [3, 4, 5]


def test_it_peeks_between_backends():
    """To learn how many items there are, it reads ahead of what it runs."""
    stage = Stage(iter(range(5)))
    stage.driver.peek(100, 1.0)
    assert stage.driver.scheduler.left == 5
    assert stage.values() == [0, 1, 2, 3, 4]


def test_items_are_let_go_when_they_are_done():
    """An iterator's items are held only as long as somebody may ask for them."""
    stage = Stage(iter(range(5000)), stream=True)
    held = [len(stage.items._held) for _ in stage.run(crew(2, chunksize=16))]
    assert max(held) < 3000
    assert len(stage.items._held) == 0


def test_a_wake_up_for_nothing_is_no_reason_to_read():
    """A backend may wake without news; an iterator that waits for the last result is asked after it was given."""
    given = []

    def items():
        for item in range(5):
            assert len(given) == item
            yield item

    stage = Stage(items(), script=Script(item_s=0.005), stream=True)
    wait = stage.backend.wait
    naps = itertools.count()
    stage.backend.wait = lambda timeout_s: [] if next(naps) % 2 == 0 else wait(timeout_s)
    for batch in stage.run(crew(2)):
        given += batch.values
    assert given == [0, 1, 2, 3, 4]
    assert stage.driver.ending is None


class Spoon(Stream):
    """An iterator that is read a few items at a time, and is quick or slow whatever the clock says."""

    def __init__(self, count: int, holds: int, *, quick: bool) -> None:
        super().__init__(iter(range(count)))
        self._holds, self._is_quick = holds, quick

    def read(self, count: int, patience_s: float) -> None:
        got = self._take(min(count, self._holds))
        self.quick = self._is_quick
        if not got:
            self.total = self.known


# However it is read, so many times is waited for a run of some items: for each that is read and each that is done.
FEW_WAITS = 100


@pytest.mark.parametrize(("workers", "quick"), [(2, False), (2, True), (1, False), (1, True)])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("holds", [1, 3])
def test_who_may_not_read_yet_waits_for_news(workers, quick, stream, holds):
    """Where more is wanted and what was read goes first, the loop does not ask again and again without waiting."""
    stage = Stage(Spoon(12, holds, quick=quick), script=Script(start_s=1.0, item_s=1.0), stream=stream)
    wait, waits = stage.backend.wait, itertools.count()

    def counted(timeout_s):
        assert next(waits) < FEW_WAITS, f"in circles at {stage.clock.now():g} s: {stage.backend.story[-3:]}"
        return wait(timeout_s)

    stage.backend.wait = counted
    assert stage.values(crew(workers, chunksize=2)) == list(range(12))


def test_items_are_inherited_where_the_backend_has_them():
    """Where workers have the items already, none are sent."""
    stage = Stage([-1, -2], script=Script(inherits=True))
    assert stage.values() == [1, 2]


def test_workers_that_never_start_end_the_run():
    """Deaths at the start end the run after a while, with their error."""
    stage = Stage(range(3), script=Script(dies_at_start=range(1000)))
    assert stage.values() == []
    assert type(stage.driver.ending.error) is WorkerStartError


def test_a_death_is_followed_by_a_start():
    """The story holds what happened, in order, with its time."""
    stage = Stage(range(2), script=Script(start_s=1.0, item_s=10.0, dies={0: 1}))
    assert stage.values(crew(1)) == [0, 1]
    deaths = [(moment.at_s, moment.what.index) for moment in stage.backend.story if isinstance(moment.what, WorkerLost)]
    starts = [moment.at_s for moment in stage.backend.story if isinstance(moment.what, Start)]
    assert (deaths, starts) == ([(11.0, None)], [0.0, 11.0])
    assert stage.clock.now() == 32.0


# --- Progress ----------------------------------------------------------------------------------------------------


def test_progress_is_told_now_and_then_and_at_the_end():
    """The progress function hears of the run every so often, and once when it is finished."""
    told: list[Progress] = []
    stage = Stage(range(100), script=Script(item_s=EVERY_S / 3), watch=told.append)
    assert stage.values(crew(1)) == list(range(100))
    stage.driver.finish()
    assert 25 <= len(told) <= 35
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert (told[-1].done, told[-1].total, told[-1].finished, told[-1].workers) == (100, 100, True, 0)
    assert [each.finished for each in told[:-1]] == [False] * (len(told) - 1)
    assert told[0].workers == 1


def test_progress_is_told_before_the_next_long_item_begins():
    """What has ended is told at once, even where it is decided anew: while a loop runs an item, nobody tells."""
    told: list[tuple[float, int]] = []

    def function(item):
        # What is told while an item runs is all that a person knows until it ends.
        shown.append(told[-1][1] if told else 0)
        clock.advance(60.0)
        return item

    clock, shown, items = FakeClock(), [], make_items((range(4),))
    job = Job(call=make_call(function, spread=False), items=items, rules=ChunkRules())
    watch = lambda progress: told.append((clock.now(), progress.done))  # noqa: E731 - it needs no name of its own
    driver, backend = Driver(Scheduler(Wishes(), 4, 4), items, watch=watch, clock=clock.now), LoopBackend(job)
    one_by_one = Sizing(chunksize=1)
    first = driver.go_on(backend, replace(crew(1), sizing=one_by_one), lambda: clock.now() >= 60.0)
    assert [value for batch in first for value in batch.values] == [0]
    assert told == [(60.0, 1)]
    rest = driver.go_on(backend, replace(crew(1), sizing=one_by_one))
    assert [value for batch in rest for value in batch.values] == [1, 2, 3]
    assert (told, shown) == ([(60.0, 1), (120.0, 2), (180.0, 3), (240.0, 4)], [0, 1, 2, 3])


def test_a_progress_function_that_raises_is_switched_off(caplog: pytest.LogCaptureFixture):
    """It is logged, called no more, and harms nothing."""
    calls = []

    def watch(progress: Progress) -> None:
        calls.append(progress)
        raise RuntimeError("bad hook")

    stage = Stage(range(100), script=Script(item_s=1.0), watch=watch)
    with caplog.at_level(logging.ERROR, "poolwise"):
        assert stage.values() == list(range(100))
        stage.driver.finish()
    assert len(calls) == 1
    assert [record.message for record in caplog.records] == ["the progress function raised and was switched off"]


# --- While the calling thread runs an item -------------------------------------------------------------------


class Duet:
    """A run whose first worker is this thread, while another one may play the driver for its company."""

    def __init__(self, items, function, script=None, **wishes) -> None:
        self.clock = FakeClock()
        self.items = items if isinstance(items, Stream) else make_items((items,))
        self.job = Job(call=make_call(function, spread=False), items=self.items, rules=ChunkRules())
        self.driver = Driver(Scheduler(Wishes(**wishes), len(items), len(items)), self.items, clock=self.clock.now)
        self.others = FakeBackend(self.job, script, clock=self.clock)
        self.company = Company("loop", LoopBackend(self.job), lambda _: self.others, self.driver.lent)

    def assist(self, workers) -> None:
        """Play the driver once, from a thread of its own, and wait until that is over."""
        self.company.starts = "threads"
        staff = workers if callable(workers) else lambda _: workers
        thread = threading.Thread(target=self.driver.assist, args=(self.company, staff))
        thread.start()
        thread.join(10)
        assert not thread.is_alive()

    def values(self) -> list:
        return [value for batch in self.driver.go_on(self.company, crew(1)) for value in batch.values]


def test_another_thread_brings_company_while_an_item_runs():
    """Items are begun, and done, before the first one has ended; all is handed over in order by the calling thread."""
    found = {}

    def function(item):
        if item == 0:
            duet.assist(3)
            duet.clock.advance(0.001)
            duet.assist(3)
            duet.clock.advance(0.1)
            duet.assist(3)
            found["done"], found["busy"] = duet.driver.scheduler.counts.done, duet.driver.scheduler.busy_workers
        return item

    duet = Duet(range(6), function)
    assert duet.values() == list(range(6))
    assert found == {"done": 2, "busy": 3}
    assert duet.driver.scheduler.counts.started == 3
    duet.driver.scheduler.validate()


@pytest.mark.parametrize("minds_no_thread", [True, False])
def test_progress_is_told_while_an_item_runs_to_who_minds_no_thread(minds_no_thread):
    """Our own line moves while the calling thread runs a long item; a caller's function is called in its own thread."""
    told: list[tuple[int, bool]] = []

    class Watching:
        def __call__(self, progress: Progress) -> None:
            told.append((threading.get_ident(), progress.finished))

    if minds_no_thread:
        Watching.minds_no_thread = True
    items = make_items((range(2),))
    clock = FakeClock()
    driver = Driver(Scheduler(Wishes(), 2, 2), items, watch=Watching(), clock=clock.now)
    clock.advance(EVERY_S)

    def tell_from_elsewhere():
        thread = threading.Thread(target=driver.tell_meanwhile)
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
        return thread.ident

    tell_from_elsewhere()
    assert told == []
    with driver.lent():
        elsewhere = tell_from_elsewhere()
    driver.finish()
    assert told == [(elsewhere, False)] * minds_no_thread + [(threading.get_ident(), True)]


def test_who_has_not_been_lent_the_run_leaves_it_alone():
    """Between two items the calling thread is the driver, and nobody else."""
    asked = []
    duet = Duet(range(2), abs)
    duet.assist(asked.append)
    assert (asked, duet.others.story) == ([], [])
    with duet.driver.lent():
        duet.assist(lambda scheduler: asked.append(scheduler) or scheduler.workers)
    assert asked == [duet.driver.scheduler]


def test_who_looks_on_hears_how_it_stands_only_while_an_item_runs():
    """Once the calling thread is back it moves what waits about, and nobody else may count that."""
    duet = Duet(range(2), abs)
    assert duet.driver.glance() is None
    with duet.driver.lent():
        assert duet.driver.glance() == duet.driver.stands()
        # It has given back what it had taken.
        assert duet.driver.glance() == duet.driver.stands()
    assert duet.driver.glance() is None


def test_only_one_other_thread_plays_the_driver():
    """A second one that comes meanwhile goes away again."""
    asked = []
    duet = Duet(range(2), abs)

    def staff(scheduler):
        duet.assist(lambda scheduler: asked.append(1) or scheduler.workers)
        return scheduler.workers

    with duet.driver.lent():
        duet.assist(staff)
    assert asked == []


def test_the_calling_thread_waits_for_who_plays_the_driver():
    """An item that ends in the middle of it does not make two drivers."""
    duet = Duet(range(2), abs)
    at_it, go = threading.Event(), threading.Event()
    story = []

    def staff(scheduler):
        at_it.set()
        assert go.wait(10)
        story.append("staffed")
        return scheduler.workers

    thread = threading.Thread(target=duet.driver.assist, args=(duet.company, staff))
    with duet.driver.lent():
        thread.start()
        assert at_it.wait(10)
        threading.Timer(0.01, go.set).start()
    story.append("back")
    thread.join(10)
    assert story == ["staffed", "back"]


def test_an_error_in_company_ends_the_run_once_the_item_is_back():
    """The other thread notes it; nothing more is begun, and what the calling thread runs comes to its end."""
    calls = []

    def function(item):
        calls.append(item)
        if item == 1:
            raise LookupError(item)
        if item == 0:
            duet.assist(2)
            duet.clock.advance(0.001)
            duet.assist(2)
            duet.clock.advance(0.1)
            duet.assist(2)
            assert duet.driver.ending is not None
        return item

    duet = Duet(range(6), function)
    assert duet.values() == []
    assert (calls, duet.driver.ending.failed.index) == ([0, 1], 1)
    duet.driver.close(duet.company)
    assert duet.others.aborted


def test_in_a_forked_child_nobody_has_the_baton(monkeypatch):
    """A child that the function forks while another thread plays the driver goes on alone: it waits for nobody."""
    duet = Duet(range(2), abs)
    home = os.getpid()

    def leave():
        with duet.driver.lent():
            duet.driver._baton.acquire()
            monkeypatch.setattr(os, "getpid", lambda: home + 1)

    thread = threading.Thread(target=leave, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_more_workers_and_fewer():
    """What is finished by a change of their number is handed over with what follows."""
    stage = Stage(range(12), script=Script(start_s=0.0, item_s=1.0))
    staffed = iter([3, 1])

    def until():
        if (workers := next(staffed, None)) is not None:
            stage.driver.resize(workers)
        return False

    values = [value for batch in stage.run(crew(2), until) for value in batch.values]
    assert values == list(range(12))
    assert (stage.driver.scheduler.workers, stage.driver.scheduler.counts.started) == (1, 3)


# --- What is remembered beyond the run ---------------------------------------------------------------------------


class Memory:
    """A keeper in memory, which can be full."""

    def __init__(self, known: dict[int, int] | None = None, room: float = math.inf) -> None:
        self.known = known or {}
        self.room = room
        self.kept: dict[int, int] = {}
        self.safe: set[int] = set()
        self.due = False

    def find(self, start: int, items: Sequence[int]) -> list[Batch]:
        return [Batch(start + at, [self.known[item]]) for at, item in enumerate(items) if item in self.known]

    def keep(self, batch: Batch, items: Sequence[int]) -> None:
        if len(self.kept) + len(batch.values) > self.room:
            raise PoolwiseError("full")
        assert len(items) == len(batch.values)
        self.kept.update(zip(items, batch.values, strict=True))

    def sync(self) -> None:
        self.safe.update(self.kept)


def remembering(stage: Stage, memory: Memory, staff=None):
    """Run with a memory, from what it knows already on; give each value as it is handed over."""
    stage.driver.memory.keeper = memory
    yield from (value for batch in stage.driver.recall() for value in batch.values)
    if not stage.driver.scheduler.finished:
        yield from stage.values(staff)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("lazy", [False, True])
def test_what_is_known_is_not_run_again(stream, lazy):
    """Results of an earlier run come out in their places, and only the others are run and kept."""
    known = {item: 100 * item for item in range(30) if item % 3}
    called = []
    items = Stream(iter(range(30))) if lazy else range(30)
    stage = Stage(items, function=lambda item: called.append(item) or item, stream=stream, keeps=True)
    memory = Memory(known)
    assert list(remembering(stage, memory)) == [known.get(item, item) for item in range(30)]
    assert called == [item for item in range(30) if item not in known] == list(memory.kept)
    assert (stage.driver.scheduler.counts.done, stage.driver.scheduler.counts.recalled) == (30, 20)


def test_where_all_is_known_nothing_is_started():
    """A run of which everything is known ends before there is any backend."""
    stage = Stage(range(5), keeps=True)
    assert list(remembering(stage, Memory({item: item for item in range(5)}))) == [0, 1, 2, 3, 4]
    assert stage.backend.story == []


def test_who_takes_results_one_by_one_sees_none_that_is_not_safe():
    """Before a stream hands a result over, it is on disk; and not each of them waits for the disk by itself."""
    stage = Stage(range(200), stream=True, keeps=True)
    memory = Memory()
    syncs = []
    sync, memory.sync = memory.sync, lambda: (syncs.append(1), sync())
    for value in remembering(stage, memory):
        assert value in memory.safe
    assert 2 <= len(syncs) <= 30


def test_a_memory_that_is_full_ends_the_run_and_nobody_is_told_of_what_it_did_not_take():
    """The error of the keeper ends the run; what was kept before has been handed over, and nothing else."""
    stage = Stage(range(50), stream=True, keeps=True)
    memory = Memory(room=20)
    got = list(remembering(stage, memory))
    assert got == list(memory.kept)
    assert len(got) == 20
    assert (stage.driver.ending.failed, str(stage.driver.ending.error)) == (None, "full")
    assert stage.backend.aborted
