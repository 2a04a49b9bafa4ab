"""The fakes: a clock that jumps, and workers that live and die by a script."""

from __future__ import annotations

import dataclasses
import math

import pytest

from poolwise.errors import TaskTimeoutError, WorkerDiedError, WorkerStartError
from poolwise.model.events import Chunk, ChunkDone, Send, Start, TakenBack, WorkerLost, WorkerReady
from poolwise.testing import ALWAYS, FakeBackend, FakeClock, Moment, Script
from poolwise.work.call import make_call
from poolwise.work.chunk import ChunkRules
from poolwise.work.items import make_items
from poolwise.work.job import Job

RULES = ChunkRules(stop_at_error=False)


def fake(items=range(10), function=abs, *, timeout_s=None, **script) -> FakeBackend:
    """Make a fake backend with a script."""
    rules = dataclasses.replace(RULES, timeout_s=timeout_s)
    job = Job(call=make_call(function, spread=False), items=make_items((items,)), rules=rules)
    return FakeBackend(job, Script(**script))


def ready(backend: FakeBackend, worker: int = 0) -> FakeBackend:
    """Start a worker and wait for it."""
    backend.start(worker)
    assert backend.wait(None) == [WorkerReady(worker)]
    return backend


# --- The clock ---------------------------------------------------------------------------------------------------


def test_a_clock_stands_still():
    """Time goes on when it is told to, and only then."""
    clock = FakeClock(5.0)
    assert [clock.now(), clock.now()] == [5.0, 5.0]
    clock.advance(2.5)
    assert clock.now() == 7.5


def test_a_clock_jumps_from_alarm_to_alarm():
    """Alarms act in the order of their times, and of their setting where these are equal."""
    clock, story = FakeClock(), []
    for name, delay_s in [("c", 3.0), ("a", 1.0), ("b", 1.0)]:
        clock.call_in(delay_s, lambda name=name: story.append((clock.now(), name)))
    assert clock.next_at() == 1.0
    assert [clock.jump() for _ in range(4)] == [True, True, True, False]
    assert story == [(1.0, "a"), (1.0, "b"), (3.0, "c")]


def test_a_clock_passes_alarms_on_its_way():
    """Going on by some time lets the alarms act at their own times; cancelled ones do not."""
    clock, story = FakeClock(), []
    clock.call_in(1.0, lambda: story.append(clock.now()))
    clock.call_in(1.5, lambda: story.append(clock.now())).cancelled = True
    clock.call_in(9.0, lambda: story.append(clock.now()))
    clock.advance(2.0)
    assert (story, clock.now(), clock.next_at()) == ([1.0], 2.0, 9.0)


# --- The backend -------------------------------------------------------------------------------------------------


def test_a_chunk_runs_for_real_in_virtual_time():
    """The function's values come after the scripted time, and the outcome says that it took so long."""
    backend = ready(fake(range(-5, 5), start_s=1.0, item_s=float))
    backend.send(0, Chunk(7, 1, 4), range(-4, -1))
    (done,) = backend.wait(None)
    assert (done.worker, done.chunk, list(done.outcome.values)) == (0, 7, [4, 3, 2])
    assert (done.outcome.wall_s, backend.clock.now()) == (6.0, 7.0)


def test_events_come_in_the_order_of_their_times():
    """Whoever is done first is told first, whatever was sent first; what is due together is told together."""
    backend = ready(ready(fake(item_s={0: 5.0, 1: 2.0, 2: 3.0}, start_s=0.0)), 1)
    backend.send(0, Chunk(1, 0, 1), [0])
    backend.send(1, Chunk(2, 1, 2), [1])
    backend.send(1, Chunk(3, 2, 3), [2])
    assert [[each.chunk for each in backend.wait(None)] for _ in range(2)] == [[2], [1, 3]]
    assert backend.clock.now() == 5.0


def test_waiting_ends_at_its_limit():
    """A wait jumps no further than it was told."""
    backend = ready(fake(item_s=10.0, start_s=0.0))
    backend.send(0, Chunk(1, 0, 1), [0])
    assert backend.wait(0) == []
    assert (backend.wait(4.0), backend.clock.now()) == ([], 4.0)
    assert len(backend.wait(None)) == 1


def test_a_wake_ends_a_wait():
    """Woken, it tells nothing and no time has passed."""
    backend = ready(fake())
    backend.wake()
    now = backend.clock.now()
    assert (backend.wait(None), backend.clock.now()) == ([], now)


@pytest.mark.parametrize("item_s", [0.01, math.inf])
def test_a_hang_is_an_error(item_s):
    """To wait where nothing can ever happen raises, with the story, instead of hanging."""
    backend = ready(fake(item_s=item_s))
    if item_s == math.inf:
        backend.send(0, Chunk(1, 0, 1), [0])
    with pytest.raises(AssertionError, match="would never end"):
        backend.wait(None)


def test_waits_that_end_by_themselves_are_a_hang_after_an_hour():
    """Something may be due by the clock, so that a wait for nothing ends in its time, but not again and again."""
    backend = ready(fake())
    now = backend.clock.now()
    assert (backend.wait(1800.0), backend.clock.now()) == ([], now + 1800.0)
    with pytest.raises(AssertionError, match="would never end"):
        backend.wait(1800.0)


