"""What runs in a process of a cluster: it is called with bytes, in any thread, for any number of runs at a time.

``begin`` is called before a process gets chunks of a run, ``run`` for each chunk, ``leave`` at the run's end. The
function arrives once in a process, however many threads that has, and the initializer is called once. Each thread has
a ``Guest`` of its own, which does the work.

The process belongs to the cluster: it is not made a worker of ours, and what is printed goes into its own logs.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import cast

from poolwise.errors import PoolwiseError
from poolwise.model.units import Seconds
from poolwise.work import dispatch
from poolwise.work.chunk import late
from poolwise.work.guest import NOTHING_SAID, Guest, greeting, settle

WHERE = "on the workers of the cluster"
LEFT_BEHIND = "; a call on a cluster cannot be ended, so it was left behind and its result will be thrown away"


class Residence:
    """What this process has of one run."""

    def __init__(self, packed: bytes) -> None:
        """Load the function and call the initializer; raises PoolwiseError."""
        self._job, self._context = settle(packed, WHERE)
        self._retired = bytearray(1)
        self._guests = threading.local()
        if self._job.seed is not None:
            dispatch.begin()

    @property
    def limit_s(self) -> Seconds | None:
        """The timeout of an item."""
        return self._job.rules.timeout_s

    def run(self, message: bytes) -> bytes:
        """Run a chunk in this thread; with a timeout in one beside it, which can be left behind."""
        came = self.run_in_time(message)
        if self.limit_s is None or isinstance(came, bytes):
            return cast("bytes", came)
        return self._new_guest().failed(late(self.limit_s, came, LEFT_BEHIND))

    def run_in_time(self, message: bytes) -> bytes | Seconds:
        """Run a chunk as ``run`` does, and give how long its only item has taken so far where that is late."""
        if self.limit_s is not None:
            return self._within(self.limit_s, message)
        if not hasattr(self._guests, "guest"):
            self._guests.guest = self._new_guest()
        reply: bytes = self._guests.guest.run(message)
        return reply

    def leave(self) -> None:
        """Begin no further item."""
        self._retired[0] = 1
        if self._job.seed is not None:
            dispatch.end()

    def _new_guest(self) -> Guest:
        return Guest(self._job, self._context.copy(), self._retired, side_by_side=True)

    def _within(self, limit_s: Seconds, message: bytes) -> bytes | Seconds:
        """Give what came of the only item, or how long it has taken when it was late."""
        came: list[bytes | BaseException] = []
        guest = self._new_guest()

        def run() -> None:
            try:
                came.append(guest.run(message))
            except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
                came.append(error)
            finally:
                guest.end()

        thread = threading.Thread(target=run, name="poolwise-item", daemon=True)
        begun = time.monotonic()
        thread.start()
        thread.join(limit_s)
        if not came:
            return time.monotonic() - begun
        if isinstance(came[0], BaseException):
            raise came[0]
        return came[0]


_residences: dict[str, Residence] = {}
_beginning = threading.Lock()
_left: deque[str] = deque(maxlen=100)
"""Runs that are over, the latest: what is still on its way for them comes too late."""


def begin(run_id: str, packed: bytes) -> tuple[bytes, Seconds]:
    """Be ready for the chunks of a run; give the error where that cannot be done, and what the clock says here."""
    error: PoolwiseError | None = None
    with _beginning:
        if run_id not in _residences:
            try:
                _residences[run_id] = Residence(packed)
            except PoolwiseError as problem:
                error = problem
    if run_id in _left:
        leave(run_id)
    return greeting(error, NOTHING_SAID), time.perf_counter()


def clock() -> Seconds:
    """Say what the clock says here."""
    return time.perf_counter()


def run(run_id: str, message: bytes) -> bytes:
    """Run a chunk of a run; give nothing where nobody wants its results any more."""
    residence = _residences.get(run_id)
    return b"" if residence is None else residence.run(message)


def leave(run_id: str) -> None:
    """The run is over: begin no further item, and let go of its function. Waits for nobody who is about to begin."""
    _left.append(run_id)
    residence = _residences.pop(run_id, None)
    if residence is not None:
        residence.leave()
