"""What the watching process does (see ``watcher.py``): it looks at a tree of processes while somebody wants to know.

Requests come as lines on its standard input, ``SERIAL VERB STRETCH``, and each is answered by a line,
``SERIAL LIVE LOST QUEUED PEAK VOLUNTARY INVOLUNTARY``. Two threads wait beside the one that looks: one for requests,
one for the end of the process that is watched; threads, because on Windows nothing waits for a pipe and a clock at
once.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import select
import signal
import sys
import time
from _queue import Empty, SimpleQueue
from collections.abc import Callable

from poolwise.measure.tree import Tree, begun
from poolwise.model.units import Bytes, Seconds

# From the beginning of a stretch on, looks are so far apart, and each time a third more: what is short is seen, too.
FIRST_PAUSE_S: Seconds = 0.002
GROWTH = 1.3
LONGEST_PAUSE_S: Seconds = 0.25
# At most this share of a core goes into looking: to sum the pages of a process takes 1 ms for each GiB or so.
COST_SHARE = 0.05
# Where the system does not say when a process ends, it is looked for so often.
LOOK_FOR_ROOT_S: Seconds = 1.0

Request = tuple[str, str, str] | None


def main(root: int, with_root: bool, leave_out: list[int]) -> None:  # noqa: FBT001 - what a command line gives
    """Watch the process ``root`` until it ends or closes the pipe; never returns. Its memory counts ``with_root``.

    Processes to ``leave_out``, and those below them, are not looked at.
    """
    with contextlib.suppress(ValueError, OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    # While its own child asks it is still there, and its number its own.
    end = _end_of(root)
    if hasattr(os, "fork") and os.fork():
        # Nobody's child: the watched program must not meet us in os.wait(), nor count us among its own.
        os._exit(0)
    requests: SimpleQueue[Request] = SimpleQueue()
    _thread.start_new_thread(_read, (requests,))
    _thread.start_new_thread(_wait_for_end, (end, requests))
    _answer(os.getpid())
    try:
        _Watch(root, [*leave_out, os.getpid()], with_root=with_root).serve(requests)
    finally:
        # The reading thread sits in read(), and an interpreter that ends in order would wait for its lock.
        os._exit(0)


class _Watch:
    """Looks, and keeps what was seen for each stretch."""

    def __init__(self, root: int, leave_out: list[int], *, with_root: bool) -> None:
        self._with_root = with_root
        self._leave_out = leave_out
        self._tree = Tree(root, leave_out)
        self._peaks: dict[str, Bytes] = {}
        self._pause_s: Seconds = FIRST_PAUSE_S

    def serve(self, requests: SimpleQueue[Request]) -> None:
        """Answer requests, and look in between while a stretch lasts."""
        while True:
            try:
                request = requests.get(timeout=self._pause_s if self._peaks else None)
            except Empty:
                self._look()
                continue
            if request is None:
                return
            self._serve(*request)

    def _serve(self, serial: str, verb: str, stretch: str) -> None:
        if verb == "begin":
            if not self._peaks:
                # Who lived before nobody wanted to know is not to be missed now.
                self._tree = Tree(self._tree.root, self._leave_out)
            self._peaks[stretch] = 0
            self._pause_s = FIRST_PAUSE_S
        self._look()
        books = self._tree.books
        peak = self._peaks.pop(stretch, 0) if verb == "end" else self._peaks.get(stretch, 0)
        _answer(serial, books.live_s, books.lost_s, books.queued_s, peak, *self._tree.switches())

    def _look(self) -> None:
        since = time.perf_counter()
        self._tree.look()
        memory = self._tree.memory_bytes(with_root=self._with_root)
        self._peaks = {stretch: max(peak, memory) for stretch, peak in self._peaks.items()}
        cost_s = time.perf_counter() - since
        self._pause_s = max(min(LONGEST_PAUSE_S, self._pause_s * GROWTH), cost_s / COST_SHARE)


def _answer(*values: object) -> None:
    os.write(1, " ".join(map(str, values)).encode() + b"\n")


def _read(requests: SimpleQueue[Request]) -> None:
    """Hand on what comes; the end of the pipe is the last."""
    for line in sys.stdin:
        serial, verb, stretch = line.split()
        requests.put((serial, verb, stretch))
    requests.put(None)


def _end_of(root: int) -> Callable[[], object]:
    """Give what waits for the end of a process: others that it has forked may hold the pipe open for longer."""
    if sys.platform == "linux" and hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            poll = select.poll()
            poll.register(os.pidfd_open(root), select.POLLIN)
            return poll.poll
    began = begun(root)

    def wait() -> None:
        while began is not None and begun(root) == began:
            time.sleep(LOOK_FOR_ROOT_S)

    return wait


def _wait_for_end(end: Callable[[], object], requests: SimpleQueue[Request]) -> None:
    end()
    requests.put(None)
