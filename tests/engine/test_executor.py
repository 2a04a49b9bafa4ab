"""``Pool``: tasks, functions, deaths, and what waits for what."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import gc
import itertools
import threading
import time
import weakref
from pathlib import Path

import pytest

import poolwise
from poolwise.errors import (
    InitializerError,
    ItemShippingError,
    NotCallableError,
    OptionError,
    RemoteTraceback,
    WorkerDiedError,
)
from poolwise.model.options import HAS_INTERPRETERS
from tests.engine.programs import run_program, wait_until
from tests.engine.tasks import (
    Held,
    Unchangeable,
    die,
    double,
    fail,
    meet,
    raise_unchangeable,
    refuse,
    wait_for,
)

WAYS = {
    "threads": {"backend": "threads"},
    "fork": {"backend": "processes", "start_method": "fork"},
    "spawn": {"backend": "processes", "start_method": "spawn"},
}
if HAS_INTERPRETERS:
    WAYS["interpreters"] = {"backend": "interpreters"}
every_way = pytest.mark.parametrize("way", WAYS)
by_process = pytest.mark.parametrize("way", ["fork", "spawn"])


@contextlib.contextmanager
def pool_of(way, **options):
    """Make a pool with two workers."""
    with poolwise.Pool(**{"max_workers": 2, **WAYS[way], **options}) as pool:
        yield pool


# --- Results and errors ----------------------------------------------------------------------------------------


@every_way
def test_thousands_of_submits_come_right(way) -> None:
    """Each future has the result of its own task."""
    with pool_of(way) as pool:
        futures = [pool.submit(double, item) for item in range(5_000)]
        assert [each.result() for each in futures] == [2 * item for item in range(5_000)]


@every_way
def test_positional_and_keyword_arguments_arrive(way) -> None:
    """Also those that are called as the method's own parameters are."""
    with pool_of(way) as pool:
        future = pool.submit(lambda *args, **kwargs: (args, kwargs), 1, 2, fn=3, self=4)
        assert future.result() == ((1, 2), {"fn": 3, "self": 4})


@every_way
def test_an_error_is_told_to_its_future_alone(way) -> None:
    """With its traceback, which from a process is the cause."""
    with pool_of(way) as pool:
        before, bad, after = pool.submit(double, 1), pool.submit(fail, 7), pool.submit(double, 2)
        assert (before.result(), after.result()) == (2, 4)
        error = bad.exception()
    assert repr(error) == "ValueError(7)"
    if way != "threads":
        assert isinstance(error.__cause__, RemoteTraceback)
        assert "in fail" in error.__cause__.text


@by_process
def test_arguments_and_results_that_cannot_travel_fail_alone(way) -> None:
    """What cannot be pickled is that task's error; its neighbours go on."""
    with pool_of(way) as pool:
        futures = [pool.submit(double, 1), pool.submit(double, threading.Lock()), pool.submit(threading.Lock)]
        lock = threading.Lock()
        futures.append(pool.submit(lambda: lock))
        assert futures[0].result() == 2
        with pytest.raises(ItemShippingError, match=r"the task's arguments \(<unlocked _thread.lock object at .*>,\)"):
            futures[1].result()
        assert [type(each.exception()).__name__ for each in futures[2:]] == [
            "ResultShippingError",
            "FunctionShippingError",
        ]
        assert pool.submit(double, 3).result() == 6


class Exits:
    """Ends whoever pickles it."""

    def __reduce__(self):
        raise SystemExit(3)


class ExitsHere:
    """Ends whoever unpickles it."""

    def __reduce__(self):
        return exit_now, ()


def exit_now():
    """Stand for what an unpickling may call."""
    raise SystemExit(3)


@by_process
@pytest.mark.parametrize("what", [lambda pool: pool.submit(double, Exits()), lambda pool: pool.submit(ExitsHere)])
def test_pickling_that_wants_to_end_the_program_ends_nothing(way, what) -> None:
    """``sys.exit`` in a ``__reduce__`` is that task's error and not the end of the pool's thread."""
    with pool_of(way) as pool:
        assert "SystemExit" in str(what(pool).exception())
        assert pool.submit(double, 3).result() == 6


@every_way
def test_an_exception_that_takes_no_cause_comes_without_one(way) -> None:
    """It is its own future's, and not the end of the pool's thread."""
    with pool_of(way) as pool:
        assert pool.submit(raise_unchangeable, 1).exception() == Unchangeable()
        assert pool.submit(double, 3).result() == 6


