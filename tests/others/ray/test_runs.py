"""``backend="ray"`` on a real Ray: what is true of every backend, and what only a cluster brings."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import poolwise
from poolwise.backends import ray as link
from poolwise.backends.cluster import SEAT_PATIENCE_S
from poolwise.errors import InitializerError, TaskTimeoutError, WorkerDiedError
from poolwise.model.progress import Progress
from tests.contract import functions as common
from tests.contract.test_timeline import check, worked_on
from tests.others.ray import functions
from tests.others.ray.conftest import CPUS

pytestmark = [pytest.mark.usefixtures("cluster", "nothing_kept"), pytest.mark.timeout(240)]
RAY: dict[str, Any] = {"backend": "ray", "progress": False}
ONE: dict[str, Any] = {**RAY, "max_workers": 1}


def test_a_map_is_that_of_the_loop_with_its_timeline():
    """Results in order, on all CPUs by default, with the lanes of the Ray workers and their spans inside the run."""
    results = poolwise.map(common.double, range(500), timeline=True, **RAY)
    assert results == [common.double(item) for item in range(500)]
    timeline = results.report.timeline
    assert timeline is not None
    check(timeline)
    assert worked_on(timeline) == dict.fromkeys(range(500), 1)
    assert [lane.name for lane in timeline.lanes] == [f"Ray worker {worker}" for worker in range(CPUS)]
    assert (results.report.plan.backend, results.report.plan.workers) == ("ray", CPUS)


def test_failures_retries_and_progress(tmp_path: Path):
    """A flaky item is tried again, a bad one is a Failure in its place, and progress hears of all."""
    told: list[Progress] = []
    flaky = functools.partial(common.fail_once_on, tmp_path, frozenset({3}))
    options: dict[str, Any] = {**ONE, "progress": told.append}
    results = poolwise.map(flaky, range(20), retries=1, errors="collect", **options)
    assert results == list(range(20))
    assert results.report.retried == 1
    assert told[-1].done == 20


def test_an_error_is_raised_as_itself():
    """What the function raises comes out with a note that names the item, and the CPUs are free."""
    with pytest.raises(ValueError, match="bad item") as caught:
        poolwise.map(functools.partial(common.fail_on, frozenset({7})), range(20), **ONE)
    assert caught.value.__notes__ == ["poolwise: on item 7: 7"]


def test_a_late_item_is_ended_with_its_actor():
    """A late item is told as that item's failure; its actor is killed, and another one does the rest."""
    late = functools.partial(common.linger, 60.0, frozenset({2}))
    results = poolwise.map(late, range(5), timeout=0.3, errors="collect", **ONE)
    assert [each for each in results if isinstance(each, int)] == [0, 1, 3, 4]
    assert [(each.index, type(each.error)) for each in results.failures] == [(2, TaskTimeoutError)]
    assert str(results.failures[0].error).endswith("longer than timeout=0.3 s; its worker was ended")


def test_a_killed_process_loses_nothing(tmp_path: Path):
    """The process of an actor is killed in the middle of an item: all results come, in order, and its lane ends."""
    killer = threading.Thread(target=kill_when_told, args=(tmp_path / "pid",))
    killer.start()
    results = poolwise.map(functools.partial(functions.kill_once, tmp_path, 30), range(60), timeline=True, **RAY)
    killer.join()
    assert results == list(range(60))
    assert results.report.deaths == 1
    timeline = results.report.timeline
    assert timeline is not None
    check(timeline)
    assert worked_on(timeline) == dict.fromkeys(range(60), 1)
    (death,) = [mark for mark in timeline.marks if mark.kind == "death"]
    assert "has lost its process on the Ray cluster" in death.text
    assert max(span.end_s for span in timeline.spans if span.worker == death.worker) <= death.at_s + 1e-6


def kill_when_told(path: Path) -> None:
    """Kill the process that has left its number."""
    while not common.lines(path):
        time.sleep(0.01)
    os.kill(int(common.lines(path)[0]), signal.SIGKILL)


@pytest.mark.slow
def test_what_kills_each_time_is_named():
    """An item that always kills its worker is a WorkerDiedError in its place; the others have their results."""
    deadly = functools.partial(common.die_on, common.kill_self, frozenset({11}))
    results = poolwise.map(deadly, range(30), errors="collect", **ONE)
    assert [(each.index, type(each.error), each.attempts) for each in results.failures] == [(11, WorkerDiedError, 2)]
    assert "on item 11" in str(results.failures[0].error)
    assert "Ray says: its worker process has died" in str(results.failures[0].error)
    assert [each for each in results if isinstance(each, int)] == [item for item in range(30) if item != 11]


