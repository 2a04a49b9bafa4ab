"""``Pool.kill_workers``: the workers end at once, whatever they are on."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

import poolwise
from poolwise.errors import WorkerDiedError
from tests.engine.programs import wait_until


def begin(mark: Path) -> None:
    """Say that it has begun, and go on for long."""
    mark.touch()
    time.sleep(300)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_runs_fails_and_what_waits_is_cancelled(tmp_path: Path, method: str) -> None:
    """A task that has begun raises WorkerDiedError, one that has not is cancelled, and later ones are refused."""
    mark = tmp_path / "begun"
    pool = poolwise.Pool(max_workers=1, start_method=method)  # type: ignore[arg-type]
    running = pool.submit(begin, mark)
    wait_until(mark.exists, "the task to begin")
    waiting = [pool.submit(abs, number) for number in range(50)]
    pool.kill_workers()
    with pytest.raises(WorkerDiedError, match="kill_workers"):
        running.result(timeout=30)
    with pytest.raises(CancelledError):
        waiting[-1].result(timeout=30)
    with pytest.raises((RuntimeError, WorkerDiedError)):
        pool.submit(abs, 1)
    pool.shutdown()


def test_a_map_is_told() -> None:
    """Whoever waits for the next result of a map hears that there is none."""
    pool = poolwise.Pool(max_workers=1)
    results = pool.map(time.sleep, [0, 300])
    assert next(results) is None
    pool.kill_workers()
    with pytest.raises((CancelledError, WorkerDiedError)):
        next(results)
    pool.shutdown()


def test_threads_end_what_they_have_begun() -> None:
    """Threads cannot be ended: what has begun comes to its end, and nothing else begins."""
    begun, go_on = threading.Event(), threading.Event()
    pool = poolwise.Pool("threads", max_workers=1)
    running = pool.submit(lambda: (begun.set(), go_on.wait(30)))
    assert begun.wait(30)
    waiting = pool.submit(abs, -1)
    pool.kill_workers()
    go_on.set()
    assert running.result(timeout=30) == (None, True)
    assert waiting.cancelled()
    pool.shutdown()


def test_a_pool_of_both_kinds_ends_what_it_can(tmp_path: Path) -> None:
    """Its processes end at once, whatever they are on; nothing that waits begins."""
    pool = poolwise.Pool("auto", max_workers=2)
    assert pool.submit(abs, -1).result(timeout=30) == 1
    waiting = [pool.submit(time.sleep, 0.2) for _ in range(500)]
    pool.kill_workers()
    with pytest.raises((CancelledError, WorkerDiedError)):
        waiting[-1].result(timeout=30)
    with pytest.raises((RuntimeError, WorkerDiedError)):
        pool.submit(abs, 1)
    pool.shutdown()
