"""A worker that keeps growing is replaced between two items, and nobody notices but by the report."""

from __future__ import annotations

import functools
import mmap
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import poolwise
from tests.contract.functions import lines, note
from tests.memory import fill, fresh_pages

MIB = 1 << 20
LIMIT = 32 * MIB
hoard: list[bytes] = []
mapped: list[mmap.mmap] = []


def options(method: str, **more: Any) -> dict[str, Any]:
    """Run in two workers, one item at a time, that may grow by the limit."""
    given = {"backend": "processes", "max_workers": 2, "start_method": method, "chunksize": 1, "memory_limit": LIMIT}
    return {**given, **more}


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
        **options(method, errors=errors),
    )
    assert [item for item, _ in results] == list(range(24))
    assert sorted(map(int, lines(calls))) == list(range(24))
    assert results.report.deaths == 0
    assert results.report.recycled >= 2
    assert "workers replaced, having grown beyond memory_limit" in str(results.report)
    by_worker: dict[int, int] = {}
    for _, pid in results:
        by_worker[pid] = by_worker.get(pid, 0) + 1
    # One more than fits is noticed behind it, and one was sent ahead.
    assert max(by_worker.values()) <= LIMIT // (10 * MIB) + 2


def slow_leak(calls: Path, item: int) -> tuple[int, int]:
    """Leak, and take longer than the pause between two looks."""
    time.sleep(0.06)
    return leak(calls, item)


HELD = """
import functools, pathlib, sys
import poolwise
from tests.engine.test_recycling import MIB, options, slow_leak

# The allocator maps large blocks one by one until one was let go of; from then on they come from its heap (mallopt(3),
# M_MMAP_THRESHOLD), and what is let go of below one that is held stays with the process.
del [bytes(30 * MIB)][:]
let_go = [b"y" * (12 * MIB) for _ in range(10)]
held = b"z" * (12 * MIB)
del let_go
leak = functools.partial(slow_leak, pathlib.Path(sys.argv[1]))
workers = [pid for _, pid in poolwise.map(leak, range(24), **options("fork"))]
print(max(workers.count(pid) for pid in workers))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="copies of inherited pages are told apart on Linux only")
def test_what_the_parent_let_go_of_and_still_holds_counts_as_it_is_filled(tmp_path: Path) -> None:
    """A fork inherits the holes of its parent's heap, and fills them first: no page is resident that was not."""
    told = subprocess.run(
        [sys.executable, "-c", HELD, str(tmp_path / "calls")], capture_output=True, text=True, timeout=120, check=True
    )
    assert int(told.stdout) <= LIMIT // (10 * MIB) + 2
    assert sorted(map(int, lines(tmp_path / "calls"))) == list(range(24))


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_what_is_written_to_a_mapped_file_is_no_growth(tmp_path: Path, method: str) -> None:
    """A large result that each worker has its part of, as by numpy.memmap: its pages are the file's."""
    file = tmp_path / "result"
    with file.open("wb") as result:
        result.truncate(16 * 10 * MIB)
    results = poolwise.map(
        functools.partial(fill_part, file),
        range(16),
        **options(method),
    )
    assert results.report.recycled == 0
    with file.open("rb") as result:
        assert all(result.read(10 * MIB) == bytes([item + 1]) * (10 * MIB) for item in range(16))


def fill_part(file: Path, item: int) -> int:
    """Fill a part of a mapped file, which stays mapped, and take longer than the pause between two looks."""
    time.sleep(0.06)
    with file.open("r+b") as result:
        part = mmap.mmap(result.fileno(), 10 * MIB, offset=item * 10 * MIB)
    # Faults make a worker go through its mappings; those of files are few, where the kernel maps many pages with each.
    with fresh_pages(40 * MIB) as passing:
        fill(passing)
    for _ in range(10 * MIB >> 12):
        part.write(bytes([item + 1]) * (1 << 12))
    mapped.append(part)
    return os.getpid()


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
        **options("fork", chunksize=3),
    )
    assert [item for item, _ in results] == list(range(60))
    assert sorted(map(int, lines(calls))) == list(range(60))