# --- Functions -------------------------------------------------------------------------------------------------


@every_way
def test_functions_may_be_younger_than_the_workers(way) -> None:
    """Lambdas, closures, partials and methods, made after the pool."""
    with pool_of(way) as pool:
        pool.submit(double, 1).result()
        there = [5]

        def closure(item):
            return item + there[0]

        calls = [(lambda item: item + 1, 2), (closure, 3), (functools.partial(pow, 2), 4), ("a-b".split, "-")]
        assert [pool.submit(*call).result() for call in calls] == [3, 8, 16, ["a", "b"]]


@every_way
def test_a_function_that_was_changed_runs_as_it_is_now(way) -> None:
    """By its name, and by what it refers to."""
    with pool_of(way) as pool:
        step = [1]

        def work(item):
            return item + step[0]

        assert pool.submit(work, 10).result() == 11
        step[0] = 2
        assert pool.submit(work, 10).result() == 12

        def work(item):
            return -item

        assert pool.submit(work, 10).result() == -10


def test_functions_do_not_fill_the_workers() -> None:
    """A new function for each task, more of them than are remembered, also when they come together."""
    with pool_of("fork", max_workers=1) as pool:
        futures = [pool.submit(lambda item, by=by: item + by, 1) for by in range(1_000)]
        assert [each.result() for each in futures] == [1 + by for by in range(1_000)]
        teacher = pool._clerk._workers.teacher
        assert len(teacher._known) <= 256
        assert teacher._packed == {}


@pytest.mark.parametrize("method", ["submit", "map"])
@every_way
def test_coroutine_functions_are_refused(way, method) -> None:
    """With the name of what runs them."""

    async def later(item):
        return item

    with pool_of(way) as pool, pytest.raises(NotCallableError, match=r"coroutine function.*later.*poolwise\.amap"):
        getattr(pool, method)(later, [1])
    with pool_of(way) as pool, pytest.raises(NotCallableError, match="not 3"):
        getattr(pool, method)(3, [1])


# --- Deaths ----------------------------------------------------------------------------------------------------


@by_process
def test_a_death_costs_the_task_that_it_was_on(way) -> None:
    """All others are done, and the pool goes on."""
    with pool_of(way) as pool:
        futures = [pool.submit(die if item == 50 else double, item) for item in range(100)]
        errors = [each.exception() for each in futures]
        assert [place for place, error in enumerate(errors) if error is not None] == [50]
        assert isinstance(errors[50], WorkerDiedError)
        assert [each.result() for place, each in enumerate(futures) if place != 50] == [
            2 * item for item in range(100) if item != 50
        ]
        assert pool.submit(double, 4).result() == 8


@by_process
def test_a_death_behind_results_that_were_sent_is_laid_on_the_right_task(way, tmp_path) -> None:
    """What came back before from the same worker changes nothing of who is to blame."""
    with pool_of(way, max_workers=1, crash_retries=0) as pool:
        quick, count = pool.submit(double, 1), tmp_path / "count"

        def dies_late(seen):
            with count.open("a") as file:
                file.write("x")
            wait_for(seen)
            die()

        seen = tmp_path / "seen"
        late, behind = pool.submit(dies_late, seen), pool.submit(double, 3)
        assert quick.result() == 2
        seen.touch()
        assert isinstance(late.exception(), WorkerDiedError)
        assert behind.result() == 6
        assert count.read_text() == "x"


# --- Who waits for whom ----------------------------------------------------------------------------------------


@every_way
def test_a_quick_task_is_not_kept_by_a_slow_one(way, tmp_path) -> None:
    """With one worker: the second task ends only once the first one's result is there."""
    with pool_of(way, max_workers=1) as pool:
        # Tasks of which it is known that they are quick are sent together.
        concurrent.futures.wait([pool.submit(double, item) for item in range(300)])
        quick, slow = pool.submit(double, 1), pool.submit(wait_for, tmp_path / "go")
        assert quick.result(timeout=20) == 2
        (tmp_path / "go").touch()
        assert slow.result() == "seen"


@every_way
def test_two_tasks_that_need_each_other_run_at_the_same_time(way, tmp_path) -> None:
    """They came together, and two workers take one each."""
    one, other = tmp_path / "one", tmp_path / "other"
    with pool_of(way) as pool:
        # Also where they are taken for quick ones.
        concurrent.futures.wait([pool.submit(double, item) for item in range(300)])
        futures = [pool.submit(meet, one, other), pool.submit(meet, other, one)]
        assert [each.result(timeout=30) for each in futures] == ["seen", "seen"]


