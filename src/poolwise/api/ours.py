"""Our own threads in the caller's process: counted, and ended where workers are to be forked.

A process with several threads cannot be forked safely. Those of the caller's are a reason against it; our own are none,
since they have ended by then.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from poolwise.measure.free_threading import gil_stays, gil_turned_on_by
from poolwise.measure.machine import find_machine
from poolwise.measure.pace import Runner
from poolwise.model.classes import replace

if TYPE_CHECKING:
    import asyncio

    from poolwise.backends.company import Company
    from poolwise.backends.coroutines import LoopThread
    from poolwise.model.machine import Machine
    from poolwise.model.options import BackendName
    from poolwise.model.units import Seconds
    from poolwise.run.recorder import Recorder

# A task that never awaits cannot be ended, and its loop's thread is left behind after so long.
OWN_LOOP_PATIENCE_S: Seconds = 0.5


class Ours:
    """The event loop that a run has made, and the threads that keep it company."""

    def __init__(self, recorder: Recorder | None) -> None:
        """Start nothing; ``recorder`` writes the end of workers down."""
        self._recorder = recorder
        self._own_loop: LoopThread | None = None
        self.event_loop: asyncio.AbstractEventLoop | None = None
        """The loop in a thread of ours; None: there is none, as yet or any more."""

    def begin_loop(self) -> None:
        """Start one loop for the whole run: what the function keeps (a session, a semaphore) belongs to it."""
        from poolwise.backends.coroutines import LoopThread  # noqa: PLC0415 - asyncio takes 40 ms to import

        self._own_loop = LoopThread()
        self.event_loop = self._own_loop.begin()

    def end_loop(self) -> None:
        """End it, if there is one."""
        if self._own_loop is not None:
            self._own_loop.end(OWN_LOOP_PATIENCE_S)
            self._own_loop = self.event_loop = None

    def runner(self, kind: BackendName) -> Runner | None:
        """Say whose clocks tell what the first items do, by their backend: this thread's, or our event loop's."""
        thread = self._own_loop.thread if self._own_loop is not None else threading.current_thread()
        known = kind == "loop" or self._own_loop is not None
        if not known or thread.ident is None or thread.native_id is None:
            return None
        with contextlib.suppress(OSError):
            return Runner(thread.ident, thread.native_id)
        return None

    def count(self, company: Company) -> int:
        """Count the threads that will have ended when workers are forked."""
        return company.helpers + int(self._own_loop is not None) + company.there("threads")

    def machine(self, company: Company, before: Machine | None) -> Machine:
        """Look at the machine without our threads, if need be as it was ``before`` company came."""
        ours = self.count(company)
        if ours and before is not None:
            alive = max(1, threading.active_count() - ours)
            # What the items have imported since may have turned it on.
            return replace(before, python_threads=alive, gil=gil_stays(), gil_by=gil_turned_on_by())
        machine = find_machine()
        return replace(machine, python_threads=max(1, machine.python_threads - ours))

    def end(self, company: Company) -> None:
        """End them all, which have nothing to do any more."""
        self._dismiss(company, "threads")
        self._dismiss(company, "asyncio")
        self.end_loop()

    def _dismiss(self, company: Company, kind: BackendName) -> None:
        ending = [worker for worker, its in company.kinds.items() if its == kind]
        with self._recorder.closing(ending) if self._recorder is not None else contextlib.nullcontext():
            company.dismiss(kind)
