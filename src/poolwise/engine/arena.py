"""Large buffers on their way between a worker and its parent: one copy, into memory that both see.

Each direction has an arena, a region of the worker's shared memory (``memory.py``) that one side writes and the other
reads. The *writer* finds room and copies a buffer in; where it lies travels in the message. The *reader* makes of it
a buffer without a copy, writable; when the last array over it is dropped, the place goes back to the writer with the
next message, and is used again. That is what makes it fast: a fresh page costs the kernel's zeroing and a fault on
each side, which is five to forty times the price of copying onto a warm one (8 MB: 24 ms fresh, 0.4 ms warm here).

Who writes what: the free list is the writer's alone, the list of dropped blocks the reader's; nothing is locked.

The region is sparse: it may be far larger than what is ever used, and unused pages cost nothing. Where it cannot be
mapped (a limit on address space), everything travels inside the pickle, as before.
"""

from __future__ import annotations

import bisect
import contextlib
import mmap
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from poolwise.model.units import Bytes

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # from 3.12 on, and for type checkers only

PAGE: Bytes = 4096
MADV_POPULATE_READ = 22  # linux/mman.h; the mmap module has no name for it
# Free places that stay warm, of all arenas of a pool together; what is free beyond is given back to the system, so that
# large results do not keep their memory for the rest of the run.
POOL_WARM: Bytes = 512 << 20
# No arena needs more: a worker's results in flight are three of 8 MB, or 32 MiB of a stream, as a rule.
MOST_WARM: Bytes = 64 << 20
# With many workers, each can still use the place of one array of a million floats again.
LEAST_WARM: Bytes = 8 << 20


