"""CPU time of this process and of the worker processes that it has reaped."""

from __future__ import annotations

import _thread
import os
import sys
import time

from poolwise.model.units import Seconds

if sys.platform != "win32":
    import resource


# Threads that were looked at for less tell nothing.
LONG_ENOUGH_S: Seconds = 0.0003


def cpu_s() -> Seconds:
    """Give the CPU seconds of this process and its ended children since it began."""
    if sys.platform == "win32":
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class ThreadClock:
    """The CPU clock of the thread that makes it, which any other may read while that one runs."""

    def __init__(self) -> None:
        """Ask for the clock here: to ask for that of a thread that has ended may crash."""
        self.thread_id = _thread.get_ident()
        self._clock: int | None = None
        if sys.platform != "win32" and hasattr(time, "pthread_getcpuclockid"):  # nor on macOS
            self._clock = time.pthread_getcpuclockid(self.thread_id)

    def cpu_s(self) -> Seconds | None:
        """Give the CPU seconds of the thread; None where the system does not tell, or the thread has ended."""
        if sys.platform == "win32" or self._clock is None:
            return None
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return None


class Background:
    """How many cores other threads of this process keep busy while nothing of the work has begun.

    Those of OpenBLAS spin for a tenth of a second after each call, and a program may have threads of its own: what they
    compute later is not the work's.
    """

    def __init__(self) -> None:
        """Begin to look, in the thread that will ask."""
        self._thread = _thread.get_ident()
        self._wall, self._cpu, self._own = time.perf_counter(), time.process_time(), time.thread_time()

    def cores(self) -> float:
        """Give the cores; 0 where it was not looked at for long enough, or by another thread."""
        wall_s = time.perf_counter() - self._wall
        if wall_s < LONG_ENOUGH_S or _thread.get_ident() != self._thread:
            return 0.0
        return max(0.0, (time.process_time() - self._cpu - (time.thread_time() - self._own)) / wall_s)


class CpuClock:
    """Counts CPU time from its making on. Other threads of this process count too: the system keeps one sum."""

    def __init__(self) -> None:
        """Begin now."""
        self._begun = cpu_s()

    def elapsed_s(self) -> Seconds:
        """Give the CPU seconds since it was made; those of a worker come in when it has ended."""
        return cpu_s() - self._begun
