"""``backend="dask"`` on a real cluster: what is promised of every backend, and what only a cluster can go through."""

from __future__ import annotations

import asyncio
import functools
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from pathlib import Path

import dask
import distributed
import numpy as np
import pytest

import poolwise
from poolwise.backends.dask import DaskConnection
from poolwise.errors import InitializerError, OptionError, WorkerDiedError, WorkerStartError
from poolwise.work import resident
from tests.engine.programs import wait_until
from tests.others.dask import functions
from tests.others.dask.conftest import started
from tests.others.programs import environment

pytestmark = pytest.mark.timeout(120)


def test_results_come_in_order_from_several_processes(client):
    """A list as map() gives it; the report says who did the work."""
    results = poolwise.map(functions.square, range(10_000), backend="dask")
    assert results == [x * x for x in range(10_000)]
    assert results.report.plan.backend == "dask"
    assert results.report.plan.workers == 4
    assert len(set(poolwise.map(functions.where, range(40), backend="dask", chunksize=1))) == 2


def test_an_address_is_enough(address):
    """No client is needed; the one that is made for the run does not become the program's."""
    assert poolwise.map(functions.square, range(10), backend="dask", cluster=address) == [x * x for x in range(10)]
    with pytest.raises(ValueError, match="No client"):
        distributed.default_client()


def test_a_client_can_be_given(address):
    """Of several clusters, the one that is meant."""
    with distributed.Client(address, set_as_default=False) as client:
        assert poolwise.map(functions.square, [3], backend="dask", cluster=client) == [9]


def test_a_program_with_an_asynchronous_client_awaits_its_results(address):
    """Inside an event loop, beside the program's own client."""

    async def main() -> list[int]:
        async with distributed.Client(address, asynchronous=True):
            return await poolwise.amap(functions.square, range(20), backend="dask")

    assert asyncio.run(main()) == [x * x for x in range(20)]


def test_without_a_cluster_it_is_said_how_to_have_one():
    """Nothing has run."""
    with pytest.raises(OptionError, match=r"distributed\.Client\(\.\.\.\).*cluster='tcp://127\.0\.0\.1:8786'"):
        poolwise.map(functions.square, [1], backend="dask")


def test_an_address_at_which_nobody_answers_is_told(monkeypatch):
    """Within the time that Dask itself waits for a connection."""
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(WorkerStartError, match=r"no Dask scheduler answers at cluster='tcp://127\.0\.0\.1:9'"),
    ):
        poolwise.map(functions.square, [1], backend="dask", cluster="tcp://127.0.0.1:9")


def test_lambdas_closures_and_coroutine_functions_travel(client):
    """Functions travel by value where they cannot be imported."""
    offset = 10
    assert poolwise.map(lambda x: x + offset, range(5), backend="dask") == [10, 11, 12, 13, 14]
    assert poolwise.map(functions.double, range(5), backend="dask") == [0, 2, 4, 6, 8]


def test_large_arrays_travel_both_ways(client):
    """What an item and a result weigh is no matter."""
    arrays = [np.full(500_000, float(number)) for number in range(4)]
    results = poolwise.map(lambda array: array + 1, arrays, backend="dask")
    assert [result[0] for result in results] == [1.0, 2.0, 3.0, 4.0]
    assert all(len(result) == 500_000 for result in results)


def test_what_a_function_refers_to_arrives_once_in_a_process(client, tmp_path):
    """However many chunks there are: the shared argument notes each time that it is unpickled."""
    shared = functools.partial(look_at, Noted(str(tmp_path / "arrivals")))
    poolwise.map(shared, range(40), backend="dask", chunksize=1)
    assert 1 <= len((tmp_path / "arrivals").read_text().splitlines()) <= 2


