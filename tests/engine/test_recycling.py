"""A worker that keeps growing is replaced between two items, and nobody notices but by the report."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path

import pytest

import poolwise
from tests.contract.functions import lines, note

MIB = 1 << 20
LIMIT = 32 * MIB
hoard: list[bytes] = []


def leak(calls: Path, item: int) -> tuple[int, int]:
    """Keep ten megabytes for ever, and take as long as a worker's look at its memory allows."""
    note(calls, item)
    hoard.append(b"x" * (10 * MIB))
    return item, os.getpid()


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.parametrize("errors", ["raise", "collect"])
def test_a_leaking_worker_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, errors: str
) -> None:
    """Every item is called once and has its result; no death is counted; no worker ran more than fits its limit."""
    calls = tmp_path / "calls"
    results = poolwise.map(
        functools.partial(slow_leak, calls),
        range(24),
        backend="processes",
        max_workers=2,
        start_method=method,
        chunksize=1,
        memory_limit=LIMIT,
        errors=errors,
    )
    assert [item for item, _ in results] == list(range(24))
    assert sorted(map(int, lines(calls))) == list(range(24))
    assert results.report.deaths == 0
    assert results.report.recycled >= 2
    assert "workers replaced, having grown beyond memory_limit" in str(results.report)
    by_worker: dict[int, int] = {}
    for _, pid in results:
        by_worker[pid] = by_worker.get(pid, 0) + 1
    # One more than fits is noticed behind it, and one was sent ahead. What this process has let go of and still holds
    # costs a fork of it nothing, so that another may fit.
    assert max(by_worker.values()) <= LIMIT // (10 * MIB) + 3


def slow_leak(calls: Path, item: int) -> tuple[int, int]:
    """Leak, and take longer than the pause between two looks."""
    time.sleep(0.06)
    return leak(calls, item)


def test_without_a_limit_nobody_is_replaced(tmp_path: Path) -> None:
    """``memory_limit=None`` lets a worker grow."""
    results = poolwise.map(
        functools.partial(slow_leak, tmp_path / "calls"),
        range(8),
        backend="processes",
        max_workers=2,
        start_method="fork",
        memory_limit=None,
    )
    assert (results.report.recycled, len({pid for _, pid in results})) == (0, 2)


def test_what_was_sent_ahead_goes_to_another(tmp_path: Path) -> None:
    """Large chunks, with the next always sent ahead: a worker that retires gives them back unharmed."""
    calls = tmp_path / "calls"
    results = poolwise.map(
        functools.partial(leak, calls),
        range(60),
        backend="processes",
        max_workers=2,
        start_method="fork",
        chunksize=3,
        memory_limit=LIMIT,
    )
    assert [item for item, _ in results] == list(range(60))
    assert sorted(map(int, lines(calls))) == list(range(60))
