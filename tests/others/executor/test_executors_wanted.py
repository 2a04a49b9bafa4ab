"""Libraries that take an executor take a ``Pool``: real ones, each in the way that its documentation shows."""

from __future__ import annotations

import asyncio
import concurrent.futures
import operator
import threading

import pytest

import poolwise

POOLS = {
    "threads": {"backend": "threads"},
    "fork": {"backend": "processes", "start_method": "fork"},
    "spawn": {"backend": "processes", "start_method": "spawn"},
}
every_pool = pytest.mark.parametrize("way", POOLS)


def square(number):
    """Be a task that travels by name."""
    return number * number


def pool_of(way):
    """Make a pool with two workers."""
    return poolwise.Pool(**POOLS[way], max_workers=2)


# --- dask ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("errors_travel_as_with_dask")
@every_pool
def test_dasks_local_scheduler_runs_a_graph_on_it(way) -> None:
    """``dask.config.set(pool=…)``, as its page on scheduling says; with threads and with the scheduler of processes."""
    dask = pytest.importorskip("dask")
    scheduler = "threads" if way == "threads" else "processes"
    squares = [dask.delayed(square)(number) for number in range(50)]
    total = dask.delayed(sum)(squares)
    with pool_of(way) as pool, dask.config.set(pool=pool, scheduler=scheduler):
        assert total.compute() == sum(number * number for number in range(50))
        # It is used again, and an error comes out as it is.
        with pytest.raises(ZeroDivisionError):
            dask.delayed(operator.truediv)(1, 0).compute()
        assert dask.delayed(square)(7).compute() == 49


def test_dasks_tasks_run_in_the_pools_threads() -> None:
    """In this pool, and in no other."""
    dask = pytest.importorskip("dask")
    name = dask.delayed(lambda: threading.current_thread().name)
    with pool_of("threads") as pool, dask.config.set(pool=pool, scheduler="threads"):
        assert name().compute().startswith("poolwise-")


# --- tqdm ------------------------------------------------------------------------------------------------------


def test_a_progress_bar_of_tqdm_around_map(capsys) -> None:
    """``list(tqdm(executor.map(…), total=…))``, which is what its ``thread_map`` and ``process_map`` are."""
    tqdm = pytest.importorskip("tqdm")
    with pool_of("threads") as pool:
        results = list(tqdm.tqdm(pool.map(square, range(20)), total=20))
    assert results == [number * number for number in range(20)]
    assert "20/20" in capsys.readouterr().err


# --- asyncio, and servers that hand ordinary functions to an executor ------------------------------------------


@every_pool
def test_run_in_executor_and_wrap_future(way) -> None:
    """The loop goes on meanwhile, and an error comes out of the ``await``."""

    async def main(pool):
        loop = asyncio.get_running_loop()
        got = await asyncio.gather(*(loop.run_in_executor(pool, square, number) for number in range(20)))
        wrapped = asyncio.wrap_future(pool.submit(operator.truediv, 1, 0))
        with pytest.raises(ZeroDivisionError):
            await wrapped
        return got

    with pool_of(way) as pool:
        assert asyncio.run(main(pool)) == [number * number for number in range(20)]


@every_pool
def test_a_cancelled_await_cancels_a_task_that_waits(way) -> None:
    """And not one that runs: it is done, and its result is dropped."""
    ran = []

    async def main(pool):
        tasks = [asyncio.wrap_future(pool.submit(square, number)) for number in range(2_000)]
        for each in tasks:
            each.cancel()
        ran.append(await asyncio.gather(*tasks, return_exceptions=True))
        return await asyncio.wrap_future(pool.submit(square, 3))

    with pool_of(way) as pool:
        assert asyncio.run(main(pool)) == 9
    assert {type(each) for each in ran[0]} == {asyncio.CancelledError}


def test_asyncio_takes_threads_of_its_own_class_only_as_its_default() -> None:
    """The loop's rule (since Python 3.11 an error); so name the pool in each ``run_in_executor``."""

    async def main(pool):
        with pytest.raises(TypeError, match="ThreadPoolExecutor"):
            asyncio.get_running_loop().set_default_executor(pool)

    with pool_of("threads") as pool:
        asyncio.run(main(pool))


# --- The standard library's tools, pools of both makes together -------------------------------------------------


@every_pool
def test_futures_of_both_makes_are_waited_for_together(way) -> None:
    """``as_completed`` and ``wait`` take those of a ``Pool`` and of a ``ThreadPoolExecutor`` in one list."""
    with pool_of(way) as pool, concurrent.futures.ThreadPoolExecutor(1) as theirs:
        futures = [executor.submit(square, number) for number in range(10) for executor in (pool, theirs)]
        assert sorted(each.result() for each in concurrent.futures.as_completed(futures, 30)) == sorted(
            number * number for number in [*range(10)] * 2
        )
        assert concurrent.futures.wait(futures, 30).not_done == set()


@every_pool
def test_an_executor_is_what_it_is(way) -> None:
    """What asks by type (dask, torch's loaders) gets a yes, and the futures are the real ones."""
    with pool_of(way) as pool:
        assert isinstance(pool, concurrent.futures.Executor)
        assert isinstance(pool.submit(square, 1), concurrent.futures.Future)


# --- Several threads, and tasks that submit ---------------------------------------------------------------------


def test_a_task_may_submit_to_its_own_pool_of_threads() -> None:
    """As long as it does not wait for what it has submitted with nobody left to do it."""
    with pool_of("threads") as pool:
        outer = pool.submit(lambda: pool.submit(square, 4))
        assert outer.result(30).result(30) == 16
        # One of two workers waits, the other works.
        assert pool.submit(lambda: pool.submit(square, 5).result(30)).result(30) == 25


def test_tasks_that_wait_for_tasks_behind_them_wait_for_ever() -> None:
    """With one worker, as with the standard library's executors: a timeout ends it."""
    with poolwise.Pool("threads", max_workers=1) as pool:
        waiting = pool.submit(lambda: pool.submit(square, 4).result(0.2))
        with pytest.raises(TimeoutError):
            waiting.result(30)


@every_pool
def test_a_pool_is_used_by_several_threads_at_once(way) -> None:
    """Maps and single tasks from eight threads, each with results of its own."""
    with pool_of(way) as pool, concurrent.futures.ThreadPoolExecutor(8) as callers:

        def call(caller):
            mapped = list(pool.map(square, range(caller, caller + 50), buffersize=10))
            single = [pool.submit(square, number).result(30) for number in range(caller, caller + 5)]
            return mapped[:5] == single == [number * number for number in range(caller, caller + 5)]

        assert list(callers.map(call, range(8))) == [True] * 8
