"""``Pool("auto")``: which tasks go where, and that nothing is lost on the way."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import itertools
import os
import threading
import time
import weakref

import pytest

import poolwise
from poolwise.errors import InitializerError, ResultShippingError, WorkerDiedError
from poolwise.measure.free_threading import gil_enabled
from poolwise.measure.machine import usable_cores
from poolwise.model.plan import CannotShip
from tests.engine.programs import run_program
from tests.engine.tasks import Held, die, double, fail, refuse

HERE = os.getpid()
PATIENCE_S = 30
two_cores = pytest.mark.skipif(
    usable_cores()[0] < 2 or not gil_enabled(), reason="processes gain where there are cores for them, and a GIL"
)


@pytest.fixture
def pool():
    """Give a pool with two workers of each kind."""
    with poolwise.Pool("auto", max_workers=2) as made:
        yield made


def compute(_=None):
    """Compute for some ten milliseconds of CPU, and say where."""
    until = time.thread_time() + 0.015
    while time.thread_time() < until:
        sum(range(2_000))
    return os.getpid()


def compute_and_give(thing):
    """Compute, and give what was given."""
    compute()
    return thing


def compute_a_lock(_):
    """Compute what cannot travel."""
    compute()
    return threading.Lock()


def wait(_=None):
    """Wait, and say where."""
    time.sleep(0.01)
    return os.getpid()


def count_to_first(n):
    """Do next to nothing the second time."""
    return n


def results(futures):
    """Wait for all."""
    return [each.result(timeout=PATIENCE_S) for each in futures]


# --- Where tasks go ----------------------------------------------------------------------------------------------


@two_cores
def test_what_computes_goes_on_in_processes(pool):
    """Its first two tasks are measured on a thread; the others are elsewhere."""
    assert [pool.submit(compute).result() for _ in range(2)] == [HERE, HERE]
    assert HERE not in results([pool.submit(compute) for _ in range(6)])
    assert pool.why(compute).backend == "processes"


@two_cores
def test_others_do_not_wait_for_a_first_task_that_computes(pool, tmp_path):
    """It lasts until they are done: they have gone to processes meanwhile."""
    done = tmp_path / "done"

    def last(place):
        if place == "other":
            return os.getpid()
        until = time.monotonic() + PATIENCE_S
        while not done.exists() and time.monotonic() < until:
            sum(range(200_000))
        return os.getpid()

    first = pool.submit(last, "first")
    others = results([pool.submit(last, "other") for _ in range(5)])
    assert not first.done()
    done.touch()
    assert first.result(timeout=PATIENCE_S) == HERE
    assert HERE not in others


def test_others_do_not_wait_for_a_first_task_that_waits(pool):
    """They join it in threads, where they may set free what it waits for."""
    freed = threading.Event()

    def meet(frees):
        if frees:
            freed.set()
        return freed.wait(PATIENCE_S)

    assert results([pool.submit(meet, frees) for frees in (False, True)]) == [True, True]


def test_what_waits_stays_in_threads(pool):
    """All of it."""
    assert {*results([pool.submit(wait) for _ in range(12)]), *pool.map(wait, range(6))} == {HERE}
    assert pool.why(wait).backend == "threads"


def test_what_is_short_stays_in_threads(pool):
    """Shipping would cost more."""
    assert results([pool.submit(double, item) for item in range(2_000)]) == [2 * item for item in range(2_000)]
    assert list(pool.map(double, range(2_000))) == [2 * item for item in range(2_000)]
    assert pool.why(double).backend == "threads"


@two_cores
def test_the_rest_of_a_map_goes_where_its_first_item_says(pool):
    """In order, and each item once."""
    assert [*pool.map(lambda item: (compute() != HERE, item), range(8))][1:] == [(True, item) for item in range(1, 8)]


def test_functions_are_judged_one_by_one(pool):
    """Also those that share a wrapper's code, or that are mixed in one pool."""
    futures = [(pool.submit(compute), pool.submit(wait), pool.submit(double, item)) for item in range(6)]
    for item, (computed, waited, doubled) in enumerate(futures):
        computed.result(timeout=PATIENCE_S)
        assert (waited.result(timeout=PATIENCE_S), doubled.result(timeout=PATIENCE_S)) == (HERE, 2 * item)


