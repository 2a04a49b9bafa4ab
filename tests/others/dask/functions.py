"""What the tests have run on the cluster."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

begun: list[int] = []


def square(x: int) -> int:
    """Compute next to nothing."""
    return x * x


def where(_: int) -> int:
    """Say which process this is."""
    time.sleep(0.02)
    return os.getpid()


def kill_once(folder: str, x: int) -> int:
    """Have the process killed by the first who comes to item 50."""
    note = Path(folder, "killed")
    if x == 50 and not note.exists():
        note.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def kill_at(fatal: int, x: int) -> int:
    """Kill the process at one item."""
    if x == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def fail_at_first(folder: str, x: int) -> int:
    """Fail the first time that an item is tried."""
    note = Path(folder, str(x))
    if not note.exists():
        note.touch()
        raise ConnectionError(x)
    return x


def begin(number: int) -> None:
    """Note that a process was begun."""
    begun.append(number)


def began(_: int) -> tuple[int, tuple[int, ...]]:
    """Say which process this is, and how it was begun."""
    return os.getpid(), tuple(begun)


def linger(folder: str, x: int) -> int:
    """Say that an item has begun, and take long."""
    Path(folder, f"begun-{x}").touch()
    time.sleep(0.3)
    Path(folder, f"ended-{x}").touch()
    return x


def compute(seconds: float, x: int) -> int:
    """Compute for so long."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        pass
    return x


async def double(x: int) -> int:
    """Be a coroutine."""
    return 2 * x


def square_any(x: int) -> int:
    """Compute next to nothing, of whatever arrives."""
    return x * x


def die() -> None:
    """Kill this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def divide(x: int) -> float:
    """Fail at zero."""
    return 1 / x
