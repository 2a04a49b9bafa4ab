"""The pool under load: large frames both ways, nesting, leaks, deaths in number."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import threading
from pathlib import Path

import psutil
import pytest

import poolwise
from tests.engine.programs import wait_until

FORKED = {"backend": "processes", "max_workers": 2, "start_method": "fork", "progress": False}
MIB = 1 << 20


def echo(item):
    """Give the item back."""
    return item


def test_large_items_and_results_cross_without_deadlock() -> None:
    """Both sides send more than any buffer holds at the same time; neither waits for the other."""
    blocks = (os.urandom(16) * (MIB // 4) for _ in range(24))
    sizes = [len(block) for block in poolwise.imap(echo, blocks, **FORKED)]
    assert sizes == [4 * MIB] * 24


def test_a_map_inside_a_worker_stays_in_its_process() -> None:
    """A nested map finds one core to use and runs in the worker itself: no worker starts workers."""

    def outer(item):
        inner = poolwise.map(echo, range(2000))
        return inner.report.plan.backend, sum(inner) + item, len(psutil.Process().children())

    assert poolwise.map(outer, range(4), **FORKED) == [("loop", 1999000 + item, 0) for item in range(4)]


def test_a_pool_forced_inside_a_worker_works() -> None:
    """Asked for by name, a pool inside a worker runs and leaves nothing behind."""

    def outer(item):
        inner = poolwise.map(echo, range(50), **FORKED)
        return sum(inner) + item, len(psutil.Process().children())

    assert poolwise.map(outer, range(4), **FORKED) == [(1225 + item, 0) for item in range(4)]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_nothing_is_left_after_many_maps(method: str) -> None:
    """Descriptors, threads and children are the same before and after."""
    options = {**FORKED, "start_method": method}
    poolwise.map(echo, range(100), **options)
    before = (_descriptors(), threading.active_count(), psutil.Process().children())
    for _ in range(20 if method == "fork" else 3):
        poolwise.map(echo, range(100), **options)
    assert (_descriptors(), threading.active_count(), psutil.Process().children()) == before


def fail_or_die(item):
    """Do well, raise, or die."""
    if item == 3:
        raise ValueError(item)
    if item == 5:
        os._exit(7)
    return item


@pytest.mark.parametrize(
    ("method", "maps"), [("fork", 200), pytest.param("forkserver", 20, marks=pytest.mark.slow), ("spawn", 6)]
)
@pytest.mark.timeout(120)
def test_nothing_is_left_after_errors_and_deaths(method: str, maps: int) -> None:
    """Descriptors, threads, children and shared memory are the same before and after many maps, however they end."""
    options = {**FORKED, "start_method": method, "errors": "collect"}

    def run(turn: int) -> None:
        if turn % 10 == 0:
            poolwise.map(fail_or_die, range(7), **options)
        elif turn % 10 == 1:
            with poolwise.imap(echo, range(1000), **options) as results:
                next(results)
        elif turn % 10 == 2:
            with pytest.raises(ValueError, match="3"):
                poolwise.map(fail_or_die, range(5), **{**options, "errors": "raise"})
        else:
            poolwise.map(echo, range(100), **options)

    run(0)
    before = _held()
    for turn in range(maps):
        run(turn)
    gc.collect()
    assert _held() == before


def _held() -> tuple[object, ...]:
    """Tell what this process holds of the system's."""
    mappings = Path("/proc/self/maps").read_text().count("poolwise")
    return _descriptors(), threading.active_count(), psutil.Process().children(), mappings


def test_dropping_an_iterator_ends_its_workers() -> None:
    """An ``imap`` that nobody holds any more has no workers any more."""
    results = poolwise.imap(echo, range(10**9), **FORKED)
    assert next(results) == 0
    assert len(psutil.Process().children()) == 2
    del results
    wait_until(lambda: not psutil.Process().children(), "the workers are gone")


def test_random_kills_cost_nothing_but_time() -> None:
    """A run whose workers are killed from outside, again and again, ends complete and in order."""
    rng, parent = random.Random(1), psutil.Process()
    done = threading.Event()

    def kill_now_and_then():
        while not done.wait(0.3):
            for victim in rng.sample(parent.children(), min(1, len(parent.children()))):
                os.kill(victim.pid, signal.SIGKILL)

    def work(item):
        return sum(range(2000)) + item

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        results = poolwise.map(work, range(40_000), **{**FORKED, "start_method": "spawn"})
    finally:
        done.set()
        killer.join()
    assert results == [1999000 + item for item in range(40_000)]


def test_prints_of_workers_are_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    """What a function prints in a worker arrives, also when the pool ends right after."""

    def talk(item):
        print(f"item {item}")

    # One worker: of two, nobody promises whose half of a line comes first.
    poolwise.map(talk, range(5), **{**FORKED, "max_workers": 1})
    assert sorted(capfd.readouterr().out.split("\n")[:-1]) == [f"item {item}" for item in range(5)]


def _descriptors() -> list[str]:
    return sorted(each.name for each in Path("/proc/self/fd").iterdir())


def test_asking_why_of_a_coroutine_function_leaves_no_thread() -> None:
    """The event loop in which a sample was run ends with the answer."""

    async def nap(item):
        await asyncio.sleep(0.001)
        return item

    before = threading.active_count()
    poolwise.why(nap, range(100))
    assert threading.active_count() == before
