"""Scenarios of CPython's executor tests that look at private fields there, told from outside; the names are theirs.

``tests/cpython/test_executor.py`` skips those and names this file.
"""

from __future__ import annotations

import gc
import os
import threading

import psutil
import pytest

import poolwise
from tests.engine.programs import WATCHDOG_S, wait_until
from tests.engine.tasks import double, meet, wait_for
from tests.engine.test_executor import WAYS, by_process, every_way, pool_of


def workers_of(way):
    """Count the workers that live: child processes, or the pools' threads."""
    if way in {"fork", "spawn"}:
        # A forkserver's nursery, or multiprocessing's tracker, is no worker.
        return {each.pid for each in psutil.Process().children(recursive=True)}
    return {each.ident for each in threading.enumerate() if each.name.startswith("poolwise-")}


@every_way
def test_context_manager_shutdown(way) -> None:
    """Leaving the ``with`` waits for the tasks, and no worker is left."""
    before = workers_of(way)
    with pool_of(way) as pool:
        results = pool.map(abs, range(-5, 5))
        assert workers_of(way) > before
    assert workers_of(way) == before
    assert list(results) == [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]


@every_way
def test_processes_terminate(way) -> None:
    """``shutdown`` ends the workers, idle or not."""
    before = workers_of(way)
    pool = poolwise.Pool(**WAYS[way], max_workers=3)
    for _ in range(3):
        pool.submit(double, 21)
    pool.shutdown()
    assert workers_of(way) == before


test_threads_terminate = test_processes_terminate


@every_way
def test_del_shutdown(way) -> None:
    """A pool that is dropped does what was submitted, and its workers end."""
    before = workers_of(way)
    pool = poolwise.Pool(**WAYS[way], max_workers=3)
    results = pool.map(abs, range(-5, 5))
    del pool
    gc.collect()
    assert list(results) == [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]
    wait_until(lambda: workers_of(way) == before, "all have ended")


@every_way
def test_shutdown_no_wait(way) -> None:
    """It is back at once; what was submitted is done all the same, and then the workers end."""
    before = workers_of(way)
    pool = poolwise.Pool(**WAYS[way], max_workers=3)
    results = pool.map(abs, range(-5, 5))
    pool.shutdown(wait=False)
    assert list(results) == [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]
    wait_until(lambda: workers_of(way) == before, "all have ended")


@every_way
def test_saturation(way, tmp_path) -> None:
    """However many tasks wait, there are as many workers as were asked for."""
    before = workers_of(way)
    with pool_of(way, max_workers=2) as pool:
        # Its own helpers (a nursery, the pool's thread) and two workers are there once two tasks have begun.
        first = [pool.submit(meet, tmp_path / str(number), tmp_path / "go") for number in range(2)]
        wait_until(lambda: all((tmp_path / str(number)).exists() for number in range(2)), "two tasks have begun")
        there = workers_of(way) - before
        others = [pool.submit(wait_for, tmp_path / "go") for _ in range(30)]
        assert workers_of(way) - before == there
        (tmp_path / "go").touch()
        assert {each.result(WATCHDOG_S) for each in first + others} == {"seen"}
        assert workers_of(way) - before == there


@every_way
def test_idle_process_reuse_multiple(way) -> None:
    """One task after another starts no worker."""
    with pool_of(way, max_workers=2) as pool:
        pool.submit(double, 1).result(WATCHDOG_S)
        there = workers_of(way)
        assert [pool.submit(double, number).result(WATCHDOG_S) for number in range(50)] == [*range(0, 100, 2)]
        assert workers_of(way) <= there


test_idle_process_reuse_one = test_idle_thread_reuse = test_idle_process_reuse_multiple


class Unpicklable:
    """Raises when it is pickled."""

    def __reduce__(self):
        raise RuntimeError("no")


@by_process
def test_shutdown_deadlock_pickle(way) -> None:
    """A task that cannot be pickled does not keep a pool that is shut down without waiting."""
    pool = poolwise.Pool(**WAYS[way], max_workers=2)
    thread, future = pool._thread, pool.submit(id, Unpicklable())
    pool.shutdown(wait=False)
    with pytest.raises(poolwise.errors.ItemShippingError, match="RuntimeError: no"):
        future.result(WATCHDOG_S)
    thread.join(WATCHDOG_S)
    assert not thread.is_alive()


@every_way
def test_gh105829_should_not_deadlock_if_wakeup_pipe_full(way, tmp_path) -> None:
    """Who submits is not kept by a pool's thread that does not come to look, however many tasks there are."""
    go, kept = threading.Event(), threading.Event()

    def keep(_future):
        kept.set()
        go.wait(WATCHDOG_S)

    with pool_of(way, max_workers=1) as pool:
        first = pool.submit(wait_for, tmp_path / "begin")
        first.add_done_callback(keep)
        (tmp_path / "begin").touch()
        assert kept.wait(WATCHDOG_S)
        futures = [pool.submit(double, number) for number in range(5_000)]
        go.set()
        assert [each.result(WATCHDOG_S) for each in futures] == [*range(0, 10_000, 2)]


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_hang_global_shutdown_lock() -> None:
    """A pool of threads that submits to itself all the time does not hang processes that are forked meanwhile."""
    ending = threading.Event()

    def again(pool):
        if not ending.is_set():
            pool.submit(again, pool)

    with poolwise.Pool("threads", max_workers=1) as busy:
        busy.submit(again, busy)
        for _ in range(10):
            with pool_of("fork", max_workers=1) as pool:
                assert pool.submit(os.getpid).result(WATCHDOG_S) != os.getpid()
        ending.set()