def share_of_warm(workers: int) -> Bytes:
    """Say how much of what is free an arena keeps, where each of so many workers has two."""
    return min(MOST_WARM, max(LEAST_WARM, POOL_WARM // (2 * max(1, workers))))


class FreeList:
    """The free ranges below the highest place ever used, first fit from below: low places are warm."""

    def __init__(self, size: Bytes) -> None:
        """Begin with all free, none ever used."""
        self._size = size
        self._top = 0
        self._starts: list[int] = []
        self._stops: list[int] = []

    def take(self, size: Bytes) -> int | None:
        """Find room; None where there is none."""
        for place, (start, stop) in enumerate(zip(self._starts, self._stops, strict=True)):
            if stop - start >= size:
                self._starts[place] = start + size
                if start + size == stop:
                    del self._starts[place], self._stops[place]
                return start
        if self._stops and self._stops[-1] == self._top:
            # The free end grows.
            self._stops.pop()
            self._top = self._starts.pop()
        if self._top + size > self._size:
            return None
        self._top += size
        return self._top - size

    def give(self, start: int, stop: int) -> None:
        """Take a range back, and join it with its free neighbours."""
        place = bisect.bisect(self._starts, start)
        if place < len(self._starts) and self._starts[place] == stop:
            stop = self._stops[place]
            del self._starts[place], self._stops[place]
        if place and self._stops[place - 1] == start:
            self._stops[place - 1] = stop
            return
        self._starts.insert(place, start)
        self._stops.insert(place, stop)

    def ranges(self) -> list[tuple[int, int]]:
        """List the free ranges, from below."""
        return list(zip(self._starts, self._stops, strict=True))


class Writer:
    """The side that copies buffers in."""

    def __init__(
        self,
        shared: mmap.mmap,
        begin: int,
        size: Bytes,
        *,
        file: tuple[int, int] | None = None,
        keep_warm: Bytes = MOST_WARM,
    ) -> None:
        """Write into ``shared[begin : begin + size]``; so much of what is free keeps its pages.

        ``file``: the descriptor and the offset of what ``shared`` maps.
        """
        self._map = shared
        self._view = memoryview(shared)
        self._begin = begin
        self._file = file
        self._free = FreeList(size)
        self._sizes: dict[int, Bytes] = {}
        self._warm: Bytes = 0
        self._written = 0
        """Up to here pages are there."""
        self._faulted = 0
        """Up to here they are in our page table."""
        self._keep_warm = keep_warm

    def put(self, buffer: Buffer) -> int | None:
        """Copy a buffer (contiguous bytes) in and give its place; None where there is no room."""
        raw = memoryview(buffer)
        size = -(-raw.nbytes // PAGE) * PAGE
        place = self._free.take(size)
        if place is None:
            return None
        try:
            self._copy(raw, place)
        except OSError:
            # No memory for new pages; a copy through the map would be killed by SIGBUS.
            self._free.give(place, place + size)
            return None
        self._sizes[place] = size
        self._warm = max(0, self._warm - size)
        return place

    def _copy(self, raw: memoryview, place: int) -> None:
        begin, stop = self._begin + place, place + raw.nbytes
        if stop > self._written and self._file is not None:
            # The system fills new pages as it makes them: half the time of zeroing each and a fault for each.
            descriptor, offset = self._file
            _write_all(descriptor, raw.cast("B"), offset + begin)
            self._written = stop
            return
        if stop > self._faulted:
            populate(self._map, begin, _paged(raw.nbytes))
            self._faulted = stop
        self._view[begin : begin + raw.nbytes] = raw

    def release(self, places: Iterable[int]) -> None:
        """Use these places again: their last reader is gone."""
        for place in places:
            size = self._sizes.pop(place)
            self._free.give(place, place + size)
            if self._warm + size <= self._keep_warm:
                self._warm += size
            else:
                give_back(self._map, self._begin + place, size)

    def close(self) -> None:
        """Write no more."""
        self._view.release()
        with contextlib.suppress(BufferError):
            self._map.close()


class Reader:
    """The side that uses buffers where they lie."""

    def __init__(
        self, shared: mmap.mmap, begin: int, size: Bytes, *, descriptor: int | None = None, offset: Bytes = 0
    ) -> None:
        """Read from ``shared[begin : begin + size]``, which a file's ``descriptor`` has at ``offset``."""
        self._map = shared
        self._descriptor = descriptor
        self._offset = offset
        self._address = 0
        self._is_copy = False
        self._begin = begin
        self._size = size
        self._owner = os.getpid()
        self._dropped: deque[int] = deque()
        self._live: dict[int, tuple[weakref.ref[Any], Bytes]] = {}
        self._pinned: set[int] = set()
        self._kept: dict[int, Bytes] = {}
        self._closed = False
        self._forked = False
        """Somebody has been forked who maps it as well."""
        # Buffers are dropped in whatever thread, also while the run that had them is being closed in another. The
        # garbage collector may drop one in the very thread that has it.
        self._lock = threading.RLock()
        _readers.add(weakref.ref(self, _readers.discard))
        _watch_forks()

    def buffer(self, place: int, size: Bytes) -> memoryview:
        """Give a writable buffer; when nothing uses it any more, its place is free."""
        import ctypes  # noqa: PLC0415 - 5 ms, and needed by large buffers only

        from poolwise.engine.remap import private_mapper  # noqa: PLC0415 - it needs ctypes

        # A ctypes array, because whoever takes a buffer keeps its exporter alive (numpy and Arrow keep no memoryview),
        # and this one can be watched by a weak reference.
        exporter = (ctypes.c_ubyte * size).from_buffer(self._map, self._begin + place)
        if not self._address:
            self._address = ctypes.addressof(exporter) - self._begin - place
            private_mapper()
        self._live[place] = weakref.ref(exporter, lambda _: self._drop(place)), size
        _in_use.add(self)
        return memoryview(exporter).cast("B")

    def peek(self, place: int, size: Bytes) -> memoryview:
        """Give a view to be read and released at once, with ``done``."""
        begin = self._begin + place
        with memoryview(self._map) as whole:
            return whole[begin : begin + size]

    def done(self, place: int) -> None:
        """Give back a place that was only peeked at."""
        self._dropped.append(place)

    def take_dropped(self) -> list[int]:
        """Give the places that are free again, for the writer; each is told once."""
        dropped = []
        while self._dropped:
            dropped.append(self._dropped.popleft())
        return dropped

    def close(self) -> None:
        """The writer is gone: give back to the system all but what is in use, and that when it is dropped."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            if not self._closed:
                self._close()

    def _close(self) -> None:
        # The caller closes its own; a child that is forked while something is in use needs one. Before anything else:
        # who drops the last array from now on, in whatever thread, closes what stands here.
        self._descriptor = _duplicate(self._descriptor) if self._live else None
        self._closed = True
        # A copy: any line here may let the garbage collector drop one of them.
        at, used = 0, {place: size for place, (_, size) in self._live.copy().items()} | self._kept
        if used or self._forked:
            for place, size in sorted(used.items()):
                give_back(self._map, self._begin + at, place - at)
                at = place + _paged(size)
            give_back(self._map, self._begin + at, self._size - at)
        # Where nothing is in use, and no child maps it as well, all goes with the map, in half the time.
        self._let_go()

    def pin(self) -> None:
        """A child is about to be forked, and may read what lives now for as long as it likes: never use it again."""
        self._pinned.update(self._live)
        self._forked = True

    def part(self) -> None:
        """Be a forked child: what it writes to the buffers that live here is not its parent's any more."""
        if self._is_copy:
            # A child's child has a copy of its parent's copy, as of all memory.
            return
        self._is_copy = True
        if not self._live or self._descriptor is None:
            return
        from poolwise.engine.remap import private_mapper  # noqa: PLC0415 - imported by ``buffer``

        begin = min(self._live) // mmap.PAGESIZE * mmap.PAGESIZE
        end = max(place + size for place, (_, size) in self._live.items())
        begin += self._begin
        # Where the system refuses, the child shares, and is right in all but what it changes in place.
        private_mapper()(self._address + begin, self._begin + end - begin, self._descriptor, self._offset + begin)

    def _drop(self, place: int) -> None:
        """Called when a buffer is dropped, in whatever thread: it does next to nothing."""
        if os.getpid() != self._owner:
            # A forked child lets go of its copy; the memory is its parent's.
            return
        with self._lock:
            _, size = self._live.pop(place)
            if place in self._pinned:
                self._kept[place] = size
            elif self._closed:
                give_back(self._map, self._begin + place, _paged(size))
            else:
                self._dropped.append(place)
            if self._closed:
                self._let_go()

    def _let_go(self) -> None:
        """Once the writer is gone and nothing is in use, nobody needs the map."""
        if not self._live:
            _in_use.discard(self)
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                os.close(descriptor)
            with contextlib.suppress(BufferError):
                self._map.close()


def _write_all(descriptor: int, raw: memoryview, offset: int) -> None:
    while raw:
        count = os.pwrite(descriptor, raw, offset)
        raw, offset = raw[count:], offset + count


def populate(shared: mmap.mmap, begin: int, size: Bytes) -> None:
    """Have pages that are there in our page table, at once: a quarter of the time of a fault for each."""
    if sys.platform == "linux":
        # Linux before 5.14 does not know it, and has its faults.
        with contextlib.suppress(OSError):
            shared.madvise(MADV_POPULATE_READ, begin, size)


def give_back(shared: mmap.mmap, begin: int, size: Bytes) -> None:
    """Let the system have the pages; they read as zeros when they are used again."""
    if size <= 0 or not hasattr(mmap, "MADV_REMOVE"):
        return
    # The map may be closed already, by an interpreter that is ending.
    with contextlib.suppress(OSError, ValueError):
        shared.madvise(mmap.MADV_REMOVE, begin, size)


def _duplicate(descriptor: int | None) -> int | None:
    """Give a descriptor of one's own; None where there is none, or no more may be open."""
    try:
        return os.dup(descriptor) if descriptor is not None else None
    except OSError:
        return None


def _paged(size: Bytes) -> Bytes:
    return -(-size // PAGE) * PAGE


# No WeakSet: going through that fails where another thread adds to it, and a fork must find them all.
_readers: set[weakref.ref[Reader]] = set()
# Kept alive until their last buffer is dropped, so that its memory is given back then and not with the last of all.
_in_use: set[Reader] = set()
_watching = False


def _watch_forks() -> None:
    """Know of every fork of this process, the user's own included."""
    global _watching  # noqa: PLW0603 - what was registered once cannot be taken back
    if not _watching:
        _watching = True
        os.register_at_fork(before=_pin_all, after_in_child=_part_all)


def _living() -> list[Reader]:
    return [reader for each in [*_readers] if (reader := each()) is not None]


def _pin_all() -> None:
    for reader in _living():
        reader.pin()


def _part_all() -> None:
    for reader in _living():
        reader.part()
