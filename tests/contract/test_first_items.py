"""The first items get company while they run; what comes out is what a loop gives."""

from __future__ import annotations

import asyncio
import contextvars
import os
import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import poolwise
from poolwise.measure.free_threading import gil_enabled
from poolwise.measure.machine import usable_cores
from poolwise.measure.probe import Probe
from tests.contract import functions

MANY = 60
# A hang fails long after anything that works has ended.
WATCHDOG_S = 20.0
WATCHED = pytest.mark.skipif(
    not hasattr(time, "pthread_getcpuclockid"), reason="nobody can look at another thread's clock on this system"
)
TWO_CORES = pytest.mark.skipif(
    usable_cores()[0] < 2 or not gil_enabled() or sys.platform != "linux",
    reason="processes keep company where there are two cores, a GIL and a safe fork",
)


def run(function: Any, items: Any, **options: Any) -> Any:
    """Run with nothing said of how."""
    return poolwise.map(function, items, progress=False, **options)


@pytest.fixture
def computing(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the GIL may be seen wrongly; what follows from it is to be seen here."""
    monkeypatch.setattr(Probe, "gil_held", 1.0)


def compute(seconds: float) -> None:
    """Hold the GIL for so long, by the clock of this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(100))


def compute_until(path: Path) -> None:
    """Compute until somebody has made a file."""
    deadline = time.monotonic() + WATCHDOG_S
    while not path.exists():
        assert time.monotonic() < deadline, f"nobody came to make {path.name}"
        compute(0.001)


# --- Items that wait -----------------------------------------------------------------------------------------


@WATCHED
def test_sixty_items_wait_at_once_while_the_first_still_does() -> None:
    """Each waits for all the others: they are all at it while item 0 is."""
    meeting = threading.Barrier(MANY, timeout=WATCHDOG_S)
    calls: Counter[int] = Counter()

    def meet(item: int) -> int:
        calls[item] += 1
        meeting.wait()
        return -item

    results = run(meet, range(MANY))
    assert results == [-item for item in range(MANY)]
    assert set(calls.values()) == {1}
    assert (results.report.plan.backend, results.report.failed) == ("threads", 0)


@WATCHED
def test_an_error_in_company_is_raised_once_the_first_item_is_back() -> None:
    """Item 5 fails while item 0 waits: it comes out of map, with its item."""
    failed = threading.Event()

    def function(item: int) -> int:
        if item == 5:
            failed.set()
            raise LookupError(item)
        assert failed.wait(WATCHDOG_S)
        return item

    with pytest.raises(LookupError) as caught:
        run(function, range(MANY))
    assert any("item 5" in note for note in caught.value.__notes__)


@WATCHED
def test_errors_are_collected_in_company() -> None:
    """Each failure stands in the place of its result."""
    meeting = threading.Barrier(MANY, timeout=WATCHDOG_S)

    def function(item: int) -> int:
        meeting.wait()
        if item % 7 == 3:
            raise ValueError(item)
        return item

    results = run(function, range(MANY), errors="collect")
    failed = [index for index, each in enumerate(results) if isinstance(each, poolwise.Failure)]
    assert failed == [index for index in range(MANY) if index % 7 == 3]
    assert [each for each in results if not isinstance(each, poolwise.Failure)] == [
        index for index in range(MANY) if index % 7 != 3
    ]


@WATCHED
def test_items_are_retried_in_company() -> None:
    """As often as was said, wherever they run."""
    calls: Counter[int] = Counter()
    lock = threading.Lock()

    def function(item: int) -> int:
        time.sleep(0.002)
        with lock:
            calls[item] += 1
        if calls[item] < 3:
            raise ValueError(item)
        return item

    # In another process it would count anew; a lock cannot be sent to one that is not forked.
    results = run(function, range(MANY), retries=2, start_method="spawn")
    assert results == list(range(MANY))
    assert (set(calls.values()), results.report.retried) == ({3}, 2 * MANY)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_no_more_at_once_than_was_said(most: int) -> None:
    """max_workers counts the calling thread; with one there is no company."""
    at_it: set[int] = set()
    seen: list[int] = []
    lock = threading.Lock()

    def function(item: int) -> int:
        with lock:
            at_it.add(item)
            seen.append(len(at_it))
        time.sleep(0.003)
        with lock:
            at_it.remove(item)
        return item

    assert run(function, range(40), max_workers=most) == list(range(40))
    assert max(seen) <= most


def test_each_thread_is_initialized_before_its_first_item() -> None:
    """And once, the calling one included."""
    initialized: list[int] = []

    def function(_item: int) -> int:
        time.sleep(0.002)
        assert threading.get_ident() in initialized
        return threading.get_ident()

    def initialize() -> None:
        initialized.append(threading.get_ident())

    used = set(run(function, range(MANY), initializer=initialize))
    assert used <= set(initialized)
    assert initialized.count(threading.get_ident()) == 1


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="lost")