class Noted:
    """Notes in a file that it has been unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return arrive, (self.path,)


def arrive(path: str) -> Noted:
    """Note that something has been unpickled."""
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")
    return Noted(path)


def look_at(_: Noted, x: int) -> int:
    """Take something along."""
    return x


def test_an_error_is_the_items_own(client):
    """As in every backend: raised as it is, or collected with its index."""
    with pytest.raises(ZeroDivisionError):
        poolwise.map(lambda x: 1 // x, [1, 0, 2], backend="dask")
    results = poolwise.map(lambda x: 6 // x, [1, 0, 2], backend="dask", errors="collect")
    assert [failure.index for failure in results.failures] == [1]
    assert [results[0], results[2]] == [6, 3]


def test_items_are_tried_again(client, tmp_path):
    """``retries`` holds on a cluster."""
    flaky = functools.partial(functions.fail_at_first, str(tmp_path))
    retry = poolwise.Retry(2, wait=0.01)
    assert poolwise.map(flaky, range(6), backend="dask", retries=retry) == list(range(6))


def test_a_late_item_is_given_up(client):
    """Its call goes on in the cluster, and costs nobody else anything."""
    late = functools.partial(sleep_at, 3)
    results = poolwise.map(late, range(6), backend="dask", timeout=1.0, errors="collect")
    assert [failure.index for failure in results.failures] == [3]
    assert "longer than timeout=1 s" in str(results.failures[0].error)


def sleep_at(slow: int, x: int) -> int:
    """Take long at one item."""
    time.sleep(3.0 if x == slow else 0)
    return x


def test_an_initializer_runs_once_in_each_process(client):
    """However many threads it has."""
    told = set(poolwise.map(functions.began, range(20), backend="dask", initializer=functions.begin, initargs=(7,)))
    assert all(begun[-1:] == (7,) for _, begun in told)
    assert len(told) == len({pid for pid, _ in told})
    with pytest.raises(InitializerError, match="ZeroDivisionError"):
        poolwise.map(functions.square, [1], backend="dask", initializer=lambda: 1 // 0)


def test_a_seed_gives_the_numbers_of_the_loop(client):
    """Also where a process has several threads."""

    def draw(_: int) -> float:
        return random.random()

    alone = poolwise.map(draw, range(20), backend="loop", seed=3)
    assert poolwise.map(draw, range(20), backend="dask", seed=3, chunksize=3) == alone


def test_results_are_streamed(client):
    """Of an endless iterator, the first results are there while the rest has not been read."""
    read = []

    def numbers():
        number = 0
        while True:
            read.append(number)
            yield number
            number += 1

    stream = poolwise.imap(functions.square, numbers(), backend="dask")
    assert [next(stream) for _ in range(5)] == [0, 1, 4, 9, 16]
    stream.close()
    assert len(read) < 100_000


def test_a_killed_process_loses_nothing(client, tmp_path):
    """What it had not answered is run again elsewhere, once."""
    function = functools.partial(functions.kill_once, str(tmp_path))
    results = poolwise.map(function, range(200), backend="dask")
    assert results == list(range(200))
    assert results.report.deaths >= 1


def test_an_item_that_kills_its_process_is_named(client):
    """The others, in other threads of the same process, are not blamed."""
    function = functools.partial(functions.kill_at, 13)
    results = poolwise.map(function, range(40), backend="dask", errors="collect")
    assert [(failure.index, type(failure.error)) for failure in results.failures] == [(13, WorkerDiedError)]
    assert [result for result in results if result or result == 0] == [x for x in range(40) if x != 13]


def test_a_journal_holds_what_a_cluster_has_done(client, tmp_path):
    """A second run asks the cluster for nothing."""
    book = tmp_path / "done.journal"
    results = poolwise.map(functions.square, range(50), backend="dask", journal=str(book))
    again = poolwise.map(functions.square, range(50), backend="dask", journal=str(book))
    assert results == again == [x * x for x in range(50)]
    assert again.report.recalled == 50


def test_progress_is_told(client):
    """Up to the last item."""
    told = []
    poolwise.map(functions.where, range(60), backend="dask", progress=told.append)
    assert told[-1].done == 60


def test_the_timeline_has_the_clusters_workers(client):
    """Each seat is a lane; its spans lie within the run, in order."""
    timeline = poolwise.map(functions.where, range(40), backend="dask", timeline=True).report.timeline
    assert [lane.name for lane in timeline.lanes] == [f"Dask worker {number}" for number in range(4)]
    work = [span for span in timeline.spans if span.kind == "work"]
    assert sum(span.items for span in work) == 40
    assert all(0 <= span.begin_s <= span.end_s <= timeline.wall_s for span in timeline.spans)


def test_several_runs_share_a_cluster(client):
    """Each has its function; a process that dies is noticed by all of them."""
    results: dict[int, list[int]] = {}

    def run(number: int) -> None:
        results[number] = poolwise.map(lambda x: x + number, range(100), backend="dask")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {number: [x + number for x in range(100)] for number in range(3)}


def test_nothing_is_left_on_the_cluster(client):
    """After a run the processes have forgotten its function, and no task of ours is known to the scheduler."""
    poolwise.map(functions.square, range(100), backend="dask")

    def is_clean() -> bool:
        there = client.run(lambda: len(resident._residences))
        tasks = client.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.tasks])
        return not any(there.values()) and not [key for key in tasks if "poolwise" in str(key)]

    wait_until(is_clean, "forgetting", 10)


def test_ctrl_c_ends_the_work_on_the_cluster(address, tmp_path):
    """Items that were begun end; no other is begun, and the program is gone."""
    program = textwrap.dedent(f"""
        import functools, poolwise
        from tests.others.dask import functions
        linger = functools.partial(functions.linger, {str(tmp_path)!r})
        poolwise.map(linger, range(400), backend="dask", cluster={address!r}, chunksize=50, progress=False)
    """)
    run = subprocess.Popen([sys.executable, "-c", program], env=environment(), stderr=subprocess.PIPE)
    try:
        wait_until(lambda: any(tmp_path.glob("ended-*")), "the first item", 40)
        run.send_signal(signal.SIGINT)
        _, told = run.communicate(timeout=30)
    finally:
        run.kill()
        run.wait()
    assert b"KeyboardInterrupt" in told
    begun = len(list(tmp_path.glob("begun-*")))
    time.sleep(1.0)
    assert len(list(tmp_path.glob("begun-*"))) <= begun + 4
    assert begun < 100


def test_a_cluster_is_a_candidate_of_auto(client):
    """What it would cost is told beside the others, with the round trip that was measured."""
    diagnosis = poolwise.why(functools.partial(functions.compute, 0.02), range(1000))
    ways = {each.backend: each for each in diagnosis.plan.rejected}
    cluster = diagnosis.machine.clusters[0]
    assert (cluster.backend, cluster.seats, cluster.here) == ("dask", 4, True)
    assert 0 < cluster.round_trip_s < 10
    assert diagnosis.plan.backend == "dask" or ways["dask"].estimate is not None


def test_a_cluster_that_has_more_to_give_is_chosen(client, monkeypatch):
    """Where its processes are on other machines, work that keeps this one's cores busy goes there."""
    monkeypatch.setattr(DaskConnection, "here", False)
    monkeypatch.setattr(DaskConnection, "seats", lambda _: 64)
    results = poolwise.map(functools.partial(functions.compute, 0.02), range(200), max_workers=16)
    assert results == list(range(200))
    chosen = {results.report.plan.backend, *(each.before for each in results.report.revisions)}
    assert "dask" in chosen


