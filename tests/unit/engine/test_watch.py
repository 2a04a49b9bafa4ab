"""Who looks after workers that live and do nothing, without a process and without waiting."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from poolwise.engine import watch as module
from poolwise.engine.watch import SILENT_S, START_S, STOPPED_S, Watch
from poolwise.errors import TaskTimeoutError, WorkerDiedError, WorkerStartError
from poolwise.model.events import NOTHING_BEGUN

LIMIT_S = 1.0
STEP_S = LIMIT_S / 10


@dataclass
class Worker:
    """A worker as a watch sees it."""

    worker: int = 0
    process: Any = field(default_factory=lambda: SimpleNamespace(pid=100))
    channel: Any = field(default_factory=lambda: SimpleNamespace(is_sending=False))
    memory: Any = field(
        default_factory=lambda: SimpleNamespace(marks=SimpleNamespace(index=None, on_for_s=lambda: 0.0))
    )
    chunks: list[int] = field(default_factory=list)
    ready: bool = True
    answers: int = 0

    def on(self, index: int, for_s: float) -> Worker:
        self.memory.marks, self.chunks = SimpleNamespace(index=index, on_for_s=lambda: for_s), [1]
        return self


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Give the processes that are stopped."""
    pids: set[int] = set()
    monkeypatch.setattr(module, "is_stopped", pids.__contains__)
    return pids


def look_for(watch: Watch, worker: Worker, seconds: float) -> Any:
    """Look again and again for so long; give the first verdict."""
    now = watch._looked_at_s or 0.0
    for step in range(int(seconds / STEP_S) + 1):
        watch.tick(now + step * STEP_S)
        if (lost := watch.judge(worker)) is not None:
            return lost
    return None


def test_an_item_is_late_beyond_the_timeout_only(stopped: set[int]) -> None:
    """In time it may go on; late, it is guilty."""
    watch = Watch(LIMIT_S)
    assert watch.judge(Worker().on(3, LIMIT_S)) is None
    lost = watch.judge(Worker().on(3, LIMIT_S + 0.01))
    assert (type(lost.error), lost.index, lost.guilty) == (TaskTimeoutError, 3, True)


@pytest.mark.parametrize(("ready", "error"), [(True, WorkerDiedError), (False, WorkerStartError)])
def test_a_stopped_worker_is_given_time_to_be_woken(stopped: set[int], ready: bool, error: type) -> None:  # noqa: FBT001
    """Stopped for a moment is no reason; stopped for long is, and no item is to blame."""
    watch, worker = Watch(LIMIT_S), Worker(ready=ready)
    stopped.add(100)
    assert look_for(watch, worker, STOPPED_S * 0.8) is None
    stopped.clear()
    assert look_for(watch, worker, STOPPED_S) is None
    stopped.add(100)
    lost = look_for(watch, worker, STOPPED_S * 1.5)
    assert (type(lost.error), lost.index, lost.guilty) == (error, NOTHING_BEGUN, False)


def test_workers_of_one_nursery_end_together_and_for_one_reason(stopped: set[int]) -> None:
    """It was stopped while they were looked at: only the second saw it at once, and neither is told as killed."""
    watch, first, second = Watch(LIMIT_S), Worker(0, ready=False), Worker(1, ready=False)
    born = Worker(2, process=SimpleNamespace(pid=200))
    assert watch.judge_all([first, born]) == []
    stopped.add(100)
    told: list[Any] = []
    now_s, workers = 0.0, [second]
    while not told:
        watch.tick(now_s := now_s + STEP_S)
        told, workers = watch.judge_all(workers), [first, second, born]
    assert [(worker, lost.worker) for worker, lost in told] == [(first, 0), (second, 1)]
    assert {type(lost.error) for _, lost in told} == {WorkerStartError}
    assert all("was stopped (SIGSTOP" in str(lost.error) for _, lost in told)


def test_a_worker_that_does_not_begin_what_it_was_given_is_silent(stopped: set[int]) -> None:
    """Given a chunk and nothing heard for long: it is ended. Idle, or still being sent to, it is left alone."""
    given = Worker(chunks=[1])
    assert look_for(Watch(LIMIT_S), given, SILENT_S * 0.9) is None
    assert type(look_for(Watch(LIMIT_S), given, SILENT_S * 1.1).error) is WorkerDiedError
    assert look_for(Watch(LIMIT_S), Worker(), SILENT_S * 2) is None
    sent_to = Worker(chunks=[1], channel=SimpleNamespace(is_sending=True))
    assert look_for(Watch(LIMIT_S), sent_to, SILENT_S * 2) is None


def test_answers_end_the_silence(stopped: set[int]) -> None:
    """A worker that answers now and then is not silent, however long it has lived."""
    watch, worker = Watch(LIMIT_S), Worker(chunks=[1])
    for answers in range(5):
        worker.answers = answers
        assert look_for(watch, worker, SILENT_S * 0.9) is None


def test_time_counts_only_while_somebody_looks(stopped: set[int]) -> None:
    """A consumer that is away for an hour makes no worker silent."""
    watch, worker = Watch(LIMIT_S), Worker(chunks=[1])
    for hour in range(10):
        watch.tick(hour * 3600.0)
        assert watch.judge(worker) is None


def test_a_start_may_take_very_long_but_not_for_ever(stopped: set[int]) -> None:
    """Minutes are fine; then the worker is replaced."""
    watch, worker = Watch(LIMIT_S), Worker(ready=False)
    assert look_for(watch, worker, START_S * 0.9) is None
    assert type(look_for(watch, worker, START_S * 0.2).error) is WorkerStartError


def test_coroutines_are_never_silent(stopped: set[int]) -> None:
    """Chunks of coroutines are not marked; their worker cancels what is late."""
    assert look_for(Watch(LIMIT_S, marked=False), Worker(chunks=[1]), SILENT_S * 2) is None
