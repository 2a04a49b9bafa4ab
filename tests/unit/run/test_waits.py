"""Waits before another try and rests, through the driver and a backend in virtual time: nobody sleeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from poolwise.model.events import Batch
from poolwise.model.progress import Progress
from poolwise.model.retry import Retry
from poolwise.run.driver import Driver
from poolwise.run.scheduler import Scheduler
from poolwise.run.terms import Crew, Wishes
from poolwise.testing import FakeBackend, FakeClock, Script
from poolwise.work.call import make_call
from poolwise.work.chunk import ChunkRules
from poolwise.work.items import make_items
from poolwise.work.job import Job


class World:
    """A run on a fake, and the clock that is its time."""

    def __init__(
        self, function: Callable[[Any], Any], count: int, clock: FakeClock | None = None, **wishes: Any
    ) -> None:
        """Prepare a run of ``count`` items."""
        self.clock, self.told = clock or FakeClock(), list[Progress]()
        self.items = make_items((range(count),), stream=False)
        wanted = Wishes(**{"errors": "collect", **wishes})
        self.scheduler = Scheduler(wanted, self.items.total, self.items.known, rng=lambda: 0.0)
        self.driver = Driver(self.scheduler, self.items, watch=self.told.append, clock=self.clock.now)
        job = Job(call=make_call(function, spread=False), items=self.items, rules=ChunkRules(stop_at_error=False))
        self.backend = FakeBackend(job, Script(start_s=0.0, item_s=0.0), clock=self.clock)

    def run(self, until: Callable[[], bool] | None = None) -> list[Batch]:
        """Run it, and give what came, in order."""
        return list(self.driver.run(self.backend, Crew(workers=2), until))


def failing(times: int, clock_of: Callable[[], float], calls: dict[int, list[float]]) -> Callable[[int], int]:
    """Make a function that fails so many times on each item, and notes when it was called."""

    def function(item: int) -> int:
        calls.setdefault(item, []).append(clock_of())
        if len(calls[item]) <= times:
            raise ConnectionError(item)
        return item

    return function


def test_minutes_of_waits_take_no_time():
    """Each try comes after its wait, twice as long as the one before."""
    clock, calls = FakeClock(), dict[int, list[float]]()
    policy = Retry(3, wait=60.0, wait_max=1_000.0, rest_after=None)
    world = World(failing(3, clock.now, calls), 2, clock, retry=policy)
    batches = world.run()
    assert [value for batch in batches for value in batch.values] == [0, 1]
    assert calls == {0: [0.0, 60.0, 180.0, 420.0], 1: [0.0, 60.0, 180.0, 420.0]}


def test_others_run_while_one_waits():
    """No worker waits with an item: all others are done long before it is tried again."""
    order: list[int] = []

    def function(item: int) -> int:
        order.append(item)
        if item == 0 and order.count(0) == 1:
            raise ConnectionError
        return item

    World(function, 50, retry=Retry(1, wait=60.0)).run()
    assert order == [*range(50), 0]


def test_a_change_of_backend_does_not_wait_for_those_that_wait():
    """What waits is kept for whoever comes next: a run may be paused, and go on elsewhere."""
    clock, calls = FakeClock(), dict[int, list[float]]()
    world = World(failing(1, clock.now, calls), 1, clock, retry=Retry(1, wait=60.0, wait_max=60.0))
    assert world.run(until=lambda: bool(calls)) == []
    assert (world.scheduler.drained, world.scheduler.finished, world.scheduler.left) == (True, False, 1)
    backend = FakeBackend(world.backend._job, Script(start_s=0.0, item_s=0.0), clock=clock)
    assert [batch.values for batch in world.driver.run(backend, Crew())] == [[0]]
    assert calls[0] == [0.0, 60.0]


def test_a_rest_is_seen_in_the_progress():
    """While the service rests, the progress says for how long still, and why."""
    clock = FakeClock()
    world = World(failing(1, clock.now, {}), 2, clock, retry=Retry(1, wait=0, rest_after=2, rest=10.0))
    world.run()
    resting = [each.resting for each in world.told if each.resting is not None]
    assert max(resting) <= 10.0
    assert resting == sorted(resting, reverse=True)
    assert {each.trouble for each in world.told if each.resting is not None} == {"ConnectionError"}
    assert (world.scheduler.rests, world.scheduler.rested_s) == (1, pytest.approx(10.0))


def test_a_run_of_failures_ends_with_those_that_wait():
    """Where too many have failed, what waits for its time is not waited for."""
    world = World(lambda item: 1 // (item % 2), 10, retry=Retry(1, wait=20.0), max_failures=2)
    world.run()
    assert world.driver.ending is not None
    # Two workers bring two items each: what is there when it is too much counts.
    assert world.scheduler.counts.failed == 4
    assert world.scheduler.counts.done == 9
    assert world.clock.now() == pytest.approx(20.0)