def test_a_cluster_that_is_gone_is_no_way(tmp_path):
    """Nobody has asked for it: the work is done here."""
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        with started(tmp_path, workers=1) as address:
            client = distributed.Client(address)
        try:
            results = poolwise.map(functools.partial(functions.compute, 0.02), range(60))
        finally:
            client.close()
    assert results == list(range(60))
    assert results.report.machine.clusters == ()


def test_a_short_run_does_not_ask_the_cluster(client):
    """Nothing is measured there for what ends in a moment."""
    results = poolwise.map(functions.square, range(100))
    assert results.report.machine is None or results.report.machine.clusters == ()


def test_an_item_that_kills_whoever_unpickles_it_is_named(client):
    """It is found by itself, whoever reads its chunk; what kills before it is run kills no other item."""
    items = [Deadly() if x == 5 else x for x in range(12)]
    results = poolwise.map(functions.square_any, items, backend="dask", errors="collect")
    assert [(failure.index, type(failure.error)) for failure in results.failures] == [(5, WorkerDiedError)]


class Deadly:
    """Kills the process that unpickles it."""

    def __reduce__(self):
        return functions.die, ()


def test_an_error_ends_what_has_not_begun(client, tmp_path):
    """The run ends with the first failure; of 400 items in chunks of 50, few more begin."""

    def fail(x: int) -> int:
        if x == 3:
            raise ValueError(x)
        return functions.linger(str(tmp_path), x)

    with pytest.raises(ValueError, match="3"):
        poolwise.map(fail, range(400), backend="dask", chunksize=50)
    begun = len(list(tmp_path.glob("begun-*")))
    time.sleep(1.0)
    assert len(list(tmp_path.glob("begun-*"))) <= begun + 4
    assert begun < 100


def test_without_dask_the_extra_is_named():
    """The error says what to install."""
    program = "import sys; sys.modules['distributed'] = None; import poolwise; poolwise.map(abs, [1], backend='dask')"
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert "MissingExtraError: backend='dask' needs distributed: pip install 'poolwise[dask]' brings it" in run.stderr


@pytest.mark.parametrize("backend", ["processes", "dask"])
def test_an_error_brings_its_traceback(client, backend):
    """Dask has exceptions pickled with their tracebacks by every library of the program: it is told where."""
    with pytest.raises(ZeroDivisionError) as caught:
        poolwise.map(functions.divide, [1, 0], backend=backend)
    assert "in divide" in "".join(traceback.format_exception(caught.value))