def test_company_sees_the_callers_context_variables() -> None:
    """As the calling thread does, and as a loop would."""
    variable.set("kept")

    def function(_item: int) -> str:
        time.sleep(0.003)
        return variable.get()

    assert set(run(function, range(MANY))) == {"kept"}


def draw(item: int) -> tuple[int, float, int]:
    """Draw from the streams of the process, as functions do."""
    first = random.random()
    time.sleep(0.002)
    return item, first, random.randint(0, 10**9)


def draw_and_compute(item: int) -> tuple[int, float, int]:
    """Draw before and after some work."""
    first = random.random()
    compute(0.01)
    return item, first, random.randint(0, 10**9)


@pytest.mark.parametrize("function", [draw, draw_and_compute])
def test_seeded_numbers_are_the_same_in_any_company(function: Any, computing: None) -> None:
    """An item's numbers are its own: the calling thread beside others, others beside it, workers, or the plain loop."""
    state = random.getstate()
    results = run(function, range(24), seed=7)
    assert random.getstate() == state
    assert results == run(function, range(24), seed=7, backend="loop")


def test_what_only_the_calling_thread_can_do_is_done_there() -> None:
    """A connection that belongs to it fails in all others: those items are tried again, and nothing is raised."""
    connection = sqlite3.connect(":memory:")
    here: list[int] = []

    def function(item: int) -> int:
        time.sleep(0.003)
        value = connection.execute("select ?", (item,)).fetchone()[0]
        here.append(threading.get_ident())
        return value

    results = run(function, range(MANY))
    connection.close()
    assert results == list(range(MANY))
    assert (set(here), len(here)) == ({threading.get_ident()}, MANY)


def test_a_server_that_refuses_more_than_a_few() -> None:
    """Nobody asked for so many at once: refused items are tried again among fewer, and each is served once."""
    gate = threading.Semaphore(3)
    served: Counter[int] = Counter()

    def function(item: int) -> int:
        if not gate.acquire(blocking=False):
            raise ConnectionRefusedError(111, "Connection refused")
        try:
            time.sleep(0.001)
            served[item] += 1
        finally:
            gate.release()
        return item

    assert run(function, range(MANY)) == list(range(MANY))
    assert set(served.values()) == {1}


def test_a_stream_stays_lazy() -> None:
    """A stream reads and runs a bounded number ahead of a consumer who is away, company or not."""
    begun: list[int] = []

    def function(item: int) -> int:
        begun.append(item)
        time.sleep(0.002)
        return item

    results = poolwise.imap(function, range(10**6), progress=False)
    assert [next(results) for _ in range(5)] == list(range(5))
    functions.released.wait(0.3)
    after_a_while = len(begun)
    functions.released.wait(0.2)
    assert len(begun) == after_a_while <= 4 * 128 + 5
    results.close()


def test_a_stream_that_is_dropped_leaves_nothing() -> None:
    """While company is at work on items that nobody will ask for."""
    results = poolwise.imap(lambda item: time.sleep(0.005) or item, range(10**6), progress=False)
    assert next(results) == 0
    del results


def test_a_stream_may_be_resumed_by_another_thread() -> None:
    """The thread that ran the first items may have ended by then: its clocks tell nothing any more."""
    results = poolwise.imap(lambda item: time.sleep(0.002) or item, range(30), progress=False)
    found: list[int] = []

    def step() -> None:
        found.extend(next(results) for _ in range(6))

    for _ in range(5):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
    assert found == list(range(30))
    results.close()


def test_a_slow_generator_is_read_by_the_calling_thread() -> None:
    """However slow it is, and whoever runs what it gives."""
    read_by: set[int] = set()

    def generate() -> Any:
        for item in range(20):
            read_by.add(threading.get_ident())
            time.sleep(0.002)
            yield item

    assert run(lambda item: time.sleep(0.004) or item, generate()) == list(range(20))
    assert read_by == {threading.get_ident()}


def test_inside_a_running_loop_too() -> None:
    """Awaited, ordinary functions run beside the loop, which goes on, and coroutine functions run in it."""

    async def twice(item: int) -> int:
        await asyncio.sleep(0.003)
        return 2 * item

    def slow(item: int) -> int:
        time.sleep(0.003)
        return item

    async def main() -> tuple[list[int], list[int], list[int]]:
        plain = await poolwise.amap(slow, range(MANY), progress=False)
        coroutine = await poolwise.amap(twice, range(MANY), progress=False)
        streamed = [value async for value in poolwise.aimap(slow, range(MANY), progress=False)]
        return list(plain), list(coroutine), streamed

    numbers = list(range(MANY))
    assert asyncio.run(main()) == (numbers, [2 * item for item in numbers], numbers)


