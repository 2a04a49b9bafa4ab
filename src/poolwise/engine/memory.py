"""Memory that outlives a worker: which item it is on, and since when.

One page for each worker, shared with its parent only. Anonymous (a memfd on Linux, an unlinked file elsewhere), so
that nothing is left behind however both of them end.
"""

from __future__ import annotations

import mmap
import os
import time

from poolwise.engine.channel import parent_side
from poolwise.model.units import Seconds

SIZE = 24
NONE = -1


class Marks:
    """Three numbers: the item in work (or -1), the monotonic clock at its begin (ns), the chunk begun last (or -1)."""

    def __init__(self, descriptor: int) -> None:
        """Map the memory behind ``descriptor``, which stays open for passing it on."""
        self.descriptor = descriptor
        self._map = mmap.mmap(descriptor, SIZE)
        self._numbers = memoryview(self._map).cast("q")
        parent_side.add(self)

    @classmethod
    def create(cls) -> Marks:
        """Make new marks that say: on nothing."""
        marks = cls(_anonymous())
        marks.clear()
        marks.begin(NONE)
        return marks

    def set(self, index: int) -> None:
        """Begin an item. The clock comes first: a reader in between sees an old item with a young clock, not late."""
        self._numbers[1] = time.monotonic_ns()
        self._numbers[0] = index

    def begin(self, chunk: int) -> None:
        """Begin a chunk, before anything of it is unpacked."""
        self._numbers[2] = chunk

    @property
    def begun(self) -> int:
        """The chunk that was begun last."""
        return self._numbers[2]

    def clear(self) -> None:
        """Be on nothing."""
        self._numbers[0] = NONE

    @property
    def index(self) -> int | None:
        """The item in work; None: none, or not marked."""
        index = self._numbers[0]
        return None if index == NONE else index

    def on_for_s(self) -> Seconds:
        """Give the seconds since the item in work was begun; the monotonic clock is the same in all processes."""
        return (time.monotonic_ns() - self._numbers[1]) / 1e9

    def close(self) -> None:
        """Let the memory go; again, nothing happens."""
        if self._map.closed:
            return
        self._numbers.release()
        self._map.close()
        os.close(self.descriptor)


def _anonymous() -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("poolwise-marks")
        os.ftruncate(descriptor, SIZE)
        return descriptor
    import tempfile  # noqa: PLC0415 - Linux never comes here

    with tempfile.TemporaryFile() as file:
        file.truncate(SIZE)
        return os.dup(file.fileno())
