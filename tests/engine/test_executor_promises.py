"""``poolwise.Pool`` over real workers: what an executor promises, and what only this one does."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from concurrent.futures import CancelledError, as_completed, wait
from pathlib import Path
from typing import Any

import pytest

import poolwise
from poolwise.errors import WorkerDiedError
from tests.engine.programs import run_program

BOTH = pytest.mark.parametrize("backend", ["threads", "processes"])


def plus_one(x: int) -> int:
    """Add one."""
    return x + 1


def explode(x: int) -> int:
    """Raise."""
    raise ValueError(x)


def wait_for(path: str) -> str:
    """Wait until a file is there."""
    while not Path(path).exists():
        time.sleep(0.002)
    return path


def leave(path: str) -> str:
    """Make a file."""
    Path(path).touch()
    return path


def die(_: object) -> None:
    """Kill this process."""
    os.kill(os.getpid(), signal.SIGKILL)


@BOTH
def test_thousands_of_tasks_give_their_own_results(backend: Any) -> None:
    """Each future has the result of its own call, however the calls were put together."""
    with poolwise.Pool(backend, max_workers=2) as pool:
        futures = [pool.submit(pow, number, exp=2) for number in range(3000)]
        assert [future.result() for future in futures] == [number**2 for number in range(3000)]


@BOTH
def test_map_gives_results_in_order(backend: Any) -> None:
    """Also of several iterables, of none at all, and with a chunk size."""
    with poolwise.Pool(backend, max_workers=2) as pool:
        assert list(pool.map(plus_one, range(2000))) == list(range(1, 2001))
        assert list(pool.map(pow, [2, 3], [3, 2])) == [8, 9]
        assert list(pool.map(plus_one, [])) == []
        assert list(pool.map(plus_one, iter(range(50)), chunksize=7)) == list(range(1, 51))


@BOTH
def test_an_exception_is_its_futures_alone(backend: Any) -> None:
    """The others have their results; in a map it is raised in its turn."""
    with poolwise.Pool(backend, max_workers=2) as pool:
        bad, good = pool.submit(explode, 7), pool.submit(plus_one, 7)
        assert str(bad.exception()) == "7"
        assert good.result() == 8
        results = pool.map(lambda x: 1 // x, [1, 0, 1])
        assert next(results) == 1
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_a_death_costs_its_task_only() -> None:
    """The task that kills its worker twice is named, all others have their results, and the pool goes on."""
    with poolwise.Pool("processes", max_workers=2) as pool:
        before = [pool.submit(plus_one, number) for number in range(200)]
        deadly = pool.submit(die, None)
        after = [pool.submit(plus_one, number) for number in range(200)]
        assert isinstance(deadly.exception(), WorkerDiedError)
        assert [future.result() for future in before + after] == [*range(1, 201), *range(1, 201)]
        assert pool.submit(plus_one, 1).result() == 2


def test_functions_may_be_younger_than_the_workers() -> None:
    """A lambda, a closure, and a function whose surroundings have changed since the last task."""
    with poolwise.Pool("processes", max_workers=2) as pool:
        assert pool.submit(plus_one, 1).result() == 2
        factor = 3

        def times(x: int) -> int:
            return factor * x

        assert pool.submit(times, 2).result() == 6
        factor = 4
        assert pool.submit(times, 2).result() == 8
        assert pool.submit(lambda: "young").result() == "young"


@BOTH
def test_a_result_does_not_wait_for_its_neighbour(backend: Any, tmp_path: Path) -> None:
    """The first task's result is there while the second, sent with it, waits for what follows from it."""
    with poolwise.Pool(backend, max_workers=1) as pool:
        for _ in range(300):
            # Quick tasks, after which several are sent together.
            pool.submit(plus_one, 1)
        quick, slow = pool.submit(plus_one, 1), pool.submit(wait_for, str(tmp_path / "go"))
        assert quick.result(30) == 2
        leave(str(tmp_path / "go"))
        assert slow.result(30) == str(tmp_path / "go")


