"""Several backends as one: whose worker is asked, when the calling thread works, what is closed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from poolwise.backends.company import FIRST, Company
from poolwise.backends.loop import KEEPS_FROM_S, LoopBackend
from poolwise.model.events import Chunk, ChunkDone, Event, WorkerReady
from poolwise.run.driver import Driver
from poolwise.run.scheduler import Scheduler
from poolwise.run.terms import Wishes
from poolwise.testing import FakeBackend, FakeClock, Script
from poolwise.work.call import make_call
from poolwise.work.chunk import ChunkRules
from poolwise.work.cuttable import MOST_CUTTABLE
from poolwise.work.items import make_items
from poolwise.work.job import Job
from tests.unit.run.play import crew


class Scene:
    """A loop that others join, all in virtual time."""

    def __init__(self, items: Any = range(10), function: Any = abs, kind: Any = "loop") -> None:
        self.clock = FakeClock()
        self.items = make_items((items,))
        self.job = Job(call=make_call(function, spread=False), items=self.items, rules=ChunkRules())
        self.made: dict[str, FakeBackend] = {}
        self.lends = 0
        self.lent_now = False
        first = LoopBackend(self.job) if kind == "loop" else self.make(kind)
        self.company = Company(kind, first, self.make, self.lend)

    def make(self, kind: str) -> FakeBackend:
        assert kind not in self.made, f"{kind} is made twice"
        self.made[kind] = FakeBackend(self.job, Script(), clock=self.clock)
        return self.made[kind]

    @contextlib.contextmanager
    def lend(self) -> Iterator[None]:
        self.lends += 1
        self.lent_now = True
        try:
            yield
        finally:
            self.lent_now = False


def kinds(events: list[Event]) -> list[tuple[str, int]]:
    """Name events and their workers."""
    return [(type(event).__name__, event.worker) for event in events]


def test_each_worker_belongs_to_the_backend_that_started_it() -> None:
    """Numbers are the scheduler's; a backend is made when it is first wanted, and once."""
    scene = Scene()
    scene.company.start(FIRST)
    scene.company.starts = "threads"
    assert not scene.company.has("threads")
    for worker in (1, 2):
        scene.company.start(worker)
    scene.company.starts = "processes"
    scene.company.start(3)
    assert scene.company.kinds == {0: "loop", 1: "threads", 2: "threads", 3: "processes"}
    assert scene.company.of_other_kinds("threads") == [0, 3]
    assert sorted(scene.made) == ["processes", "threads"]
    scene.company.send(3, Chunk(1, 0, 1), None)
    assert [type(moment.what).__name__ for moment in scene.made["processes"].story] == ["Start", "Send"]
    scene.company.close(abort=True)


def test_the_calling_thread_runs_what_it_has_to_run_first() -> None:
    """While it does, it is lent; the others are asked at once thereafter."""
    seen: list[bool] = []
    scene = Scene(function=lambda item: seen.append(scene.lent_now) or item)
    scene.company.start(FIRST)
    assert kinds(scene.company.wait(None)) == [("WorkerReady", 0)]
    scene.company.starts = "threads"
    scene.company.start(1)
    scene.clock.advance(1)
    scene.company.send(FIRST, Chunk(1, 0, 2), range(2))
    assert kinds(scene.company.wait(None)) == [("ChunkDone", 0), ("WorkerReady", 1)]
    assert (seen, scene.lends) == ([True, True], 2)


def test_asked_without_patience_it_runs_nothing() -> None:
    """Another thread asks so, while the calling thread runs an item: that must not begin a second one."""
    scene = Scene()
    scene.company.start(FIRST)
    scene.company.wait(None)
    scene.company.send(FIRST, Chunk(1, 0, 1), [1])
    assert scene.company.wait(0) == []
    assert kinds(scene.company.wait(None)) == [("ChunkDone", 0)]


def test_two_kinds_are_asked_in_turn() -> None:
    """Nobody waits for the one while the other has something to tell."""
    scene = Scene()
    for worker, kind in enumerate(("threads", "processes", "threads")):
        scene.company.starts = kind
        scene.company.start(worker)
    found: list[tuple[str, int]] = []
    while len(found) < 3:
        found += kinds(scene.company.wait(None))
    assert sorted(found) == [("WorkerReady", 0), ("WorkerReady", 1), ("WorkerReady", 2)]


def test_what_is_dismissed_is_closed_and_made_anew() -> None:
    """A kind that has nothing to do any more is ended well; wanted again, it is another one."""
    scene = Scene()
    scene.company.starts = "threads"
    scene.company.start(0)
    former = scene.made.pop("threads")
    scene.company.dismiss("threads")
    scene.company.dismiss("asyncio")
    assert (former.closed, former.aborted, scene.company.has("threads")) == (True, False, False)
    # Who was there is nobody that the other one knows.
    assert scene.company.of_other_kinds("threads") == [0]
    scene.company.start(1)
    assert scene.made["threads"] is not former
    assert scene.company.of_other_kinds("threads") == [0]


