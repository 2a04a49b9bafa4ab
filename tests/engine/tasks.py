"""What the tests of ``Pool`` give to its workers: it loads in all of them, interpreters (no psutil) included."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from pathlib import Path

PATIENCE_S = 20


def double(item):
    """Do as good as nothing."""
    return 2 * item


def fail(item):
    """Raise."""
    raise ValueError(item)


def die(*_):
    """End the worker."""
    os.kill(os.getpid(), signal.SIGKILL)


def refuse():
    """Be an initializer that fails."""
    raise ValueError("no")


def wait_for(path):
    """Wait in a worker for a file."""
    until = time.monotonic() + PATIENCE_S
    while not Path(path).exists():
        assert time.monotonic() < until, f"{path} is not there"
        time.sleep(0.005)
    return "seen"


def meet(mine, other):
    """Say that one is there, and wait for the other."""
    Path(mine).touch()
    return wait_for(other)


@dataclasses.dataclass(frozen=True)
class Unchangeable(Exception):  # noqa: N818 - a name that says what it is
    """Takes no cause, nor anything else."""


def raise_unchangeable(_):
    """Raise it."""
    raise Unchangeable


class Held:
    """Something whose end can be seen."""

    def method(self, _=None):
        return None
