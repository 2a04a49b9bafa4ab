"""The memory that a worker shares with its parent, and which outlives it: its marks, and an arena for each direction.

One sparse file for each worker, shared with its parent only. Anonymous (a memfd on Linux, an unlinked file elsewhere),
so that nothing is left behind however both of them end::

    0        marks: six numbers (below), and one that the parent writes before the worker is there: how much of what
             is free an arena keeps warm
    4096     the inbox: large buffers of items; the parent writes, the worker reads
    … + S    the outbox: large buffers of results; the worker writes, the parent reads

The marks are mapped at once, the arenas when the first large buffer comes.
"""

from __future__ import annotations

import mmap
import os
import sys
import time

from poolwise.engine.arena import PAGE, Reader, Writer, share_of_warm
from poolwise.engine.channel import parent_side
from poolwise.model.units import Bytes, Seconds

NONE = -1
# No worker is ever given so many items.
UNLIMITED = (1 << 62) - 1
# Address space, not memory: far more than any worker has in flight. Where even that cannot be mapped, nothing large
# travels this way.
ARENA_SIZE: Bytes = 1 << 36

# From lowering a limit to trusting what the worker has claimed (see ``Marks``).
SETTLE_S: Seconds = 0.00005

INDEX, CLOCK, CHUNK, BEGUN, CLAIMED, LIMIT, KEEP_WARM = range(7)


class Marks:
    """Six numbers, each written by one side and read by the other at any time.

    ``index`` and ``on_for_s``: the item in work, where the worker marks every item (else -1), and since when.

    ``chunk``: the chunk begun last, before anything of it is unpacked.

    ``begun`` and ``claimed``: the places, in all that this worker was ever sent, from the first to behind the last of
    the items in work. ``limit``: the parent's word that the worker must not begin anything at this place or behind it.

    **Taking back** what a worker has not begun needs no lock. The worker writes ``claimed``, then reads ``limit``, and
    begins only what lies below. The parent writes ``limit``, *waits* until its write and any write of the worker's
    before it must have arrived (``SETTLE_S``, a thousand times what a store buffer takes to drain), then reads
    ``claimed``. If the worker read the old limit, it had written ``claimed`` before, and the parent sees it. If it read
    the new one, it leaves what lies behind. Either way no item is begun twice, and what the worker leaves below
    ``claimed`` it says in its answer.
    """

    def __init__(self, shared: mmap.mmap) -> None:
        """Use the first page."""
        self._numbers = memoryview(shared)[:PAGE].cast("q")

    def reset(self) -> None:
        """Be on nothing, without a limit."""
        self._numbers[INDEX] = self._numbers[CHUNK] = self._numbers[BEGUN] = NONE
        self._numbers[CLAIMED] = 0
        self._numbers[LIMIT] = UNLIMITED

    def begin(self, chunk: int) -> None:
        """Begin a chunk, before anything of it is unpacked."""
        self._numbers[CHUNK] = chunk

    def set(self, index: int) -> None:
        """Begin an item. The clock comes first: a reader in between sees an old item with a young clock, not late."""
        self._numbers[CLOCK] = time.monotonic_ns()
        self._numbers[INDEX] = index

    def clear(self) -> None:
        """Be on nothing."""
        self._numbers[INDEX] = self._numbers[BEGUN] = NONE

    def rest(self) -> None:
        """Have nothing in work for a moment: what was done is being packed."""
        self._numbers[BEGUN] = NONE

    def resume(self, place: int) -> None:
        """Go on with the item at a place, which was claimed before."""
        self._numbers[BEGUN] = place

    def claim(self, begin: int, end: int) -> int:
        """Say that the items at these places are in work; give the place up to which they really may be."""
        numbers = self._numbers
        numbers[BEGUN] = begin
        numbers[CLAIMED] = end
        limit = numbers[LIMIT]
        return end if end <= limit else limit  # noqa: FURB136 - a call of min() is half of what a claim costs

    @property
    def index(self) -> int | None:
        """The item in work; None: none, or not marked."""
        index = self._numbers[INDEX]
        return None if index == NONE else index

    @property
    def chunk(self) -> int:
        """The chunk that was begun last."""
        return self._numbers[CHUNK]

    @property
    def begun(self) -> int | None:
        """The place of the first item in work; None: nothing is."""
        begun = self._numbers[BEGUN]
        return None if begun == NONE else begun

    @property
    def claimed(self) -> int:
        """The place behind the last item that the worker has ever claimed."""
        return self._numbers[CLAIMED]

    @property
    def limit(self) -> int:
        """The place at which the worker stops."""
        return self._numbers[LIMIT]

    @limit.setter
    def limit(self, place: int) -> None:
        self._numbers[LIMIT] = place

    @property
    def keep_warm(self) -> Bytes:
        """How much of what is free each arena keeps warm."""
        return self._numbers[KEEP_WARM]

    @keep_warm.setter
    def keep_warm(self, size: Bytes) -> None:
        self._numbers[KEEP_WARM] = size

    def on_for_s(self) -> Seconds:
        """Give the seconds since the item in work was begun; the monotonic clock is the same in all processes."""
        return (time.monotonic_ns() - self._numbers[CLOCK]) / 1e9

    def close(self) -> None:
        """Let the memory go."""
        self._numbers.release()


