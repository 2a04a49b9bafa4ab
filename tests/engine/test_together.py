"""Several items at a time on threads of a worker process: results, errors, deaths, taking back, random numbers."""

from __future__ import annotations

import collections
import functools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import poolwise
from poolwise.backends.processes import ProcessesBackend
from poolwise.decide import choose
from poolwise.errors import TaskTimeoutError, WorkerDiedError
from poolwise.model.classes import replace
from poolwise.model.events import Chunk, ChunkDone, Event, TakenBack, WorkerLost, WorkerReady
from poolwise.model.options import StartMethod
from poolwise.model.plan import Plan
from poolwise.work.call import make_call
from poolwise.work.chunk import ChunkRules
from poolwise.work.items import make_items
from poolwise.work.job import Job
from tests.contract.functions import lines, note

TASKS = 4
each_method = pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])


@pytest.fixture(autouse=True)
def combined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked to run in processes runs in processes with threads."""
    forced = choose.decide_forced

    def with_threads(*facts: Any, **more: Any) -> Plan:
        # As if it had been measured: chunks are cut for items of 20 ms.
        return replace(forced(*facts, **more), tasks_per_worker=TASKS, item_s=0.02)

    monkeypatch.setattr(choose, "decide_forced", with_threads)


def run(function: Callable[..., Any], items: Any, method: StartMethod = "fork", **options: Any) -> Any:
    """Run a map."""
    options = {"max_workers": 2, "progress": False, **options}
    return poolwise.map(function, items, backend="processes", start_method=method, **options)


# --- Results -------------------------------------------------------------------------------------------------


def meet(folder: Path, item: int) -> tuple[int, int, int]:
    """Be in work together with the three neighbours: none returns before all four have begun."""
    (folder / str(item)).touch()
    # Of quick items, a thread takes several at a time.
    time.sleep(0.002)
    first = item // TASKS * TASKS
    deadline = time.monotonic() + 20
    while not all((folder / str(first + k)).exists() for k in range(TASKS)):
        assert time.monotonic() < deadline, "the neighbours were not begun"
        time.sleep(0.001)
    return item, os.getpid(), threading.get_ident()


@each_method
def test_items_of_a_worker_are_in_work_together_and_come_in_order(tmp_path: Path, method: StartMethod) -> None:
    """Four items at a time in each worker, on four threads; their results stand in input order."""
    results = run(functools.partial(meet, tmp_path), range(40), method, max_workers=1, chunksize=20)
    assert [item for item, _, _ in results] == list(range(40))
    assert len({pid for _, pid, _ in results}) == 1
    assert len({thread for _, _, thread in results}) == TASKS


def uneven(item: int) -> int:
    """Take longer the earlier it comes, so that items end in another order than they were begun in."""
    time.sleep(0.002 * (item % 7 == 0) + 0.0005 * (item % 3))
    return -item


@pytest.mark.parametrize("verb", ["map", "imap"])
def test_order_does_not_depend_on_who_ends_first(verb: str) -> None:
    """Long items among short ones; items from a list are inherited, those of an iterator travel."""
    for items in (list(range(300)), iter(range(300))):
        results = getattr(poolwise, verb)(uneven, items, backend="processes", max_workers=2, start_method="fork")
        assert list(results) == [-item for item in range(300)]


def test_quick_items_are_right_too() -> None:
    """Where items turn out to be quick, threads take many at a time."""
    assert run(abs, range(-100_000, 0)) == list(range(100_000, 0, -1))


def large(item: int) -> bytes:
    """Give what travels outside of the pickle."""
    return bytes([item % 256]) * (1 << 18)


def test_large_results_travel_in_parts() -> None:
    """Buffers that are sent while others are made."""
    results = run(large, range(60))
    assert [(len(each), each[0]) for each in results] == [(1 << 18, item) for item in range(60)]


# --- Errors --------------------------------------------------------------------------------------------------


def fail_on_threes(item: int) -> int:
    """Fail now and then."""
    time.sleep(0.0005)
    if item % 3 == 0:
        raise ValueError(item)
    return item


@each_method
def test_each_error_stands_at_its_own_item(method: StartMethod) -> None:
    """Errors are collected where they were raised, and the values of all others arrive."""
    results = run(fail_on_threes, range(100), method, errors="collect")
    assert [repr(each.error) if item % 3 == 0 else each for item, each in enumerate(results)] == [
        f"ValueError({item})" if item % 3 == 0 else item for item in range(100)
    ]


def fail_late(item: int) -> int:
    """Fail twice, the later item first."""
    if item == 5:
        time.sleep(0.05)
    if item in (5, 6):
        raise ValueError(item)
    return item


def test_in_a_stream_the_first_error_in_order_is_raised_after_the_values_before_it() -> None:
    """Whichever error comes first by the clock."""
    came: list[int] = []
    with pytest.raises(ValueError, match=r"^5"):
        came.extend(poolwise.imap(fail_late, range(100), backend="processes", max_workers=1, start_method="fork"))
    assert came == [0, 1, 2, 3, 4]


def leave(item: int) -> int:
    """End the script that this is not."""
    if item == 3:
        raise SystemExit(4)
    return item


def test_sys_exit_is_its_items_failure() -> None:
    """It ends neither the thread nor the worker."""
    results = run(leave, range(20), errors="collect")
    assert [index for index, each in enumerate(results) if each != index] == [3]
    assert results.report.deaths == 0
    assert "sys.exit(4)" in str(results[3].error)


def fork_a_child(item: int) -> int:
    """Fork a child that comes back from the call, as a careless function may."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return item


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_that_comes_back_from_the_call_ends_and_runs_nothing_else() -> None:
    """It has one thread of the team's, and must not take items with it."""
    assert run(fork_a_child, range(12)) == list(range(12))


