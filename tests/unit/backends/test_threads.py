"""Threads that cannot be had are done without."""

from __future__ import annotations

import threading
import time

import pytest

import poolwise
from poolwise.backends.threads import WorkerThread

HAD = 3


def nap(item: int) -> int:
    """Wait a little."""
    time.sleep(0.005)
    return item


@pytest.fixture
def few_threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the system give only so many threads, and note who was refused."""
    refused: list[int] = []
    begin = WorkerThread.begin
    had: set[int] = set()

    def begin_if_there_is_one(thread: WorkerThread) -> None:
        if len(had) >= HAD:
            refused.append(thread.worker)
            raise RuntimeError("can't start new thread")
        had.add(thread.worker)
        begin(thread)

    monkeypatch.setattr(WorkerThread, "begin", begin_if_there_is_one)
    return refused


@pytest.mark.timeout(60)
@pytest.mark.parametrize("backend", ["auto", "threads"])
def test_those_that_are_there_do_it(few_threads: list[int], backend: str) -> None:
    """Every item is done, once, by whoever there is."""
    before = threading.active_count()
    results = poolwise.map(nap, range(40), backend=backend)
    assert list(results) == list(range(40))
    assert few_threads
    assert results.report.failed == results.report.deaths == 0
    assert threading.active_count() == before


@pytest.mark.timeout(60)
def test_where_there_is_none_the_calling_thread_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that nobody asked to have company for needs none."""

    def refuse(_: WorkerThread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(WorkerThread, "begin", refuse)
    assert list(poolwise.map(nap, range(20))) == list(range(20))
    with pytest.raises(RuntimeError, match="can't start new thread"):
        poolwise.map(nap, range(20), backend="threads")
