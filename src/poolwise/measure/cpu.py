"""CPU time of this process and of the worker processes that it has reaped."""

from __future__ import annotations

import os

from poolwise.model.units import Seconds

def cpu_s() -> Seconds:
    """Give the CPU seconds of this process and its ended children since it began."""
    try:
        import resource  # noqa: PLC0415 - does not exist on Windows
    except ImportError:
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class CpuClock:
    """Counts CPU time from its making on. Other threads of this process count too: the system keeps one sum."""

    def __init__(self) -> None:
        """Begin now."""
        self._begun = cpu_s()

    def elapsed_s(self) -> Seconds:
        """Give the CPU seconds since it was made; those of a worker come in when it has ended."""
        return cpu_s() - self._begun
