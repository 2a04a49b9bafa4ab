"""A second nursery, for jobs that must not be loaded before a fork.

Loading the job imports the function's module, and a module may start threads while it is imported, or use OpenMP (it
trains a small model, say). Workers that are forked from there might wait for those threads for ever; a preloaded
module does that to the standard library's forkserver as well. So the nursery forks a spare of itself first. If threads
are left behind that do not survive a fork, the spare takes over: its workers load the job one by one, after the fork.
It costs a nursery 2 ms, of the 125 ms that it takes to start.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import TypeVar

from poolwise.engine.lifeline import hold
from poolwise.model.machine import survives_fork
from poolwise.work.threads import native_threads

T = TypeVar("T")

# What the spare is told. Silence, where the other one has died, means the same as DISMISSED.
TAKE_OVER, DISMISSED = b"T", b"D"


def load_or_step_back(load: Callable[[], T], life: int) -> T | None:
    """Give what ``load`` gives, where one may fork afterwards; else None, in another process that has not loaded it.

    None also where it raises: a worker that tries again will raise it where somebody hears it.
    """
    read, write = os.pipe()
    spare = os.fork()
    if spare == 0:
        os.close(write)
        _wait_for_turn(read, life)
        return None
    os.close(read)
    loaded = None
    with contextlib.suppress(Exception):
        loaded = load()
    safe = survives_fork(threading.active_count(), *native_threads())
    os.write(write, DISMISSED if safe else TAKE_OVER)
    os.close(write)
    _, status = os.waitpid(spare, 0)
    if not safe:
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    return loaded


def _wait_for_turn(read: int, life: int) -> None:
    """Return when it is this process's turn; end where the other one serves, or is gone."""
    hold(life)
    word = os.read(read, len(TAKE_OVER))
    os.close(read)
    if word != TAKE_OVER:
        os._exit(0)