def test_why_tells_nothing_of_a_function_that_was_not_seen(pool):
    """Nor does a pool of one kind."""
    assert pool.why(compute) is None
    with poolwise.Pool("threads", max_workers=1) as other:
        assert other.submit(double, 1).result() == 2
        assert other.why(double) is None


# --- What cannot travel ------------------------------------------------------------------------------------------


def test_results_that_cannot_travel_stay(pool):
    """Those of tasks that were sent before it was known, too."""
    kinds = {type(each) for each in results([pool.submit(compute_a_lock, item) for item in range(6)])}
    assert kinds == {type(threading.Lock())}
    assert CannotShip in map(type, pool.why(compute_a_lock).reasons)
    assert len([*pool.map(compute_a_lock, range(4))]) == 4


@pytest.mark.parametrize("way", ["submit", "map"])
def test_arguments_that_cannot_travel_stay(pool, way):
    """Also where those before them did."""
    lock = threading.Lock()
    things = [1, 2, 3, lock, 5, lock, 7, 8]
    if way == "submit":
        given = results([pool.submit(compute_and_give, thing) for thing in things])
    else:
        given = [*pool.map(compute_and_give, things, chunksize=2)]
    assert given == things


def test_functions_that_cannot_travel_stay(pool):
    """A closure over a lock works with that very lock."""
    lock = threading.Lock()

    def use(item):
        with lock:
            compute()
        return item

    assert results([pool.submit(use, item) for item in range(5)]) == [0, 1, 2, 3, 4]
    assert [*pool.map(use, range(5))] == [0, 1, 2, 3, 4]
    assert pool.why(use).backend == "threads"


def give_a_lock_later(item):
    """Give what can travel at first."""
    compute()
    return threading.Lock() if item == 4 else item


@two_cores
def test_without_crash_retries_nothing_is_run_again():
    """A result that could not come back is that task's error."""
    with poolwise.Pool("auto", max_workers=2, crash_retries=0) as pool:
        assert [pool.submit(give_a_lock_later, item).result() for item in range(4)] == [0, 1, 2, 3]
        assert isinstance(pool.submit(give_a_lock_later, 4).exception(timeout=PATIENCE_S), ResultShippingError)


# --- Errors, deaths, and the end ---------------------------------------------------------------------------------


def compute_and_die(item):
    """End the process, where it is another."""
    compute()
    if item == 3 and os.getpid() != HERE:
        die()
    return item


@two_cores
def test_a_death_costs_its_own_task():
    """As in a pool of processes."""
    with poolwise.Pool("auto", max_workers=2, crash_retries=0) as pool:
        assert [pool.submit(compute_and_die, item).result() for item in range(3)] == [0, 1, 2]
        futures = [pool.submit(compute_and_die, item) for item in range(3, 6)]
        assert isinstance(futures[0].exception(timeout=PATIENCE_S), WorkerDiedError)
        assert results(futures[1:]) == [4, 5]


def test_errors_are_those_of_their_tasks(pool):
    """Nothing is learnt of a task that has failed; the next one is measured."""
    futures = [pool.submit(fail, item) for item in range(5)]
    assert [repr(each.exception(timeout=PATIENCE_S)) for each in futures] == [
        f"ValueError({item})" for item in range(5)
    ]
    assert pool.why(fail) is None
    with pytest.raises(ValueError, match="0"):
        list(pool.map(fail, range(3)))


def test_an_initializer_that_fails_is_told_to_all():
    """And no future is left waiting."""

    def submit_until_it_is_known(pool):
        while True:
            pool.submit(double, 1).result(timeout=PATIENCE_S)

    with poolwise.Pool("auto", max_workers=2, initializer=refuse) as pool, pytest.raises(InitializerError):
        submit_until_it_is_known(pool)


def test_shutdown_does_what_was_submitted():
    """What is held, too, and without waiting in the call."""
    pool = poolwise.Pool("auto", max_workers=2)
    futures = [pool.submit(compute_and_give, item) for item in range(8)]
    pool.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(double, 1)
    assert results(futures) == [*range(8)]
    pool.shutdown()