@every_way
def test_the_tools_of_the_standard_library_work(way) -> None:
    """``as_completed``, ``wait``, callbacks, ``wrap_future`` and ``run_in_executor``."""
    with pool_of(way) as pool:
        futures = [pool.submit(double, item) for item in range(20)]
        called = threading.Event()
        futures[3].add_done_callback(lambda _: called.set())
        assert {each.result() for each in concurrent.futures.as_completed(futures)} == set(range(0, 40, 2))
        assert concurrent.futures.wait(futures).not_done == set()
        assert called.wait(20)

        async def both():
            loop = asyncio.get_running_loop()
            return await asyncio.gather(
                asyncio.wrap_future(pool.submit(double, 1)), loop.run_in_executor(pool, double, 2)
            )

        assert asyncio.run(both()) == [2, 4]


@every_way
def test_many_threads_may_submit(way) -> None:
    """Each gets its own results."""
    with pool_of(way) as pool, concurrent.futures.ThreadPoolExecutor(8) as callers:

        def call(caller):
            futures = [pool.submit(double, caller * 1_000 + item) for item in range(200)]
            return [each.result() for each in futures] == [2 * (caller * 1_000 + item) for item in range(200)]

        assert list(callers.map(call, range(8))) == [True] * 8


@every_way
def test_a_task_may_have_a_pool_of_its_own(way) -> None:
    """A pool inside a worker works and leaves nothing behind."""

    def outer(item):
        with poolwise.Pool("threads", max_workers=2) as inner:
            return sum(inner.map(double, range(item)))

    with pool_of(way) as pool:
        assert list(pool.map(outer, [10, 20])) == [90, 380]


# --- map -------------------------------------------------------------------------------------------------------


@every_way
def test_map_gives_results_in_order(way) -> None:
    """Of one iterable or several, of any chunk size."""
    with pool_of(way) as pool:
        assert list(pool.map(double, range(1_000))) == [2 * item for item in range(1_000)]
        assert list(pool.map(pow, [1, 2, 3], [4, 5], chunksize=1)) == [1, 32]
        assert list(pool.map(double, [])) == []
        with pytest.raises(ValueError, match="chunksize must be >= 1"):
            pool.map(double, [1], chunksize=0)


@every_way
@pytest.mark.parametrize("size", [1, 3, 200])
def test_map_reads_endless_items_as_results_are_taken(way, size) -> None:
    """With a ``buffersize``: no more of them ahead than that, with chunks of any size."""
    with pool_of(way) as pool:
        for chunksize in (None, 1, 7):
            items = itertools.count()
            results = pool.map(double, items, buffersize=size, chunksize=chunksize)
            assert list(itertools.islice(results, 500)) == [2 * item for item in range(500)]
            assert next(items) <= 500 + size
            results.close()


@every_way
def test_a_map_that_reads_as_it_goes_keeps_its_pool(way) -> None:
    """A pool that nobody else holds is there until the items are at an end; nothing is left out."""
    results = poolwise.Pool(**WAYS[way], max_workers=2).map(double, iter(range(100)), buffersize=4)
    gc.collect()
    assert list(results) == [2 * item for item in range(100)]


@every_way
def test_a_map_that_reads_as_it_goes_ends_with_its_pool(way) -> None:
    """The results of what had been read are given, and then it says why there are no more."""
    with pool_of(way) as pool:
        results = pool.map(double, itertools.count(), buffersize=4)
    assert [next(results) for _ in range(4)] == [0, 2, 4, 6]
    with pytest.raises(RuntimeError, match="after shutdown"):
        next(results)


def test_buffersize_is_checked_as_the_standard_library_does() -> None:
    """Type and value, in its words, before anything is read."""
    with pool_of("threads") as pool:
        for wrong in ("foo", 2.0):
            with pytest.raises(TypeError, match="buffersize must be an integer or None"):
                pool.map(double, itertools.count(), buffersize=wrong)
        for wrong in (0, -1):
            with pytest.raises(ValueError, match="buffersize must be None or > 0"):
                pool.map(double, itertools.count(), buffersize=wrong)


