"""CPU time of this process and of the worker processes that it has reaped."""

from __future__ import annotations

import _thread
import os
import sys
import time

from poolwise.model.units import Seconds

if sys.platform != "win32":
    import resource


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


class CpuClock:
    """Counts CPU time from its making on. Other threads of this process count too: the system keeps one sum."""

    def __init__(self) -> None:
        """Begin now."""
        self._begun = cpu_s()

    def elapsed_s(self) -> Seconds:
        """Give the CPU seconds since it was made; those of a worker come in when it has ended."""
        return cpu_s() - self._begun
