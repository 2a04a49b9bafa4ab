"""What runs in an actor of Ray's: one worker of one run, in a process of its own, which ends with it.

An item that is late is told at once, and the process is killed by who hears of it. Where code holds the GIL, nothing
can be told; the other side has a clock of its own for that (``backends/ray_link.py``).
"""

from __future__ import annotations

import os
import time

from poolwise.errors import PoolwiseError
from poolwise.model.units import Seconds
from poolwise.work import role
from poolwise.work.guest import NOTHING_SAID, greeting
from poolwise.work.resident import Residence

NOBODY = b""
"""The reply to a message whose results nobody wants any more."""


class ActorWorker:
    """Runs chunks, one after another."""

    def __init__(self) -> None:
        """Belong to Poolwise, as the process does: nobody is at a keyboard here, and the siblings have the cores."""
        role.become_worker()
        self._residence: Residence | None = None
        self._late = False

    def begin(self, packed: bytes) -> tuple[bytes, Seconds | None, int]:
        """Load the job and call its initializer; give the error if there is one, the timeout, and the process."""
        error: PoolwiseError | None = None
        limit_s: Seconds | None = None
        try:
            self._residence = Residence(packed)
            limit_s = self._residence.limit_s
        except PoolwiseError as problem:
            error = problem
        return greeting(error, NOTHING_SAID), limit_s, os.getpid()

    def clock(self) -> Seconds:
        """Say what the clock says here."""
        return time.perf_counter()

    def run(self, message: bytes) -> bytes | Seconds:
        """Run a chunk; give how long its only item has taken where that is late: then nothing more is begun."""
        if self._residence is None or self._late:
            return NOBODY
        came = self._residence.run_in_time(message)
        self._late = not isinstance(came, bytes)
        return came