@every_way
def test_map_raises_an_error_in_its_turn(way) -> None:
    """What comes before it is given; the pool goes on."""
    with pool_of(way) as pool:
        results = pool.map(lambda item: 1 // item, [1, 1, 0, 1])
        assert [next(results), next(results)] == [1, 1]
        with pytest.raises(ZeroDivisionError):
            next(results)
        assert pool.submit(double, 1).result() == 2


@every_way
def test_map_times_out(way, tmp_path) -> None:
    """Counted from the call on, not from ``next``."""
    with pool_of(way) as pool:
        results = pool.map(wait_for, [tmp_path / "go"], timeout=0.05)
        with pytest.raises(TimeoutError):
            next(results)
        (tmp_path / "go").touch()


@every_way
def test_a_map_that_is_closed_gives_up_what_has_not_begun(way, tmp_path) -> None:
    """And nobody waits for it."""

    def leave_a_trace(item):
        (tmp_path / str(item)).touch()
        return item

    with pool_of(way, max_workers=1) as pool:
        results = pool.map(leave_a_trace, range(100_000), chunksize=1)
        assert next(results) == 0
        results.close()
    assert len([*tmp_path.iterdir()]) < 50_000


# --- The beginning and what is held ------------------------------------------------------------------------------


@every_way
def test_an_initializer_that_fails_is_told_to_all(way) -> None:
    """To every future that waits, and to whoever submits later."""
    with pool_of(way, initializer=refuse) as pool:
        futures = []
        with contextlib.suppress(InitializerError):
            futures = [pool.submit(double, item) for item in range(10)]
        assert all(isinstance(each.exception(timeout=20), InitializerError) for each in futures)
        wait_until(lambda: pool._clerk.error is not None, "the pool knows")
        with pytest.raises(InitializerError, match="ValueError: no"):
            pool.submit(double, 1)


def test_wrong_arguments_are_refused() -> None:
    """As a ``ValueError``, before any worker is started."""
    for options in ({"max_workers": 0}, {"max_workers": -1}, {"backend": "asyncio"}, {"crash_retries": -1}):
        with pytest.raises(OptionError):
            poolwise.Pool(**options)


MANAGED = """
    import multiprocessing
    import poolwise
    if __name__ == "__main__":
        with multiprocessing.get_context("spawn").Manager() as manager, poolwise.Pool({options}) as pool:
            heard = manager.list()
            pool.submit(heard.append, 5).result()
            print(list(heard))
"""


@by_process
def test_managers_can_be_used_in_tasks(way, tmp_path: Path) -> None:
    """The worker knows the caller's managers, as those of ``multiprocessing`` do."""
    # In a program of its own: multiprocessing leaves a process that tracks its resources for as long as it runs.
    options = ", ".join(f"{name}={value!r}" for name, value in WAYS[way].items())
    ended = run_program(tmp_path, MANAGED.format(options=options))
    assert (ended.stdout.strip(), ended.stderr) == ("[5]", "")


@every_way
@pytest.mark.parametrize("what", ["argument", "function"])
def test_nothing_is_held_of_a_task_that_is_done(way, what) -> None:
    """Neither its arguments nor its function, though the future and a slow neighbour live on."""
    held = Held()
    gone = weakref.ref(held)
    with pool_of(way) as pool:
        future = pool.submit(held.method) if what == "function" else pool.submit(type, held)
        del held
        future.result()
        wait_until(lambda: gone() is None, "it is gone", 10)


@pytest.mark.parametrize(("way", "count"), [("threads", 20_000), ("fork", 100_000), ("spawn", 10_000)])
def test_many_submits_leave_nothing_behind(way, count) -> None:
    """The desk is empty, nothing is in flight, and no task or future lives."""
    with pool_of(way) as pool:
        for _ in range(10):
            futures = [pool.submit(double, item) for item in range(count // 10)]
            concurrent.futures.wait(futures)
        del futures
        if way != "threads":
            desk = pool._clerk.desk
            wait_until(lambda: not (desk._lines or pool._clerk._scheduler.busy_workers), "the desk is empty")
            assert (desk._starts, desk._left, len(desk._arrived), desk.known) == ([], [], 0, count)
        gc.collect()
        assert sum(isinstance(each, concurrent.futures.Future) for each in gc.get_objects()) < 100


@every_way
def test_a_result_is_there_at_once(way) -> None:
    """A single task takes milliseconds, not a tick of some clock."""
    with pool_of(way) as pool:
        pool.submit(double, 1).result()
        begun = time.perf_counter()
        for item in range(50):
            assert pool.submit(double, item).result() == 2 * item
        assert time.perf_counter() - begun < 2.5
