"""Large arrays that many tasks take: copied once, into memory that every worker maps.

The engine copies a large array to the worker that gets it (``engine/arena.py``), which is the quickest way for an array
that one task takes, and the wrong one for a hundred tasks that all take ``X``. So an array that is sent for the second
time within one call, or is so large that a copy of it is no trifle, is put on the *board*: a file in memory, which
nobody else can find, which is gone when the last one who maps it is. A task that takes it is sent its place on the
board, and the worker maps it there.

joblib's own backends write such arrays to files in a folder (``temp_folder``) that have to be cleaned up. Nothing is
left behind here, however this process ends.

Only the call in which an array was put there finds it: what the caller changes in it afterwards, the next call sees.
"""

from __future__ import annotations

import itertools
import mmap
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from poolwise.model.units import Bytes, Seconds
from poolwise.work.shipping import PROTOCOL

if TYPE_CHECKING:
    import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"

# From here on the engine's own way (a place in an arena of which 64 MiB stay warm) has no warm page to offer, so that
# a copy on the board costs no more, and every further task nothing.
AT_ONCE: Bytes = 16 << 20
# A worker without a task lets go of what it has mapped, so that it is freed while nothing is running.
LET_GO_S: Seconds = 1.0

_numbers = itertools.count(1)


class Sheet:
    """One array on the board."""

    def __init__(self, array: Array) -> None:
        """Copy it there, in its own order."""
        import numpy as np  # noqa: PLC0415 - whoever comes here has it

        self.order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        flat = np.ascontiguousarray(array.T if self.order == "F" else array).reshape(-1).view(np.uint8)
        descriptor = os.memfd_create("poolwise-shared")
        weakref.finalize(self, os.close, descriptor).atexit = False
        raw, at = flat.data, 0
        while at < len(raw):
            at += os.pwrite(descriptor, raw[at:], at)
        self.place = os.getpid(), descriptor, next(_numbers)
        self.dtype, self.shape = array.dtype, array.shape


class Board:
    """The arrays of one call."""

    def __init__(self, least: Bytes | None, mode: str | None) -> None:
        """Take arrays of at least so many bytes; ``mode``: as ``numpy.memmap`` knows it. None: take none."""
        self._least = least if mode is not None and can_share() else None
        self.mode = mode
        self._seen: dict[int, tuple[weakref.ref[Any], Sheet | None]] = {}

    def clear(self) -> None:
        """The call has ended."""
        self._seen.clear()

    def is_for(self, array: Array) -> bool:
        """Tell whether an array is large enough, and can lie there."""
        least = self._least
        return least is not None and array.nbytes >= max(least, 1) and array.ndim > 0 and not array.dtype.hasobject

    def find(self, array: Array) -> Sheet | None:
        """Give an array's place on the board; None where it is to travel by itself, for this time."""
        key = id(array)
        reference, sheet = self._seen.get(key, (None, None))
        known = reference is not None and reference() is array
        if known and sheet is not None:
            return sheet
        sheet = Sheet(array) if known or array.nbytes >= AT_ONCE else None
        self._seen[key] = weakref.ref(array, lambda _: self._seen.pop(key, None)), sheet
        return sheet


def reducers_for(board: Board, use: Callable[[Sheet], object]) -> dict[type, Callable[[Any], Any]]:
    """Give what pickles arrays; ``use`` is told which sheets must be there until the task is done."""
    import numpy as np  # noqa: PLC0415 - whoever has no arrays needs none

    from poolwise.joblib import files  # noqa: PLC0415 - it imports NumPy

    def reduce(array: Array) -> Any:  # noqa: ANN401 - what pickle wants
        file = files.backing(array)
        if file is not None:
            return files.reduce(array, file)
        if not board.is_for(array):
            return array.__reduce_ex__(PROTOCOL)
        sheet = board.find(array)
        if sheet is None:
            return _as_it_would_be(array, board.mode).__reduce_ex__(PROTOCOL)
        use(sheet)
        return take_down, (sheet.place, sheet.dtype, sheet.shape, sheet.order, board.mode)

    return {np.ndarray: reduce, np.memmap: reduce}


def _as_it_would_be(array: Array, mode: str | None) -> Array:
    """Whether a function may write to an array must not depend on how often it is sent."""
    if mode != "r" or not array.flags.writeable:
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def can_share() -> bool:
    """Tell whether a worker can open what this process has open, which a hardened process forbids."""
    try:
        return sys.platform == "linux" and Path("/proc/self/fd").stat().st_uid == os.geteuid()
    except OSError:
        return False


# --- In a worker ---------------------------------------------------------------------------------------------------


class Mapped:
    """What this worker has mapped, for the tasks that follow."""

    def __init__(self) -> None:
        """Have nothing."""
        self._lock = threading.Lock()
        self._maps: dict[tuple[int, int, int], mmap.mmap] = {}
        self._used_s = 0.0

    def get(self, place: tuple[int, int, int]) -> mmap.mmap:
        """Give memory that can be read only."""
        with self._lock:
            self._used_s = time.monotonic()
            if place not in self._maps:
                self._maps[place] = _map(place, mmap.PROT_READ, mmap.MAP_SHARED)
                if len(self._maps) == 1:
                    threading.Thread(target=self._watch, name="poolwise-board", daemon=True).start()
            return self._maps[place]

    def touch(self) -> None:
        """A task has ended: the next may want the same."""
        self._used_s = time.monotonic()

    def _watch(self) -> None:
        """Let go of everything that has not been used for a while; arrays that somebody holds hold their memory."""
        while True:
            time.sleep(LET_GO_S)
            with self._lock:
                if time.monotonic() - self._used_s > LET_GO_S:
                    self._maps.clear()
                    return


mapped = Mapped()


def take_down(place: tuple[int, int, int], dtype: Any, shape: tuple[int, ...], order: Any, mode: str) -> Array:  # noqa: ANN401 - NumPy's
    """Give the array, in a worker."""
    import numpy as np  # noqa: PLC0415 - an array comes, so it is there

    if mode == "r":
        return np.ndarray(shape, dtype, mapped.get(place), order=order)
    private = mode == "c"
    memory = _map(place, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE if private else mmap.MAP_SHARED)
    return np.ndarray(shape, dtype, memory, order=order)


def _map(place: tuple[int, int, int], protection: int, flags: int) -> mmap.mmap:
    process, number, _ = place
    descriptor = os.open(f"/proc/{process}/fd/{number}", os.O_RDWR if flags == mmap.MAP_SHARED else os.O_RDONLY)
    try:
        return mmap.mmap(descriptor, 0, flags=flags, prot=protection)
    finally:
        os.close(descriptor)
