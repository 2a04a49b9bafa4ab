"""``Pool``: cancelling, closing, and the ways in which a program with a pool ends."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import threading
from pathlib import Path

import psutil
import pytest

import poolwise
from tests.engine.programs import WATCHDOG_S, descendants, run_program, running_program, wait_until
from tests.engine.tasks import double, meet, wait_for
from tests.engine.test_executor import WAYS, every_way, pool_of

# --- Cancelling ------------------------------------------------------------------------------------------------


@every_way
def test_what_waits_can_be_cancelled(way, tmp_path) -> None:
    """A cancelled task is never run; what has begun cannot be cancelled."""
    with pool_of(way, max_workers=1) as pool:
        first = pool.submit(meet, tmp_path / "begun", tmp_path / "go")
        wait_until((tmp_path / "begun").exists, "the first has begun")
        others = [pool.submit((tmp_path / f"ran-{item}").touch) for item in range(100)]
        # The worker may hold some already.
        cancelled = [each.cancel() for each in reversed(others)]
        assert not first.cancel()
        assert any(cancelled)
        (tmp_path / "go").touch()
        concurrent.futures.wait(others)
    ran = {int(each.name.split("-")[1]) for each in tmp_path.glob("ran-*")}
    assert ran == {item for item, each in enumerate(others) if not each.cancelled()}


@every_way
def test_shutdown_cancels_what_has_not_begun(way, tmp_path) -> None:
    """What has begun is finished; nobody is left waiting."""
    pool = poolwise.Pool(**WAYS[way], max_workers=1)
    begun = pool.submit(meet, tmp_path / "begun", tmp_path / "go")
    wait_until((tmp_path / "begun").exists, "the first has begun")
    waiting = [pool.submit(double, item) for item in range(1_000)]
    mapped = pool.map(double, range(1_000))
    pool.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(concurrent.futures.CancelledError):
        list(mapped)
    (tmp_path / "go").touch()
    pool.shutdown()
    assert begun.result() == "seen"
    assert concurrent.futures.wait(waiting, timeout=0).not_done == set()
    assert sum(each.cancelled() for each in waiting) > 900


@every_way
def test_a_callback_may_submit_while_futures_are_cancelled(way, tmp_path) -> None:
    """It is told that the pool is closed, and nothing hangs."""
    pool = poolwise.Pool(**WAYS[way], max_workers=1)
    pool.submit(meet, tmp_path / "begun", tmp_path / "go")
    wait_until((tmp_path / "begun").exists, "the first has begun")
    refused = []

    def again(_):
        try:
            pool.submit(double, 1)
        except RuntimeError as error:
            refused.append(str(error))

    for item in range(10):
        pool.submit(double, item).add_done_callback(again)
    pool.shutdown(wait=False, cancel_futures=True)
    (tmp_path / "go").touch()
    pool.shutdown()
    assert refused
    assert set(refused) == {"cannot schedule new futures after shutdown"}


@every_way
def test_shutdown_twice_is_once(way) -> None:
    """Afterwards nothing can be submitted, and no worker is left."""
    before = threading.active_count(), psutil.Process().children()
    pool = poolwise.Pool(**WAYS[way], max_workers=2)
    futures = [pool.submit(double, item) for item in range(10)]
    pool.shutdown()
    pool.shutdown(wait=False)
    pool.shutdown(cancel_futures=True)
    assert [each.result() for each in futures] == [2 * item for item in range(10)]
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(double, 1)
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.map(double, [1])
    assert (threading.active_count(), psutil.Process().children()) == before


def test_a_task_may_shut_its_own_pool_down() -> None:
    """It does not wait for its own end; what was submitted before is done."""
    with pool_of("threads", max_workers=1) as pool:
        shutting = pool.submit(pool.shutdown)
        after = pool.submit(double, 2)
        assert (shutting.result(10), after.result(10)) == (None, 4)


@every_way
def test_a_pool_that_is_dropped_does_what_was_submitted_and_ends(way) -> None:
    """Nobody holds it any more: its workers go when their tasks are done."""
    before = psutil.Process().children()
    pool = poolwise.Pool(**WAYS[way], max_workers=2)
    thread, futures = pool._thread, [pool.submit(double, item) for item in range(100)]
    del pool
    assert [each.result() for each in futures] == [2 * item for item in range(100)]
    thread.join(20)
    assert not thread.is_alive()
    assert psutil.Process().children() == before


# --- Programs --------------------------------------------------------------------------------------------------

NEVER_CLOSED = """
    import poolwise, time
    def work(item):
        time.sleep(0.2)
        # In one piece: threads share the stream.
        print(f"did {{item}}\\n", end="", flush=True)
    if __name__ == "__main__":
        pool = poolwise.Pool({backend}, max_workers=2)
        for item in range(3):
            pool.submit(work, item)
