"""Real control groups for memory, where this system lets us make them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.programs import wait_until

ROOT = Path("/sys/fs/cgroup")


@contextmanager
def memory_cgroup(limit_bytes: int) -> Iterator[Path]:
    """Make a group below our own, with a limit and without swap; skip the test where that cannot be done."""
    folder = _own() / f"poolwise-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no memory control group can be made here: {error}")
    try:
        _limit(folder, limit_bytes)
        yield folder
    finally:
        wait_until(lambda: not (folder / "cgroup.procs").read_text(), "the group is empty")
        folder.rmdir()


def oom_kills(folder: Path) -> int:
    """Count the processes of a group that the OOM killer has ended."""
    for name in ("memory.events", "memory.oom_control"):
        if (folder / name).exists():
            fields = dict(line.split() for line in (folder / name).read_text().splitlines())
            return int(fields["oom_kill"])
    raise AssertionError(f"{folder} counts no OOM kills")


def _own() -> Path:
    """Find our own group, so that whatever holds for us holds below it too."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if "memory" in controllers.split(","):
            return ROOT / "memory" / group.strip("/")
        if not controllers and (ROOT / "cgroup.controllers").exists():
            return ROOT / group.strip("/")
    pytest.skip("no control group for memory here")


def _limit(folder: Path, limit_bytes: int) -> None:
    names = ("memory.max", "memory.limit_in_bytes")
    found = [folder / name for name in names if (folder / name).exists()]
    if not found:
        folder.rmdir()
        pytest.skip("control groups here cannot limit memory")
    found[0].write_text(str(limit_bytes))
    for name in ("memory.swap.max",):
        if (folder / name).exists():
            (folder / name).write_text("0")
