"""What this process grows by while items run: its resident memory, at its peak.

The system keeps the highest resident size that a process ever had, which costs nothing to ask for. Where it is higher
after the items than before, the difference to what was resident before is what they took at their peak; else they took
no more than the process has held at some time, and what they have left behind is all that is seen.
"""

from __future__ import annotations

import mmap
import sys

from poolwise.model.units import Bytes
from poolwise.work.proc import read_proc

STATM = "/proc/self/statm"
# The kernel counts pages for each core and adds them up now and then: less than this is not told from nothing.
LEAST: Bytes = 1 << 20


class MemoryWatch:
    """Tells what the process has grown by since it was made; costs 20 µs, here and when it is asked."""

    def __init__(self) -> None:
        """Look now."""
        self._resident, self._peak = resident(), peak()

    def grown(self) -> Bytes:
        """Give the growth at its peak; 0 where there was too little to see, or nobody tells."""
        now, highest = resident(), peak()
        grown = max(now, highest if highest > self._peak else 0) - self._resident
        return grown if self._resident and grown >= LEAST else 0


def resident() -> Bytes:
    """Give the resident memory of this process; 0 where the system does not tell."""
    try:
        return int(read_proc(STATM).split()[1]) * mmap.PAGESIZE
    except (OSError, IndexError, ValueError):
        return 0


def peak() -> Bytes:
    """Give the most that this process has ever had resident; 0 where the system does not tell."""
    if sys.platform != "linux":
        # Elsewhere there is no cheap way to the resident memory either, and one without the other is worth nothing.
        return 0
    import resource  # noqa: PLC0415 - does not exist on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