# --- Deaths --------------------------------------------------------------------------------------------------


def die_on_nine(calls: Path, item: int) -> int:
    """Be killed in the middle of others that wait."""
    note(calls, item)
    if item == 9:
        time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.002)
    return item


@each_method
def test_a_death_among_others_is_laid_on_the_guilty_item_alone(tmp_path: Path, method: StartMethod) -> None:
    """Those that were in work with it are run again, one at a time, and have their results."""
    calls = tmp_path / "calls"
    results = run(functools.partial(die_on_nine, calls), range(60), method, errors="collect")
    assert [index for index, each in enumerate(results) if each != index] == [9]
    assert type(results[9].error) is WorkerDiedError
    assert results[9].attempts == 2
    assert "on item 9" in str(results[9].error)


def die_once(folder: Path, item: int) -> int:
    """Be killed the first time."""
    time.sleep(0.001)
    if item == 20 and not (folder / "done").exists():
        (folder / "done").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_a_death_that_happens_once_costs_nothing_but_time(tmp_path: Path) -> None:
    """Every result arrives."""
    results = run(functools.partial(die_once, tmp_path), range(200))
    assert results == list(range(200))
    assert results.report.deaths == 1


class Deadly:
    """Kills the worker that packs it."""

    def __reduce__(self) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)
        return (int, ())


def give_what_kills(item: int) -> Any:
    """Give one result that kills whoever packs it, long after the next items have begun."""
    time.sleep(0.02)
    return Deadly() if item == 4 else item


def test_a_result_that_kills_the_worker_is_found_while_others_are_in_work() -> None:
    """What is being packed is under suspicion too, although its call has ended."""
    results = run(give_what_kills, range(40), errors="collect")
    assert [index for index, each in enumerate(results) if each != index] == [4]
    assert type(results[4].error) is WorkerDiedError


# --- Late items ----------------------------------------------------------------------------------------------


def late_on_seven(calls: Path, item: int) -> int:
    """Never end on one item."""
    note(calls, item)
    if item == 7:
        time.sleep(600)
    return item


def test_a_late_item_is_ended_alone(tmp_path: Path) -> None:
    """With a timeout, items of a worker run one at a time: ending the worker takes no neighbour along."""
    calls = tmp_path / "calls"
    results = run(functools.partial(late_on_seven, calls), range(30), errors="collect", timeout=0.3)
    assert [index for index, each in enumerate(results) if each != index] == [7]
    assert type(results[7].error) is TaskTimeoutError
    assert collections.Counter(map(int, lines(calls))) == dict.fromkeys(range(30), 1)


# --- Taking back ---------------------------------------------------------------------------------------------


def wait_for_the_end(folder: Path, item: int) -> tuple[int, int]:
    """Keep the first worker busy until all other items are done."""
    note(folder / "calls", item)
    if item == 0:
        deadline = time.monotonic() + 20
        while len(lines(folder / "calls")) < 200:
            assert time.monotonic() < deadline, "the others were not run"
            time.sleep(0.002)
    time.sleep(0.001)
    return item, os.getpid()