def test_shutdown_cancels_what_has_not_begun():
    """No future is left without a word."""
    begun, freed = threading.Event(), threading.Event()

    def stand(_):
        begun.set()
        return freed.wait(PATIENCE_S)

    pool = poolwise.Pool("auto", max_workers=1)
    futures = [pool.submit(stand, item) for item in range(5)]
    mapped = pool.map(stand, range(3))
    begun.wait(PATIENCE_S)
    pool.shutdown(wait=False, cancel_futures=True)
    freed.set()
    assert concurrent.futures.wait(futures, timeout=PATIENCE_S).not_done == set()
    assert futures[0].result()
    assert all(each.cancelled() for each in futures[1:])
    with pytest.raises(concurrent.futures.CancelledError):
        list(mapped)
    pool.shutdown()


def test_a_task_that_is_held_can_be_cancelled(pool):
    """And so can a trial that waits for a thread; the next one is measured in its place."""
    freed = threading.Event()
    busy = [pool.submit(lambda: freed.wait(PATIENCE_S)), pool.submit(lambda: freed.wait(PATIENCE_S), *())]
    futures = [pool.submit(double, item) for item in range(4)]
    cancelled = [each.cancel() for each in futures[:2]]
    freed.set()
    assert results(busy) == [True, True]
    assert [each.result(timeout=PATIENCE_S) for each in futures[2:]] == [4, 6]
    assert cancelled == [each.cancelled() for each in futures[:2]]


def test_an_iterator_that_is_closed_gives_up_the_rest(pool):
    """Of an endless map, too."""
    squares = pool.map(double, itertools.count(), buffersize=10)
    assert [*itertools.islice(squares, 50)] == [2 * item for item in range(50)]
    squares.close()
    computed = pool.map(compute_and_give, range(10_000))
    assert next(computed) == 0
    computed.close()


def test_a_pool_that_is_dropped_does_what_was_submitted():
    """And then its threads end."""
    before = threading.active_count()
    pool = poolwise.Pool("auto", max_workers=2)
    futures = [pool.submit(compute_and_give, item) for item in range(6)]
    del pool
    gc.collect()
    assert results(futures) == [*range(6)]
    until = time.monotonic() + PATIENCE_S
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_nothing_is_held_of_tasks_that_are_done(pool):
    """Neither arguments nor results."""
    thing = Held()
    seen = weakref.ref(thing)
    for function in (compute_and_give, count_to_first):
        for _ in range(4):
            pool.submit(function, [thing]).result(timeout=PATIENCE_S)
    del thing
    # The threads let go right after the future is done.
    until = time.monotonic() + PATIENCE_S
    while seen() is not None and time.monotonic() < until:
        pool.submit(double, 1).result()
        gc.collect()
    assert seen() is None


# --- As an executor ----------------------------------------------------------------------------------------------


def test_it_serves_whoever_takes_an_executor(pool):
    """``as_completed``, and an event loop."""
    futures = [pool.submit(compute_and_give, item) for item in range(5)]
    assert sorted(each.result() for each in concurrent.futures.as_completed(futures)) == [0, 1, 2, 3, 4]

    async def main():
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(pool, double, item) for item in range(20)))

    assert asyncio.run(main()) == [2 * item for item in range(20)]


def test_many_threads_may_submit_at_once(pool):
    """Each gets its own results."""
    found = {}

    def submit(number):
        futures = [pool.submit(double, (number, item)) for item in range(200)]
        futures += [pool.submit(compute_and_give, (number, item)) for item in range(3)]
        found[number] = results(futures)

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(6):
        doubled = [2 * (number, item) for item in range(200)]
        assert found[number] == doubled + [(number, item) for item in range(3)]


def test_a_program_that_never_closes_it_ends_with_all_done(tmp_path):
    """And without a word on standard error."""
    ended = run_program(
        tmp_path,
        """
        import poolwise

        def compute(item):
            return sum(range(300_000 + item))

        def tell(future):
            print(future.result() > 0, flush=True)

        if __name__ == "__main__":
            pool = poolwise.Pool("auto", max_workers=2)
            for item in range(8):
                pool.submit(compute, item).add_done_callback(tell)
        """,
    )
    assert (ended.returncode, ended.stdout.split(), ended.stderr) == (0, ["True"] * 8, "")