class WorkerMemory:
    """One worker's shared memory, from either side."""

    def __init__(self, descriptor: int, *, parent: bool) -> None:
        """Map the marks behind ``descriptor``, which stays open for passing it on."""
        self.descriptor = descriptor
        self._parent = parent
        self._page = mmap.mmap(descriptor, PAGE)
        self.marks = Marks(self._page)
        self._arenas: tuple[Writer | None, Reader | None] | None = None
        parent_side.add(self)

    @classmethod
    def create(cls, workers: int = 1) -> WorkerMemory:
        """Make new memory, as the parent: on nothing. ``workers``: how many of a pool share what may be kept warm."""
        memory = cls(_anonymous(PAGE + 2 * ARENA_SIZE), parent=True)
        memory.marks.reset()
        memory.marks.keep_warm = share_of_warm(workers)
        return memory

    def as_worker(self) -> WorkerMemory:
        """Give the other side of what was inherited by a fork."""
        self._parent = False
        return self

    def writer(self) -> Writer | None:
        """Give the arena to write to; None where there is none."""
        return self._mapped()[0]

    def reader(self) -> Reader | None:
        """Give the arena to read from; None where there is none."""
        return self._mapped()[1]

    def take_dropped(self) -> list[int]:
        """Give the places of buffers that were read and dropped."""
        reader = self._arenas[1] if self._arenas is not None else None
        return reader.take_dropped() if reader is not None else []

    def release(self, places: list[int]) -> None:
        """Take back places that the other side has dropped."""
        if places and (writer := self.writer()) is not None:
            writer.release(places)

    def close(self) -> None:
        """Let go; again, nothing happens. Results that live on keep their part of the memory."""
        if self._page.closed:
            return
        self.marks.close()
        self._page.close()
        writer, reader = self._arenas or (None, None)
        if writer is not None:
            writer.close()
        if reader is not None:
            reader.close()
        os.close(self.descriptor)

    def _mapped(self) -> tuple[Writer | None, Reader | None]:
        if self._arenas is None:
            try:
                inbox, outbox = (_map(self.descriptor, PAGE + k * ARENA_SIZE) for k in (0, 1))
            except (OSError, OverflowError, ValueError):
                # A limit on address space (ulimit -v) or on the size of files (ulimit -f), or a system with less.
                self._arenas = None, None
            else:
                mine, its = (inbox, outbox) if self._parent else (outbox, inbox)
                at_mine, at_its = (0, ARENA_SIZE) if self._parent else (ARENA_SIZE, 0)
                writer = Writer(
                    mine, 0, ARENA_SIZE, file=(self.descriptor, PAGE + at_mine), keep_warm=self.marks.keep_warm
                )
                reader = Reader(its, 0, ARENA_SIZE, descriptor=self.descriptor, offset=PAGE + at_its)
                self._arenas = writer, reader
        return self._arenas


def _map(descriptor: int, offset: Bytes) -> mmap.mmap:
    """Map an arena; without a descriptor of the map's own, where Python can: kept results would keep that open too."""
    if sys.version_info >= (3, 13):
        return mmap.mmap(descriptor, ARENA_SIZE, offset=offset, trackfd=False)
    return mmap.mmap(descriptor, ARENA_SIZE, offset=offset)


def _anonymous(size: Bytes) -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("poolwise")
        try:
            os.ftruncate(descriptor, size)
        except OSError:
            # Files may not be so large here (ulimit -f): there are marks, and no arenas.
            os.ftruncate(descriptor, PAGE)
        return descriptor
    import tempfile  # noqa: PLC0415 - Linux never comes here

    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        return os.dup(file.fileno())