def test_what_a_worker_has_not_begun_goes_to_another(tmp_path: Path) -> None:
    """Each item is called once, in whichever worker."""
    results = run(functools.partial(wait_for_the_end, tmp_path), range(200))
    assert [item for item, _ in results] == list(range(200))
    assert collections.Counter(map(int, lines(tmp_path / "calls"))) == dict.fromkeys(range(200), 1)


def wait_for_file(folder: Path, item: int) -> int:
    """Wait until the file is there."""
    note(folder / "calls", item)
    deadline = time.monotonic() + 20
    while not (folder / "go").exists():
        assert time.monotonic() < deadline, "nobody said go"
        time.sleep(0.001)
    return item


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[ProcessesBackend]:
    """Give a backend whose one worker is told only later how many items it runs at a time."""
    call = make_call(functools.partial(wait_for_file, tmp_path), spread=False)
    job = Job(call=call, items=make_items((range(100),)), rules=ChunkRules(stop_at_error=False))
    made = ProcessesBackend(job, Plan(backend="processes", workers=1, start_method="fork"))
    made.start(0)
    yield made
    made.close(abort=True)


def hear(backend: ProcessesBackend, kind: type[Event]) -> Any:
    """Wait for an event of this kind."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for event in backend.wait(0.1):
            if isinstance(event, kind):
                return event
            assert not isinstance(event, WorkerLost), event
    raise AssertionError(kind)


def test_a_worker_can_be_told_later_how_many_items_it_runs(backend: ProcessesBackend, tmp_path: Path) -> None:
    """What it is told holds from the next chunk on; what it has begun cannot be taken back, and the rest can."""
    hear(backend, WorkerReady)
    assert backend.set_tasks(8) == [0]
    assert backend.set_tasks(8) == []
    backend.send(0, Chunk(1, 0, 40), None)
    deadline = time.monotonic() + 20
    while len(lines(tmp_path / "calls")) < 8:
        assert time.monotonic() < deadline, "eight items were not begun"
        time.sleep(0.001)
    backend.take_back(0)
    taken = hear(backend, TakenBack)
    [(_, stop)] = taken.kept
    assert stop == 24
    (tmp_path / "go").touch()
    done = hear(backend, ChunkDone)
    values = list(done.outcome.values)
    while done.more:
        done = hear(backend, ChunkDone)
        values += done.outcome.values
    assert (values, done.cut) == (list(range(24)), True)
    assert sorted(map(int, lines(tmp_path / "calls"))) == list(range(24))


def test_a_worker_that_nobody_told_runs_one_at_a_time(backend: ProcessesBackend, tmp_path: Path) -> None:
    """As the Plan says that it was started with."""
    hear(backend, WorkerReady)
    assert backend.set_tasks(1) == []
    backend.send(0, Chunk(1, 0, 4), None)
    deadline = time.monotonic() + 20
    while not lines(tmp_path / "calls"):
        assert time.monotonic() < deadline, "nothing was begun"
        time.sleep(0.001)
    assert lines(tmp_path / "calls") == ["0"]
    (tmp_path / "go").touch()
    assert list(hear(backend, ChunkDone).outcome.values) == [0, 1, 2, 3]


# --- Surroundings --------------------------------------------------------------------------------------------


def draw(item: int) -> float:
    """Draw while others draw."""
    time.sleep(0.001 * (item % 3))
    return random.random()


@each_method
def test_each_item_has_its_own_random_numbers(method: StartMethod) -> None:
    """With a seed the numbers are those of the loop."""
    expected = poolwise.map(draw, range(40), backend="loop", seed=7)
    assert run(draw, range(40), method, seed=7) == expected


def burn(item: int) -> int:
    """Compute for 20 ms."""
    until = time.thread_time() + 0.02
    while time.thread_time() < until:
        pass
    return item


def test_the_cpu_time_of_all_threads_is_told(tmp_path: Path) -> None:
    """Outcomes tell what the threads of the worker took, not what its waiting main thread did."""
    job = Job(call=make_call(burn, spread=False), items=make_items((range(8),)))
    backend = ProcessesBackend(job, Plan(backend="processes", workers=1, start_method="fork", tasks_per_worker=4))
    try:
        backend.start(0)
        hear(backend, WorkerReady)
        backend.send(0, Chunk(1, 0, 8), None)
        outcomes = [hear(backend, ChunkDone)]
        while outcomes[-1].more:
            outcomes.append(hear(backend, ChunkDone))
    finally:
        backend.close(abort=True)
    assert 0.16 <= sum(each.outcome.cpu_s for each in outcomes) < 0.4