@pytest.mark.parametrize(("marked", "index"), [(True, 2), (False, None)])
def test_a_worker_dies_on_its_item(marked, index):
    """The death comes when the item is at its end, and names it where the chunk was marked; others are told later."""
    called = []
    backend = ready(fake(function=called.append, dies={2: 1}, item_s=1.0, start_s=0.0))
    backend.send(0, Chunk(1, 0, 5, marked), range(5))
    (lost,) = backend.wait(None)
    assert (lost.worker, type(lost.error), lost.index, lost.guilty) == (0, WorkerDiedError, index, False)
    assert (called, backend.clock.now()) == ([0, 1], 3.0)


def test_a_worker_dies_so_often():
    """After so many deaths the item runs; always is for ever."""
    backend = fake(dies={0: 2, 1: ALWAYS})
    kinds = []
    for worker in range(6):
        ready(backend, worker)
        index = 0 if worker < 3 else 1
        backend.send(worker, Chunk(worker, index, index + 1), [index])
        kinds += [type(event) for event in backend.wait(None)]
    assert kinds == [WorkerLost, WorkerLost, ChunkDone, WorkerLost, WorkerLost, WorkerLost]


def test_a_worker_dies_before_it_is_ready():
    """A scripted start that fails is told as such."""
    backend = fake(dies_at_start={1})
    backend.start(0)
    backend.start(1)
    first, second = backend.wait(None)
    assert first == WorkerReady(0)
    assert (second.worker, type(second.error), second.index) == (1, WorkerStartError, None)


def test_a_late_item_costs_its_worker():
    """An item that takes longer than the timeout is guilty, when the timeout is over and not later."""
    backend = ready(fake(item_s={1: 60.0, 0: 1.0}, timeout_s=5.0, start_s=0.0))
    backend.send(0, Chunk(1, 0, 3), range(3))
    (lost,) = backend.wait(None)
    assert (lost.index, lost.guilty, type(lost.error), backend.clock.now()) == (1, True, TaskTimeoutError, 6.0)


def test_an_error_that_stops_the_chunk_comes_before_a_death():
    """A chunk that ends at its first error never begins the item that would kill."""
    job = Job(call=make_call(int, spread=False), items=make_items((["1", "x", "3"],)))
    backend = ready(FakeBackend(job, Script(dies={2: 1}, item_s=1.0, start_s=0.0)))
    backend.send(0, Chunk(1, 0, 3), ["1", "x", "3"])
    (done,) = backend.wait(None)
    assert (list(done.outcome.values), set(done.outcome.errors), backend.clock.now()) == ([1, None], {1}, 2.0)


def test_what_is_sent_to_the_dead_is_lost():
    """A chunk sent before the death was heard goes nowhere."""
    backend = ready(fake(dies={0: 1}))
    backend.send(0, Chunk(1, 0, 1), [0])
    assert [type(each) for each in backend.wait(None)] == [WorkerLost]
    backend.send(0, Chunk(2, 1, 2), [1])
    assert backend.wait(0) == []


def test_misuse_is_an_error():
    """To start a worker twice is a bug of the caller's."""
    backend = ready(fake())
    with pytest.raises(AssertionError):
        backend.start(0)


def test_what_is_sent_before_the_worker_is_ready_waits_for_it():
    """As in a channel: it is begun then, and until then it can be taken back."""
    backend = fake(range(4), start_s={0: 2.0})
    backend.start(0)
    backend.send(0, Chunk(1, 0, 1), [0])
    backend.send(0, Chunk(2, 1, 2), [1])
    assert backend.wait(None) == [WorkerReady(0)]
    assert backend.clock.now() == 2.0
    assert [each.chunk for each in backend.wait(None)] == [1]
    backend.start(1)
    backend.send(1, Chunk(3, 2, 3), [2])
    backend.take_back(1)
    assert TakenBack(1, ((3, 2),)) in backend.wait(None)


def test_the_story_tells_all():
    """Orders and events stand in the story, in order, with their times."""
    backend = ready(fake(item_s=2.0, start_s=1.0))
    chunk = Chunk(1, 0, 1)
    backend.send(0, chunk, [0])
    (done,) = backend.wait(None)
    assert backend.story == [
        Moment(0.0, Start(0)),
        Moment(1.0, WorkerReady(0)),
        Moment(1.0, Send(0, chunk)),
        Moment(3.0, done),
    ]


def test_closing_ends_everything():
    """A closed backend has nothing under way; it knows how it was closed."""
    backend = ready(fake())
    backend.send(0, Chunk(1, 0, 1), [0])
    assert (backend.closed, backend.aborted) == (False, False)
    backend.close(abort=True)
    assert (backend.closed, backend.aborted, backend.clock.next_at()) == (True, True, None)


def test_coroutine_functions_run_too():
    """Coroutines are run in an event loop of the fake's own, which ends with it."""

    async def double(item):
        return item * 2

    backend = ready(fake(function=double))
    backend.send(0, Chunk(1, 0, 3), range(3))
    (done,) = backend.wait(None)
    backend.close(abort=False)
    assert list(done.outcome.values) == [0, 2, 4]


def test_items_that_are_inherited():
    """Where workers have the items, None is sent for them."""
    backend = ready(fake(range(-5, 5), inherits=True))
    assert backend.inherits_items(0)
    backend.send(0, Chunk(1, 2, 4), None)
    (done,) = backend.wait(None)
    assert list(done.outcome.values) == [3, 2]
