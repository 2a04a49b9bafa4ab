"""The pace of whoever runs the first items: by clocks that nobody waits for, and once by a real thread's."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from poolwise.measure import pace as pace_module
from poolwise.measure.pace import WINDOW_S, Pacer, Runner
from poolwise.model.pace import Pace
from poolwise.testing import FakeClock

needs_clocks = pytest.mark.skipif(
    not hasattr(time, "pthread_getcpuclockid"), reason="this system has no clocks of other threads"
)


class FakeRunner:
    """A thread of which the test says what it does."""

    def __init__(self) -> None:
        self.cpu, self.queued = 5.0, 3.0
        self.asleep = False
        self.asked_for_queue = 0

    def is_here(self) -> bool:
        return True

    def cpu_s(self) -> float:
        return self.cpu

    def queued_s(self) -> float:
        self.asked_for_queue += 1
        return self.queued

    def is_asleep(self) -> bool:
        return self.asleep


class Stage:
    """A pacer, its runner, and the clocks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.process, self.looker = FakeClock(100.0), FakeClock(7.0), FakeClock(40.0)
        fake = SimpleNamespace(perf_counter=self.wall.now, process_time=self.process.now, thread_time=self.looker.now)
        monkeypatch.setattr(pace_module, "time", fake)
        self.runner = FakeRunner()
        self.pacer = Pacer(self.runner)

    def compute(self, seconds: float, *, inner: float = 1.0) -> None:
        self.wall.advance(seconds)
        self.runner.cpu += seconds
        self.process.advance(seconds * inner)

    def sleep(self, seconds: float) -> None:
        self.runner.asleep = True
        self.wall.advance(seconds)

    def queue(self, seconds: float) -> None:
        self.wall.advance(seconds)
        self.runner.queued += seconds

    def look_on(self, seconds: float) -> None:
        """Have who looks on compute, while the runner sleeps."""
        self.looker.advance(seconds)
        self.process.advance(seconds)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Make a stage."""
    return Stage(monkeypatch)


def told(pace: Pace) -> tuple[float, float, float]:
    """Round what has waited, what was computed, and the share of waiting lately."""
    return round(pace.waited_s, 9), round(pace.cpu_s, 9), round(pace.waits, 6)


def test_before_anything_has_run_there_is_nothing_to_tell(stage: Stage) -> None:
    """Time that passes while no item runs is not the items'."""
    stage.sleep(1.0)
    assert told(stage.pacer.look()) == (0.0, 0.0, 0.0)


def test_who_sleeps_waits(stage: Stage) -> None:
    """Wall time without CPU time is waiting, and the system says that the thread sleeps."""
    stage.pacer.go()
    stage.sleep(0.004)
    pace = stage.pacer.look()
    assert (told(pace), pace.asleep) == ((0.004, 0.0, 1.0), True)


def test_who_computes_does_not_wait(stage: Stage) -> None:
    """The thread's CPU time keeps up with the wall time; nobody asks whether it sleeps."""
    stage.pacer.go()
    stage.compute(0.004)
    pace = stage.pacer.look()
    assert (told(pace), pace.asleep, pace.inner) == ((0.0, 0.004, 0.0), False, 1.0)


def test_who_stands_in_the_queue_for_a_core_does_not_wait(stage: Stage) -> None:
    """On a busy machine an item that computes gets no core for a while: that is no reason for threads."""
    stage.pacer.go()
    stage.queue(0.003)
    pace = stage.pacer.look()
    assert (told(pace), pace.busy_s) == ((0.0, 0.0, 0.0), pytest.approx(0.003))


def test_the_queue_is_asked_for_only_where_the_clocks_differ(stage: Stage) -> None:
    """Asking takes 20 microseconds, and who computes all the time has not been in it."""
    asked = stage.runner.asked_for_queue
    stage.pacer.go()
    stage.compute(0.004)
    stage.pacer.look()
    assert stage.runner.asked_for_queue == asked


def test_threads_inside_compute_for_the_item(stage: Stage) -> None:
    """While the runner sleeps, and threads of the function compute, the item computes, with more than one core."""
    stage.pacer.go()
    stage.compute(0.001)
    stage.pacer.look()
    stage.sleep(0.004)
    stage.process.advance(0.016)
    pace = stage.pacer.look()
    assert (pace.waits, pace.inner) == (0.0, pytest.approx(17.0))


def test_what_looking_on_takes_is_not_the_items(stage: Stage) -> None:
    """Of a millisecond of sleep, who looks at it may compute a third."""
    stage.pacer.go()
    stage.pacer.look()
    stage.sleep(0.002)
    stage.look_on(0.0015)
    assert told(stage.pacer.look()) == (0.002, 0.0, 1.0)


def test_what_company_computes_is_not_the_first_items(stage: Stage) -> None:
    """The clock of the process is everybody's."""
    stage.pacer.go()
    stage.pacer.look()
    stage.pacer.crowd()
    stage.sleep(0.002)
    stage.process.advance(0.004)
    assert told(stage.pacer.look()) == (0.002, 0.0, 1.0)


def test_the_last_moment_counts_alone(stage: Stage) -> None:
    """An item that computed for a second and waits now, waits."""
    stage.pacer.go()
    stage.compute(1.0)
    stage.pacer.look()
    for _ in range(4):
        stage.sleep(WINDOW_S)
        pace = stage.pacer.look()
    assert told(pace) == (round(4 * WINDOW_S, 9), 1.0, 1.0)


def test_items_add_up_and_what_is_between_them_does_not_count(stage: Stage) -> None:
    """Several short items say as much as one long one."""
    for _ in range(3):
        stage.pacer.go()
        stage.sleep(0.002)
        stage.pacer.stop()
        stage.compute(1.0)
    assert told(stage.pacer.look())[:2] == (0.006, 0.0)


@needs_clocks
def test_the_clocks_of_a_real_thread() -> None:
    """From outside, a thread that sleeps and one that computes are told apart."""
    found: dict[str, threading.Thread] = {}
    computing, done = threading.Event(), threading.Event()

    def compute() -> None:
        while not done.is_set():
            computing.set()

    for name, target in (("sleeps", done.wait), ("computes", compute)):
        found[name] = threading.Thread(target=target)
        found[name].start()
    try:
        runners = {name: Runner(thread.ident or 0, thread.native_id or 0) for name, thread in found.items()}
        assert computing.wait(10)
        before = {name: runner.cpu_s() for name, runner in runners.items()}
        deadline = time.monotonic() + 10
        while runners["computes"].cpu_s() - before["computes"] < 0.01 and time.monotonic() < deadline:
            time.sleep(0.001)
        assert runners["computes"].cpu_s() - before["computes"] >= 0.01
        assert runners["sleeps"].cpu_s() - before["sleeps"] < 0.005
        assert runners["sleeps"].is_asleep()
        assert runners["sleeps"].queued_s() >= 0.0
        assert not any(runner.is_here() for runner in runners.values())
    finally:
        done.set()
        for thread in found.values():
            thread.join()
    me = threading.current_thread()
    assert Runner(me.ident or 0, me.native_id or 0).is_here()


def test_without_such_clocks_there_is_no_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither macOS nor Windows has any: it says so, and nobody is looked at."""
    monkeypatch.setattr(pace_module, "time", SimpleNamespace())
    with pytest.raises(OSError, match="no clocks of other threads"):
        Runner(1, 1)