"""


@pytest.mark.parametrize(
    "backend", ['"threads"', '"processes", start_method="fork"', '"processes", start_method="spawn"']
)
def test_a_pool_that_is_never_closed_ends_with_the_program(tmp_path: Path, backend: str) -> None:
    """Having done all that was submitted, without a word."""
    ended = run_program(tmp_path, NEVER_CLOSED.format(backend=backend))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert sorted(ended.stdout.splitlines()) == ["did 0", "did 1", "did 2"]


BUSY = """
    import poolwise, time
    def work(item):
        print("begun", flush=True)
        time.sleep(60)
    if __name__ == "__main__":
        with poolwise.Pool("processes", start_method="{method}", max_workers=2) as pool:
            pool.submit(work, 1).result()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_a_program_that_is_killed_leaves_no_worker(tmp_path: Path, method: str, by: signal.Signals) -> None:
    """Whatever they are on."""
    with running_program(tmp_path, BUSY.format(method=method)) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "begun\n"
        workers = descendants(program.pid)
        program.send_signal(by)
        program.wait(20)
        wait_until(lambda: not [each for each in workers if each.is_running() and each.status() != "zombie"], "all end")


def test_ctrl_c_ends_a_program_once_what_has_begun_is_done(tmp_path: Path) -> None:
    """As with the standard library's: the ``with`` waits for what was submitted, and then the interrupt is raised."""
    program_text = BUSY.format(method="fork").replace("time.sleep(60)", "time.sleep(1)")
    with running_program(tmp_path, program_text) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "begun\n"
        os.killpg(program.pid, signal.SIGINT)
        program.wait(20)
        assert program.stderr is not None
        assert program.stderr.read().rstrip().endswith("KeyboardInterrupt")
        assert program.returncode == -signal.SIGINT


FORKS = """
    import os, poolwise
    def work(item):
        return item
    with poolwise.Pool("{backend}", max_workers=2) as pool:
        pool.submit(work, 1).result()
        for _ in range(20):
            # A fork in the middle of everything.
            futures = [pool.submit(work, item) for item in range(50)]
            child = os.fork()
            if child == 0:
                try:
                    pool.submit(work, 1)
                except RuntimeError as error:
                    assert "pool of its own" in str(error)
                    pool.shutdown()
                    raise SystemExit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
            assert [each.result() for each in futures] == [*range(50)]
    print("done")
"""


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_a_child_that_the_program_forks_ends_by_itself(tmp_path: Path, backend: str) -> None:
    """It cannot use the pool, is told so, and takes nothing from it."""
    ended = run_program(tmp_path, FORKS.format(backend=backend))
    lines = [line for line in ended.stderr.splitlines() if "DeprecationWarning" not in line and "os.fork()" not in line]
    assert (lines, ended.stdout, ended.returncode) == ([], "done\n", 0)


def test_a_task_that_waits_keeps_no_other_process(tmp_path) -> None:
    """Two pools side by side know nothing of each other."""
    with pool_of("fork", max_workers=1) as one, pool_of("spawn", max_workers=1) as other:
        waiting = one.submit(wait_for, tmp_path / "go")
        assert other.submit(double, 4).result() == 8
        (tmp_path / "go").touch()
        assert waiting.result() == "seen"


@every_way
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_a_callback_that_ends_the_program_ends_nothing(way, kind, tmp_path, caplog) -> None:
    """It runs in a thread of the pool's, which goes on: it is logged, and all that was submitted still comes."""
    called = []

    def leave(future):
        called.append(threading.current_thread().name)
        raise kind(f"after {future.result()}")

    with pool_of(way, max_workers=1) as pool:
        first = pool.submit(wait_for, tmp_path / "go")
        first.add_done_callback(leave)
        first.add_done_callback(lambda _: called.append("the next callback"))
        others = [pool.submit(double, item) for item in range(20)]
        (tmp_path / "go").touch()
        assert [each.result(WATCHDOG_S) for each in others] == [2 * item for item in range(20)]
        assert called == ["poolwise-0" if way == "threads" else "poolwise-pool", "the next callback"]
        assert pool.submit(double, 21).result(WATCHDOG_S) == 42
    assert f"raised {kind.__name__} in the pool's thread" in caplog.text


def test_a_callback_in_the_callers_own_thread_raises_there() -> None:
    """One that is added to a future that is done runs at once, where the caller can see what it raises."""

    def leave(_future):
        raise SystemExit(3)

    with pool_of("threads") as pool:
        done = pool.submit(double, 1)
        assert done.result(WATCHDOG_S) == 2
        with pytest.raises(SystemExit, match="3"):
            done.add_done_callback(leave)
