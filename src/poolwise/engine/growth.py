"""A worker's look at its own memory: how much it has grown since it was ready."""

from __future__ import annotations

import mmap
import sys
import time
from collections.abc import Callable
from typing import Protocol

from poolwise.model.units import Bytes, Seconds
from poolwise.work.proc import read_proc

STATM = "/proc/self/statm"
SMAPS = "/proc/self/smaps"
# Reading takes 15 µs; so often, it costs less than a thousandth of the time, and a worker that takes a gigabyte a
# second is seen in time.
LOOK_EVERY_S: Seconds = 0.05
# What a worker has alone is found by going through all that it has mapped, page by page: 10 ms with some libraries and
# a gigabyte. So long looks take a hundredth of its time, after the first few.
SHARE_OF_TIME = 0.01
FIRST_LOOKS_S: Seconds = 0.02


class Memory(Protocol):
    """What a process can tell of its memory; None, or 0, where the system does not tell."""

    def own(self) -> Bytes | None:
        """Give what is resident and not shared by a file or a mapping; what was inherited is in it."""

    def faulted(self) -> Bytes:
        """Give the pages that the process has been given, fresh ones and copies; cheap, and at least what it has alone.

        Huge pages count as small ones.
        """
        ...

    def alone(self) -> Bytes | None:
        """Give what no other process has a part in, shared mappings aside; dear."""


class ThisProcess:
    """The memory of this process, as Linux tells it."""

    def own(self) -> Bytes | None:
        """Give the resident pages less the shared ones."""
        try:
            _, resident, shared, *_ = read_proc(STATM).split()
        except (OSError, ValueError):
            return None
        return (int(resident) - int(shared)) * mmap.PAGESIZE

    def faulted(self) -> Bytes:
        """Give the minor faults as pages (getrusage(2)); a child that is forked begins at 0."""
        if sys.platform != "linux":
            # Of no use without alone().
            return 0
        import resource  # noqa: PLC0415 - does not exist on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt * mmap.PAGESIZE

    def alone(self) -> Bytes | None:
        """Give the pages of private mappings that were written to and that no other process has (proc_pid_smaps(5)).

        Shared ones are left out: pages of a file that it fills, or of items in shared memory, may be its alone and yet
        are no growth. So they are not taken from ``smaps_rollup``, where all are in one sum.
        """
        import re  # noqa: PLC0415 - seldom asked

        try:
            mappings = read_proc(SMAPS)
        except OSError:
            return None
        found = re.findall(
            rb"^[0-9a-f]+-[0-9a-f]+ ...p .*\n(?:[A-Z].*\n)*?Private_Dirty: +(\d+)", mappings, re.MULTILINE
        )
        return 1024 * sum(map(int, found)) if found else None


class Growth:
    """Tells when a process has grown beyond a limit, by one of two signs.

    - Its own resident pages are more. Those that a forked worker has inherited are in that number from its start, and
      so do not count.
    - It has more pages alone. An inherited page that is written to is copied, which costs the machine a page more and
      shows in no number of resident ones: a worker whose parent has let go of memory, and holds it still, fills that
      first. (Python's own counts of references do so, too.)
    """

    def __init__(
        self,
        limit: Bytes | None,
        *,
        at_birth: Bytes = 0,
        memory: Memory | None = None,
        clock: Callable[[], Seconds] = time.monotonic,
    ) -> None:
        """Begin where the process stands now; with no ``limit``, nothing is ever read.

        ``at_birth``: the own memory of the process as it began, which all was inherited.
        """
        self._memory = memory if memory is not None else ThisProcess()
        self._clock = clock
        self._begun_s = clock()
        self._look_at_s = self._begun_s + LOOK_EVERY_S
        self._long_looks_s: Seconds = 0.0
        begun = None if limit is None else self._memory.own()
        self._most: Bytes | None = None
        if begun is None or limit is None:
            return
        self._most = begun + limit
        faulted = self._memory.faulted()
        # To ask what it has alone by now would cost each worker a long look. It is no more than this: what it was
        # given, and, for huge pages among that, what it grew by.
        self._most_alone = faulted + max(0, begun - at_birth) + limit
        self._may_be_over_at: Bytes = faulted + limit
        """With fewer pages faulted in, it cannot have too many alone."""

    def is_over(self) -> bool:
        """Tell whether it is beyond the limit; looked at now and then only."""
        if self._most is None or (now_s := self._clock()) < self._look_at_s:
            return False
        self._look_at_s = now_s + LOOK_EVERY_S
        own = self._memory.own()
        return own is not None and (own > self._most or self._is_over_alone(now_s))

    def _is_over_alone(self, now_s: Seconds) -> bool:
        faulted = self._memory.faulted()
        if faulted <= self._may_be_over_at:
            return False
        if self._long_looks_s > FIRST_LOOKS_S + SHARE_OF_TIME * (now_s - self._begun_s):
            return False
        alone = self._memory.alone()
        self._long_looks_s += self._clock() - now_s
        if alone is None:
            return False
        self._may_be_over_at = faulted + self._most_alone - alone
        return alone > self._most_alone