@BOTH
def test_tasks_that_need_each_other_run_at_the_same_time(backend: Any, tmp_path: Path) -> None:
    """One waits for the other: with two workers both run, also where they were sent to the same one."""
    with poolwise.Pool(backend, max_workers=2) as pool:
        for _ in range(300):
            pool.submit(plus_one, 1)
        path = str(tmp_path / "done")
        assert [each.result(30) for each in (pool.submit(wait_for, path), pool.submit(leave, path))] == [path, path]


@BOTH
def test_what_has_not_begun_can_be_cancelled(backend: Any, tmp_path: Path) -> None:
    """With ``cancel_futures`` the waiting tasks are given up, and the one under way ends."""
    path = str(tmp_path / "go")
    pool = poolwise.Pool(backend, max_workers=1)
    first = pool.submit(wait_for, path)
    while not first.running():
        time.sleep(0.001)
    others = [pool.submit(plus_one, number) for number in range(100)]
    pool.shutdown(wait=False, cancel_futures=True)
    leave(path)
    pool.shutdown()
    assert first.result() == path
    assert sum(future.cancelled() for future in others) >= 90
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(plus_one, 1)


def test_an_abandoned_map_does_not_keep_the_pool(tmp_path: Path) -> None:
    """Closing the iterator gives up what has not begun."""
    with poolwise.Pool("processes", max_workers=1) as pool:
        results = pool.map(time.sleep, [0, *([0.05] * 2000)])
        next(results)
        results.close()  # type: ignore[attr-defined]
        assert pool.submit(plus_one, 1).result(20) == 2


@BOTH
def test_timeouts_of_a_map(backend: Any, tmp_path: Path) -> None:
    """``next`` raises when the time is up."""
    with poolwise.Pool(backend, max_workers=1) as pool:
        with pytest.raises(TimeoutError):
            list(pool.map(wait_for, [str(tmp_path / "go")], timeout=0.05))
        leave(str(tmp_path / "go"))


@BOTH
def test_it_serves_wherever_an_executor_does(backend: Any) -> None:
    """``as_completed``, ``wait``, and an event loop's ``run_in_executor``."""

    async def in_a_loop() -> int:
        return await asyncio.get_running_loop().run_in_executor(pool, plus_one, 41)

    with poolwise.Pool(backend, max_workers=2) as pool:
        futures = [pool.submit(plus_one, number) for number in range(20)]
        assert sorted(each.result() for each in as_completed(futures)) == list(range(1, 21))
        assert not wait(futures).not_done
        assert asyncio.run(in_a_loop()) == 42


@BOTH
def test_many_threads_may_submit(backend: Any) -> None:
    """Nothing is lost between them."""
    done: list[int] = []
    with poolwise.Pool(backend, max_workers=2) as pool:

        def submit() -> None:
            done.extend(pool.submit(plus_one, number).result() for number in range(100))

        threads = [threading.Thread(target=submit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(done) == sorted([*range(1, 101)] * 4)


def test_a_failing_initializer_is_told_to_everybody() -> None:
    """Nobody waits for workers that cannot be had."""
    pool = poolwise.Pool("processes", max_workers=1, initializer=explode, initargs=(1,))
    try:
        with pytest.raises((poolwise.errors.InitializerError, CancelledError)):
            pool.submit(plus_one, 1).result(30)
    finally:
        pool.shutdown()


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_a_pool_that_is_never_closed_ends_with_the_program(backend: str, tmp_path: Path) -> None:
    """What was submitted is done, and the program ends."""
    done = run_program(
        tmp_path,
        f"""
        import time, poolwise
        pool = poolwise.Pool({backend!r}, max_workers=1)
        pool.submit(time.sleep, 0.1)
        pool.submit(print, "apple", flush=True)
        """,
    )
    assert done.stdout.split() == ["apple"]
