"""What do threads wait for? The kernel tells in which call a thread sleeps.

Locks between threads are futexes on Linux (futex(7)), the GIL among them; sleeping for a time, reading from a socket or
waiting for a child are other calls. So threads that sleep in ``futex`` while nobody computes wait for each other, and
more of them bring nothing; in another process, which has locks of its own, they would not. Those that sleep in another
call wait for the world, however many others there are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from poolwise.model.classes import frozen
from poolwise.work.proc import read_proc

# The number of the system call, by the machine's name (the kernel's tables arch/*/entry/syscalls).
FUTEX = {"x86_64": b"202", "aarch64": b"98", "riscv64": b"98", "ppc64le": b"221", "s390x": b"238"}
# Waiting for a time to come, or for a program that was started: nobody else is asked for anything.
ALONE = {
    "x86_64": (b"35", b"230", b"61", b"247"),  # nanosleep, clock_nanosleep, wait4, waitid
    "aarch64": (b"101", b"115", b"260", b"95"),
    "riscv64": (b"101", b"115", b"260", b"95"),
}
# So many threads tell enough of all, in some 10 microseconds each.
LOOKED_AT = 32
# What the kernel says of a thread that runs or wants to, of one that is kept from running outside of any call (a page
# that has to be read), and of one that it does not tell of.
AWAKE = (b"running", b"-1", b"")


def waits_alone(native_id: int) -> bool:
    """Tell whether a thread waits for the clock or for a program of its own; no where the system does not tell."""
    return sys.platform == "linux" and _call(native_id) in ALONE.get(os.uname().machine, ())


@frozen
class Asleep:
    """Shares of threads, 0 to 1."""

    locked: float
    """Wait for a lock of this process, the GIL perhaps."""
    away: float
    """Wait for something else."""
    running: float = 0.0
    """Compute, or want to."""


def asleep(native_ids: Sequence[int]) -> Asleep | None:
    """Say what these threads do; None where the system does not tell."""
    futex = FUTEX.get(os.uname().machine) if sys.platform == "linux" else None
    if futex is None or not native_ids:
        return None
    some = native_ids[:: max(1, len(native_ids) // LOOKED_AT)]
    calls = [_call(native_id) for native_id in some]
    locked, running = calls.count(futex), sum(call in AWAKE for call in calls)
    away = len(calls) - locked - running
    return Asleep(locked / len(calls), away / len(calls), running / len(calls))


def _call(native_id: int) -> bytes:
    try:
        return read_proc(f"/proc/self/task/{native_id}/syscall").split()[0]
    except (OSError, IndexError):
        return b""
