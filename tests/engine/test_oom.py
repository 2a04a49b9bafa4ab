"""The kernel's OOM killer, in a real control group with a real limit."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

import poolwise
from poolwise.errors import WorkerDiedError, WorkerStartError
from tests.engine import deeds
from tests.engine.cgroups import memory_cgroup, oom_kills

LIMIT = 64 * deeds.MIB


def move_to(folder: Path) -> None:
    """Move this process to a group."""
    (folder / "cgroup.procs").write_text(str(os.getpid()))


def fill_on(bad: int, item: int) -> int:
    """Take far more than the group may have."""
    if item == bad:
        deeds.hoard.extend(b"x" * deeds.MIB for _ in range(256))
    return item


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_an_oom_kill_is_told_from_the_counter(method: str) -> None:
    """The error says that memory ran out, whose limit it was, and the kernel counted as many kills."""
    with memory_cgroup(LIMIT) as folder:
        results = poolwise.map(
            functools.partial(fill_on, 3),
            range(6),
            backend="processes",
            max_workers=2,
            start_method=method,
            errors="collect",
            initializer=move_to,
            initargs=(folder,),
        )
        killed = oom_kills(folder)
    assert [each for each in results if isinstance(each, int)] == [0, 1, 2, 4, 5]
    assert type(results[3].error) is WorkerDiedError
    assert "likely cause: the system ran out of memory (its cgroup's limit is 64 MiB; " in str(results[3].error)
    assert killed == results.report.deaths >= 2


def test_a_kill_by_hand_is_told_from_an_oom_kill() -> None:
    """Where the counter stood still, somebody has sent the signal."""
    with pytest.raises(WorkerDiedError, match=r"likely cause: somebody sent it \(no OOM kill was counted"):
        poolwise.map(kill_on_3, range(6), backend="processes", max_workers=2, start_method="fork")


def kill_on_3(item: int) -> int:
    """Die by SIGKILL on item 3."""
    if item == 3:
        deeds.be_killed()
    return item


def test_an_oom_kill_before_a_worker_is_ready_ends_the_run() -> None:
    """An initializer that needs more memory than there is is told as a failed start, and does not hang."""
    with memory_cgroup(LIMIT) as folder, pytest.raises(WorkerStartError, match=r"SIGKILL\) before it was ready"):
        poolwise.map(
            abs,
            range(6),
            backend="processes",
            max_workers=2,
            start_method="fork",
            initializer=_grow,
            initargs=(folder,),
        )


def _grow(folder: Path) -> None:
    move_to(folder)
    fill_on(0, 0)