@pytest.mark.slow
def test_an_item_that_kills_whoever_unpickles_it():
    """It dies before the function is called, and still costs that one item only."""
    items = [0, 1, common.Deadly(), 3]
    results = poolwise.map(common.kind, items, errors="collect", **ONE)
    assert [(each.index, type(each.error)) for each in results.failures] == [(2, WorkerDiedError)]
    assert [each for each in results if isinstance(each, str)] == ["int"] * 3


@pytest.mark.slow
def test_code_that_holds_the_gil_is_ended_too(monkeypatch: pytest.MonkeyPatch):
    """An item whose C code lets nothing else run in its process is late as any other."""
    monkeypatch.setattr(link, "SILENCE_S", 3.0)
    results = poolwise.map(functions.hold_the_gil, range(3), timeout=0.5, errors="collect", **ONE)
    assert [(each.index, type(each.error)) for each in results.failures] == [(1, TaskTimeoutError)]
    assert [each for each in results if isinstance(each, int)] == [0, 2]


@pytest.mark.slow
def test_the_initializer_runs_once_in_each_process(tmp_path: Path):
    """However many chunks a process runs; its items see what it made."""
    path = tmp_path / "calls"
    options = {**RAY, "initializer": common.initialize, "initargs": (path, "made"), "chunksize": 1}
    assert poolwise.map(common.see_initialized, range(40), **options) == [("made", item) for item in range(40)]
    processes = [line.split()[0] for line in common.lines(path)]
    assert len(processes) == len(set(processes)) <= CPUS


@pytest.mark.slow
def test_an_initializer_that_raises_ends_the_run():
    """It is told as that, with its own error as the cause."""
    with pytest.raises(InitializerError, match="no such database"):
        poolwise.map(common.double, range(4), initializer=common.initialize_badly, **ONE)


@pytest.mark.slow
def test_large_arrays_and_many_small_items():
    """Arrays go through the object store and come back equal; 100,000 items cost a few messages."""
    arrays = [np.full(1_000_000, item, dtype=np.float64) for item in range(4)]
    for given, got in zip(arrays, poolwise.map(np.negative, arrays, **ONE), strict=True):
        np.testing.assert_array_equal(got, -given)
    assert poolwise.map(common.double, range(100_000), **ONE) == [2 * item for item in range(100_000)]


@pytest.mark.slow
def test_every_verb():
    """imap, starmap, amap and coroutine functions."""
    assert list(poolwise.imap(common.double, iter(range(50)), **ONE)) == [2 * item for item in range(50)]
    assert poolwise.starmap(common.add, [(1, 2), (3, 4)], **ONE) == [3, 7]
    assert asyncio.run(collect()) == [2, 4, 6]
    assert poolwise.map(functools.partial(common.await_it, common.double), range(9), **ONE) == list(range(0, 18, 2))


async def collect() -> list[int]:
    """Map from inside of an event loop."""
    return list(await poolwise.amap(common.double, [1, 2, 3], **ONE))


@pytest.mark.slow
def test_a_worker_is_a_worker():
    """A map in a worker is right and leaves the other CPUs to the siblings; libraries are told of one CPU."""
    assert poolwise.map(functions.nested, [3, 5], **ONE) == [[0, 1, 2], [0, 1, 2, 3, 4]]
    assert poolwise.map(functions.nested_backend, [3], **ONE) == ["loop"]
    assert poolwise.map(functions.thread_limit, [3], **ONE) == ["1"]


@pytest.mark.slow
def test_more_workers_than_cpus_wait_for_room():
    """Actors for which there is no CPU wait in Ray's line, and are gone with the run."""
    started = time.monotonic()
    results = poolwise.map(functions.where, range(40), max_workers=4, chunksize=1, **RAY)
    assert [item for item, _ in results] == list(range(40))
    assert len({process for _, process in results}) <= CPUS
    assert time.monotonic() - started < SEAT_PATIENCE_S


@pytest.mark.slow
def test_the_numbers_for_the_decision():
    """The cluster says how many seats it has, also a moment after a run, and what a round trip takes."""
    poolwise.map(common.double, range(10), **RAY)
    assert link.seats_of_cluster() == CPUS
    assert 0 < link.round_trip_s() < 30
