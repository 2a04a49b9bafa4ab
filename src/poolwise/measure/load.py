"""Cores that others keep busy right now, told only where the evidence is clear.

``/proc/loadavg`` tells how many threads want a core at this moment, and how many did in the last minute, at the price
of 15 µs. One look is worth little (a kernel thread runs for an instant), so a machine that seems busy is looked at
again and again for some milliseconds, and the least of all looks counts; on a machine that is idle the first look ends
it. What only began to run in the last seconds is not believed either: the minute's average must show it.

Rejected: ``/proc/stat``, whose clock ticks every 10 ms, so that a useful look takes 100 ms; the pressure
files (``cpu.pressure``), which tell that somebody waited for a core, and nothing of the cores that are taken.

Other threads of this process and its own descendants are not "others": they are work of ours that was started for the
same run, or that will end with it. In a container the file is the whole host's: of the cores that this process may not
use (affinity), as many are taken for busy as can be, so that what is told is the least that must be on ours. Where
there is no such file, nobody else is seen.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator

from poolwise.model.classes import frozen
from poolwise.model.units import Seconds
from poolwise.work.cgroup import read_text, whole

LOADAVG = "loadavg"
# Between the looks at a machine that seems busy: uneven, so that nothing periodic is met each time.
NAPS_S: tuple[Seconds, ...] = (0.0007, 0.0013, 0.0021)
# The average comes to half a thread after 42 s of one that always wants a core: who kept a core busy for most of the
# last minute will do so for a while, and who only began may be gone in a moment.
SHOWS = 0.5


@frozen
class Load:
    """What ``/proc/loadavg`` says."""

    average: float
    """Threads that wanted a core, averaged over a minute."""
    running: int
    """Threads that want one now, whoever asks included."""


def cores_busy(
    installed: int, allowed: int, *, proc: str = "/proc", nap: Callable[[Seconds], object] = time.sleep
) -> int:
    """Count the cores that others keep busy, of the ``allowed`` ones among all that are ``installed``."""
    elsewhere = max(0, installed - allowed)
    least = allowed
    for pause in (0.0, *NAPS_S):
        if pause:
            nap(pause)
        load = read_load(proc)
        if load is None or load.running - 1 <= elsewhere:
            return 0
        others = load.running - own_running(proc)
        least = min(least, others - elsewhere, int(load.average / SHOWS))
        if least <= 0:
            return 0
    return least


def read_load(proc: str = "/proc") -> Load | None:
    """Read the file; None where there is none, or it says something else."""
    fields = read_text(f"{proc}/{LOADAVG}").split()
    try:
        return Load(float(fields[0]), int(fields[3].partition("/")[0]))
    except (IndexError, ValueError):
        return None


def own_running(proc: str = "/proc") -> int:
    """Count the threads of this process and of its descendants that want a core now, this one included."""
    return max(1, sum(_is_running(stat) for stat in _own_threads(f"{proc}/self", proc)))


def _own_threads(process: str, proc: str) -> Iterator[str]:
    """Give what the system says of each thread of a process and of all below; it may be gone when it is asked."""
    for each in _names(f"{process}/task"):
        yield read_text(f"{process}/task/{each}/stat")
        for child in read_text(f"{process}/task/{each}/children").split():
            yield from _own_threads(f"{proc}/{child}", proc)


def _names(folder: str) -> list[str]:
    with contextlib.suppress(OSError):
        return [name for name in os.listdir(folder) if whole(name) is not None]  # noqa: PTH208 - pathlib takes 4 ms
    return []


def _is_running(stat: str) -> bool:
    """Read the state behind the name, which stands in brackets and may hold anything."""
    return stat.rpartition(")")[2].split()[:1] == ["R"]
