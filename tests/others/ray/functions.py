"""Functions under test that only Ray's tests need."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import poolwise
from tests.contract.functions import note


def where(item: int) -> tuple[int, int]:
    """Give the item with the process that ran it."""
    return item, os.getpid()


def kill_once(folder: Path, bad: int, item: int) -> int:
    """Have another process kill this one, the first time that the item is seen, in the middle of it."""
    path = folder / "pid"
    if item == bad and not path.exists():
        note(path, os.getpid())
        time.sleep(60)
    return item


def linger_noted(path: Path, seconds: float, item: int) -> int:
    """Leave a line, and take some time."""
    note(path, item)
    time.sleep(seconds)
    return item


def hold_the_gil(item: int) -> int:
    """Hold the GIL for minutes on item 1, in one call of C code."""
    if item == 1:
        re.match(r"(a|aa)+$", "a" * 60 + "b")
    return item


def nested(item: int) -> list[int]:
    """Map in a worker."""
    return list(poolwise.map(abs, range(item), progress=False))


def nested_backend(item: int) -> str:
    """Say how a worker maps."""
    return poolwise.map(abs, range(item), progress=False).report.plan.backend


def thread_limit(_item: int) -> str | None:
    """Say what Ray tells libraries of threads."""
    return os.environ.get("OMP_NUM_THREADS")


def end_by(number: int, item: int) -> int:
    """Send a signal to this process."""
    os.kill(os.getpid(), signal.Signals(number))
    return item
