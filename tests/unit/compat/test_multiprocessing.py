"""The drop-in for ``multiprocessing.Pool``, on threads: docs/compat holds it against the real one."""

from __future__ import annotations

import itertools
import multiprocessing
import pickle
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from poolwise.compat.multiprocessing import AHEAD, Pool, ThreadPool
from poolwise.errors import OptionError

PATIENCE_S = 20


@pytest.fixture
def pool():
    """Give a pool, and end it."""
    with ThreadPool(2) as pool:
        yield pool


def fail_at_one(number):
    """Fail on one item, and give the others."""
    if number == 1:
        raise ValueError("one")
    return number


# --- Calls -----------------------------------------------------------------------------------------------------


def test_a_callback_is_called_before_who_waits_goes_on(pool):
    """What ``wait`` has waited for includes the callback."""
    seen = []
    for number in range(100):
        pool.apply_async(abs, (-number,), callback=seen.append).wait()
        assert seen[-1] == number


def test_a_callback_that_raises_is_logged_and_harms_nobody(caplog):
    """The result is there, and the pool goes on; in the standard library, the pool would hang."""
    with ThreadPool(1) as pool:
        result = pool.apply_async(abs, (-1,), callback=lambda value: 1 / 0)
        assert (result.get(PATIENCE_S), pool.map(abs, [-2])) == (1, [2])
    assert "ZeroDivisionError" in caplog.text


def test_map_calls_the_function_on_all_items_and_raises_the_first_error_in_order(pool):
    """One that fails keeps no other from being called."""
    called = []

    def fail(number):
        called.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"^0$"):
        pool.map(fail, range(10))
    assert sorted(called) == [*range(10)]


def test_the_callbacks_of_map_get_all_results_or_the_first_error(pool):
    """``callback`` has the list, ``error_callback`` the error, each is called once."""
    seen, failed = [], []
    pool.map_async(abs, [-1, -2], callback=seen.append, error_callback=failed.append).wait()
    pool.starmap_async(pow, [(0, -1), (2, 3)], callback=seen.append, error_callback=failed.append).wait()
    assert seen == [[1, 2]]
    assert [type(error) for error in failed] == [ZeroDivisionError]


def test_a_result_tells_how_it_is(pool):
    """``ready``, ``successful`` and ``get`` with a timeout, before and after."""
    go_on = threading.Event()
    result = pool.apply_async(go_on.wait)
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    with pytest.raises(multiprocessing.TimeoutError):
        result.get(timeout=0)
    assert not result.ready()
    go_on.set()
    assert (result.get(PATIENCE_S), result.ready(), result.successful()) == (True, True, True)


@pytest.mark.parametrize("chunksize", [0, -1])
def test_chunks_hold_something(pool, chunksize):
    """A chunk size below 1 is refused by all that take one."""
    for method in (pool.map, pool.map_async, pool.starmap, pool.imap, pool.imap_unordered):
        with pytest.raises(ValueError, match="Chunksize must be 1"):
            method(abs, [1], chunksize=chunksize)


# --- Item by item ----------------------------------------------------------------------------------------------


def test_imap_begins_at_once_and_reads_so_far_ahead_and_no_further(pool):
    """The input may be endless."""
    read = itertools.count()
    results = pool.imap(abs, read)
    assert next(read) == AHEAD
    assert next(results) == 0
    # One was taken, and one was read.
    assert next(read) == AHEAD + 2


def test_the_error_of_the_iterable_comes_in_its_turn(pool):
    """After the results of all items before it; then there is nothing more."""

    def numbers():
        yield from range(3)
        raise KeyError("numbers")

    results = pool.imap(abs, numbers())
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError):
        next(results)
    assert [*results] == []


def test_an_item_that_fails_does_not_end_the_iterator(pool):
    """Its error is raised in its place, and the next one comes after it."""
    results = pool.imap(fail_at_one, range(3))
    assert next(results) == 0
    with pytest.raises(ValueError, match="one"):
        next(results)
    assert [*results] == [2]


