"""A worker's look at its own memory: how much it has grown since it was ready."""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable

from poolwise.model.units import Bytes, Seconds
from poolwise.work.proc import read_proc

STATM = "/proc/self/statm"
# Reading takes 15 µs; so often, it costs less than a thousandth of the time, and a worker that takes a gigabyte a
# second is seen in time.
LOOK_EVERY_S: Seconds = 0.05


class Growth:
    """Tells when a process has grown beyond a limit.

    Counted is what nobody shares by a file or a shared mapping: resident pages less shared ones. Pages that a forked
    worker has inherited are in that number from its start, and so do not count as growth.
    """

    def __init__(
        self,
        limit: Bytes | None,
        *,
        read: Callable[[], Bytes | None] | None = None,
        clock: Callable[[], Seconds] = time.monotonic,
    ) -> None:
        """Begin where the process stands now; with no ``limit``, nothing is ever read."""
        self._read = read if read is not None else own_memory
        self._clock = clock
        self._look_at_s = clock() + LOOK_EVERY_S
        begun = None if limit is None else self._read()
        self._most = None if limit is None or begun is None else begun + limit

    def is_over(self) -> bool:
        """Tell whether it is beyond the limit; looked at now and then only."""
        if self._most is None or (now_s := self._clock()) < self._look_at_s:
            return False
        self._look_at_s = now_s + LOOK_EVERY_S
        own = self._read()
        return own is not None and own > self._most


def own_memory() -> Bytes | None:
    """Give this process's own resident memory; None where the system does not tell."""
    try:
        _, resident, shared, *_ = read_proc(STATM).split()
    except (OSError, ValueError):
        return None
    return (int(resident) - int(shared)) * mmap.PAGESIZE