def test_closing_closes_all() -> None:
    """However many kinds there are."""
    scene = Scene(kind="asyncio")
    scene.company.starts = "processes"
    scene.company.start(1)
    scene.company.close(abort=True)
    assert [(each.closed, each.aborted) for each in scene.made.values()] == [(True, True), (True, True)]


def test_who_wants_to_hears_of_chunks_that_are_done() -> None:
    """And of nothing else."""
    scene = Scene(kind="threads")
    heard: list[ChunkDone] = []
    scene.company.hear = heard.append
    scene.company.start(0)
    assert scene.company.wait(None) == [WorkerReady(0)]
    scene.company.send(0, Chunk(7, 0, 2), [1, 2])
    events = scene.company.wait(None)
    assert (heard, [event.chunk for event in heard]) == (events, [7])


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_run_goes_on_from_the_loop_to_others(workers: int) -> None:
    """Under the real driver and scheduler: the first items here, the rest there, each once and in order."""
    calls: list[int] = []
    scene = Scene(range(40), lambda item: calls.append(item) or item)
    driver = Driver(Scheduler(Wishes(), 40, 40), scene.items, clock=scene.clock.now)
    begin = driver.go_on(scene.company, crew(1), lambda: len(calls) >= 3)
    begun = [value for batch in begin for value in batch.values]
    assert (begun, driver.scheduler.busy_workers) == ([0, 1, 2], 0)
    scene.company.starts = "threads"
    rest = driver.go_on(scene.company, crew(workers), without=[FIRST])
    values = begun + [value for batch in rest for value in batch.values]
    driver.close(scene.company)
    assert (values, calls) == (list(range(40)), list(range(40)))
    assert driver.scheduler.counts.started == 1 + workers
    assert scene.made["threads"].closed
    assert not scene.made["threads"].aborted


# --- The loop, as the first worker ---------------------------------------------------------------------------


def loop_of(function: Any, **more: Any) -> LoopBackend:
    """Make a loop whose chunks need not keep what comes before an error."""
    items = make_items((range(100),))
    rules = ChunkRules(stop_at_error=True, keep_partial=False)
    return LoopBackend(Job(call=make_call(function, spread=False), items=items, rules=rules, **more))


def run_one(loop: LoopBackend, chunk: Chunk) -> ChunkDone:
    """Run a chunk."""
    loop.send(0, chunk, range(chunk.start, chunk.stop))
    (event,) = loop.wait(None)
    assert isinstance(event, ChunkDone)
    return event


def test_items_that_take_a_while_keep_what_came_before_an_error() -> None:
    """Its error may be excused, and they must not be run twice; many tiny items run as one comprehension."""
    loop = loop_of(lambda item: item if item != 3 else 1 // 0)
    first = run_one(loop, Chunk(1, 0, 5))
    assert first.outcome.values == [0, 1, 2, None]
    loop._item_s = KEEPS_FROM_S / 2
    assert run_one(loop, Chunk(2, 0, 2 * MOST_CUTTABLE)).outcome.values == []


def test_an_error_does_not_make_the_items_behind_it_look_quick() -> None:
    """What one item took before it failed is not shared among the many that were not begun."""
    loop = loop_of(lambda _: time.sleep(0.001) or 1 // 0)
    loop._item_s = KEEPS_FROM_S / 2
    assert run_one(loop, Chunk(1, 0, 1000 * MOST_CUTTABLE)).outcome.told == 1
    assert loop._item_s >= KEEPS_FROM_S


def test_what_is_run_may_be_taken_from_as_long_as_it_runs() -> None:
    """Where it is not one item alone, nor so many that giving them one by one would cost something."""
    running: list[Any] = []
    loop = loop_of(lambda _: running.append(loop.running))
    chunk = Chunk(1, 5, 8)
    run_one(loop, chunk)
    run_one(loop, Chunk(2, 8, 9))
    run_one(loop, Chunk(3, 0, MOST_CUTTABLE + 1))
    assert [each is not None and each.chunk for each in running[:5]] == [chunk, chunk, chunk, False, False]
    assert loop.running is None


def test_the_initializer_is_called_once_in_the_calling_thread() -> None:
    """A run that comes back to the loop has a worker of another number, and the same thread."""
    calls: list[int] = []
    loop = loop_of(abs, initializer=lambda: calls.append(1))
    for worker in (0, 7):
        loop.start(worker)
        assert loop.wait(None) == [WorkerReady(worker)]
    assert calls == [1]


def test_a_ctrl_c_while_one_is_closed_does_not_keep_the_others_open() -> None:
    """It goes on once all are closed."""
    scene = Scene(kind="asyncio")
    for kind in ("threads", "processes"):
        scene.company.starts = kind
        scene.company.start(len(scene.made))
    close = scene.made["threads"].close
    interrupts = iter([KeyboardInterrupt])

    def interrupted(*, abort: bool) -> None:
        for error in interrupts:
            raise error
        close(abort=abort)

    scene.made["threads"].close = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        scene.company.close(abort=False)
    assert {kind: each.closed for kind, each in scene.made.items()} == {
        "asyncio": True,
        "threads": True,
        "processes": True,
    }