def test_a_result_that_is_late_can_be_waited_for_again(pool):
    """``next`` with a timeout loses nothing."""
    go_on = threading.Event()
    for method in (pool.imap, pool.imap_unordered):
        results = method(lambda _: go_on.wait(), [1])
        with pytest.raises(multiprocessing.TimeoutError):
            results.next(timeout=0)
        go_on.set()
        assert results.next(timeout=PATIENCE_S) is True
        go_on.clear()


def test_several_threads_may_take_from_one_iterator(pool):
    """Each result is given once."""
    results = pool.imap_unordered(abs, range(2000))
    with ThreadPoolExecutor(4) as takers:
        taken = [takers.submit(list, results) for _ in range(4)]
    assert sorted(itertools.chain(*(each.result() for each in taken))) == [*range(2000)]


def test_closing_reads_the_rest_of_what_imap_was_given():
    """``close`` and ``join`` before the results are taken are how many programs are written."""
    pool = ThreadPool(2)
    results = pool.imap(abs, range(AHEAD + 100))
    unordered = pool.imap_unordered(abs, range(AHEAD + 100))
    pool.close()
    pool.join()
    assert [*results] == [*range(AHEAD + 100)]
    assert sorted(unordered) == [*range(AHEAD + 100)]


# --- The end ---------------------------------------------------------------------------------------------------


def test_a_closed_pool_takes_nothing_more():
    """Every method says so, and so does a second ``with``."""
    pool = ThreadPool(1)
    with pytest.raises(ValueError, match="still running"):
        pool.join()
    pool.close()
    pool.close()
    for method in (
        pool.apply,
        pool.apply_async,
        pool.map,
        pool.map_async,
        pool.starmap,
        pool.imap,
        pool.imap_unordered,
    ):
        with pytest.raises(ValueError, match="not running"):
            method(abs, [1])
    with pytest.raises(ValueError, match="not running"), pool:
        pass
    pool.join()


def test_terminating_gives_up_what_has_not_begun():
    """Whoever waits for it is told; in the standard library they would wait for ever."""
    go_on = threading.Event()
    pool = ThreadPool(1)
    begun, waiting, several = pool.apply_async(go_on.wait), pool.apply_async(abs, (1,)), pool.map_async(abs, [1, 2])
    results = pool.imap(abs, itertools.count())
    pool.terminate()
    for get in (waiting.get, several.get, results.next):
        with pytest.raises(CancelledError):
            get(timeout=PATIENCE_S)
    assert not waiting.successful()
    go_on.set()
    pool.join()
    assert begun.get(PATIENCE_S) is True


def test_a_pool_stays_where_it_is(pool):
    """It cannot be pickled, and says so in the standard library's words."""
    with pytest.raises(NotImplementedError, match="cannot be passed between processes"):
        pickle.dumps(pool)


# --- Options ---------------------------------------------------------------------------------------------------


def test_an_initializer_is_called_in_each_thread():
    """With its arguments; arguments without an initializer are no matter, as in the standard library."""
    seen = []
    with ThreadPool(2, seen.append, (1,)) as pool, ThreadPool(1, None, (1,)):
        pool.map(abs, range(4))
    assert set(seen) == {1}


@pytest.mark.parametrize("processes", [0, -1])
def test_a_pool_has_workers(processes):
    """Fewer than one are refused in the standard library's words."""
    for kind in (Pool, ThreadPool):
        with pytest.raises(ValueError, match="Number of processes must be at least 1"):
            kind(processes)


def test_a_number_of_tasks_for_each_worker_is_refused():
    """It is not passed over in silence, and the words say what there is instead."""
    with pytest.raises(OptionError, match=r"maxtasksperchild=1 is not offered.*memory_limit"):
        Pool(1, maxtasksperchild=1)
