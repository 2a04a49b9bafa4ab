"""Reading what the kernel tells in small files, those of ``/proc`` and of control groups."""

from __future__ import annotations

import time

from poolwise.model.units import Seconds

# Time on a core, time in the queue for one, both in nanoseconds, and the number of turns (Linux, sched-stats.rst).
SCHEDSTAT = "/proc/thread-self/schedstat"


def read_proc(path: str) -> bytes:
    """Read such a file in one go; raises ``OSError`` where there is none."""
    # pathlib would cost every program that imports us 4 ms, and unbuffered is what such files are made for.
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - see above
        return file.read()


def queued_s(schedstat: str = SCHEDSTAT) -> Seconds:
    """Give the seconds for which this thread was ready to run and waited for a core (Linux tells; elsewhere 0)."""
    try:
        return int(read_proc(schedstat).split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def process_cpu_s(pid: int) -> Seconds:
    """Give the CPU seconds of a process, all its threads together, to the nanosecond; 0 where it is gone. Linux only.

    Its clock has this number (clock_getcpuclockid(3)); what ``/proc`` tells of it is in steps of 10 ms.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0