def test_two_runs_at_once_leave_the_interpreter_as_it_was() -> None:
    """Each hands the GIL on quickly while it starts company; afterwards the interval is the caller's again."""
    before = sys.getswitchinterval()
    threads = [threading.Thread(target=run, args=(lambda _: time.sleep(0.002), range(MANY))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.getswitchinterval() == before


def test_a_map_inside_of_an_item() -> None:
    """Both get company, or not, and the results are the loop's."""

    def inner(number: int) -> int:
        time.sleep(0.001)
        return number

    assert run(lambda item: item + sum(run(inner, range(5))), range(20)) == [item + 10 for item in range(20)]


def test_a_quick_first_coroutine_does_not_hide_those_that_wait() -> None:
    """The others wait for each other: they are all at it at once."""
    there: list[int] = []
    all_there = asyncio.Event()

    async def meet(item: int) -> int:
        if item == 0:
            return item
        there.append(item)
        if len(there) == 9:
            all_there.set()
        await asyncio.wait_for(all_there.wait(), WATCHDOG_S)
        return item

    assert run(meet, range(10)) == list(range(10))


# --- Items that compute --------------------------------------------------------------------------------------


@TWO_CORES
@WATCHED
def test_two_items_compute_in_two_processes(tmp_path: Path, computing: None) -> None:
    """The second is begun elsewhere while the first runs here, and each runs once; a closure is no hindrance."""
    home = os.getpid()

    def function(item: int) -> tuple[int, int]:
        with (tmp_path / f"calls-{item}").open("a") as file:
            file.write(f"{os.getpid()}\n")
        if item == 0:
            compute_until(tmp_path / "calls-1")
        compute(0.02)
        return item, os.getpid()

    results = run(function, [0, 1])
    assert [item for item, _ in results] == [0, 1]
    assert (results[0][1] == home, results[1][1] == home) == (True, False)
    assert [len(functions.lines(tmp_path / f"calls-{item}")) for item in (0, 1)] == [1, 1]
    assert results.report.plan.backend == "processes"


@TWO_CORES
@WATCHED
def test_a_quick_first_item_does_not_hide_long_ones(tmp_path: Path, computing: None) -> None:
    """The second one is long: the third is begun elsewhere while it still runs."""

    def function(item: int) -> int:
        (tmp_path / f"begun-{item}").touch()
        if item == 1:
            compute_until(tmp_path / "begun-2")
        return item

    assert run(function, range(5)) == [0, 1, 2, 3, 4]


@TWO_CORES
@WATCHED
def test_a_copy_knows_nothing_of_what_the_first_item_has_done(tmp_path: Path, computing: None) -> None:
    """It was made before: a lock that item 0 holds, a table that it has half filled, are not held nor filled there."""
    lock = threading.Lock()
    table: list[int] = []

    def function(item: int) -> list[int]:
        with lock:
            (tmp_path / f"begun-{item}").touch()
            before = list(table)
            table.append(item)
            if item == 0:
                compute_until(tmp_path / "begun-1")
            return before

    assert run(function, [0, 1]) == [[], []]
    assert table == [0]


@TWO_CORES
def test_a_process_with_a_second_thread_is_not_copied(computing: None) -> None:
    """Forking it would not be safe; it is run all the same."""
    with_a_lock, over = threading.Lock(), threading.Event()

    def hold() -> None:
        with with_a_lock:
            over.wait(WATCHDOG_S)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        results = run(lambda item: compute(0.02) or item, range(3))
    finally:
        over.set()
        thread.join()
    assert results == [0, 1, 2]
    assert results.report.plan.start_method != "fork"


@TWO_CORES
@WATCHED
def test_an_error_of_an_item_in_a_copy(tmp_path: Path, computing: None) -> None:
    """It travels, and is raised once the first item is back."""

    def function(item: int) -> int:
        (tmp_path / f"begun-{item}").touch()
        if item == 0:
            compute_until(tmp_path / "begun-1")
            return 0
        raise LookupError(os.getpid())

    with pytest.raises(LookupError) as caught:
        run(function, [0, 1])
    assert caught.value.args != (os.getpid(),)


@TWO_CORES
def test_nothing_is_left_open(computing: None) -> None:
    """Descriptors, threads and processes are as before, after runs of each kind."""

    def everything() -> None:
        for _ in range(3):
            run(lambda item: compute(0.01) or item, range(4))
            run(lambda item: time.sleep(0.002) or item, range(30))
            run(abs, range(4))

    everything()
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    everything()
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before
