"""How much of the time the GIL is held, over seconds and hours: a thread that naps, and notices how late it gets it.

The question and the answer are those of ``gil.py``, which watches the first items of a run for milliseconds. Here naps
grow to 20 ms and only two sums are kept, so that a long program is not disturbed (a look at who computes with the GIL
takes it from him for an instant) and nothing piles up. Many may ask at once: there is one thread.

The thread ends before any fork of this process, so that it hinders nobody in forking, and begins again when somebody
asks anew. What is measured up to then stands; who then runs in children is not known by the GIL of this process.
"""

from __future__ import annotations

import _thread
import os
import time
from collections.abc import Callable
from typing import NamedTuple

from poolwise.measure.free_threading import gil_enabled
from poolwise.measure.gil import LATE_S
from poolwise.model.units import Seconds
from poolwise.work.proc import queued_s
from poolwise.work.threads import gone_at_fork

FIRST_NAP_S: Seconds = 0.0005
GROWTH = 1.1
LONGEST_NAP_S: Seconds = 0.02
# Of less than this nothing is told: a look or two may have come at an odd moment.
LEAST_SEEN_S: Seconds = 0.004
# Nor where less than this share of the time was seen: it has forked, and what went on then may be something else.
LEAST_SHARE = 0.5
# A thread that has said its last word is gone within 0.1 ms, or when a busy machine lets it.
GONE_WITHIN_S: Seconds = 0.05


class Reading(NamedTuple):
    """The sums at a moment."""

    held_s: Seconds = 0.0
    seen_s: Seconds = 0.0
    cpu_s: Seconds = 0.0
    """CPU that the looking itself has taken."""

    def share_since(self, earlier: Reading, wall_s: Seconds) -> float | None:
        """Give the share of the time since then for which the GIL was held, 0 to 1; None: too little was seen."""
        seen_s = self.seen_s - earlier.seen_s
        if seen_s < max(LEAST_SEEN_S, LEAST_SHARE * wall_s):
            return None
        return min(1.0, max(0.0, (self.held_s - earlier.held_s) / seen_s))


class GilMeter:
    """The one thread and its sums; ``enter`` and ``leave`` as often as somebody wants to know."""

    def __init__(self, tell: Callable[[Reading], object] | None = None) -> None:
        """Start nothing; ``tell`` is called by the thread after each look."""
        self._tell = tell
        self._lock = _thread.allocate_lock()
        self._users = 0
        self._sums = Reading()
        self._nap_s = FIRST_NAP_S
        self._thread_s: Seconds = 0.0
        self._thread_id = 0
        self._nap: tuple[Seconds, Seconds] | None = None
        """When the nap began that is under way, and when it is due to end."""
        self._life: tuple[_thread.LockType, _thread.LockType] | None = None
        """Two locks: the one is let go to end the thread, the other when it has ended."""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._stop, after_in_child=self._forget)

    def enter(self) -> None:
        """Begin to look, quickly at first."""
        with self._lock:
            self._users += 1
            self._nap_s = FIRST_NAP_S
            if self._life is None and gil_enabled():
                self._start()

    def leave(self) -> None:
        """Look no more, once everybody has left."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._stop()

    def reading(self) -> Reading:
        """Give the sums, with the look that is overdue: whoever asks has held the GIL since then."""
        nap, now = self._nap, time.perf_counter()
        if nap is None or now - nap[1] <= LATE_S:
            return self._sums
        overdue_s = now - nap[0]
        return self._sums._replace(held_s=self._sums.held_s + overdue_s, seen_s=self._sums.seen_s + overdue_s)

    def _start(self) -> None:
        end, ended = life = _thread.allocate_lock(), _thread.allocate_lock()
        end.acquire()
        ended.acquire()
        begun = time.perf_counter()
        try:
            _thread.start_new_thread(self._watch, (end, ended, begun))
        except RuntimeError:
            # No thread can be had (a limit, or the interpreter is ending): the GIL is not known.
            return
        self._nap = begun, begun
        self._life = life

    def _stop(self) -> None:
        """End the thread and wait until it is gone."""
        life, self._life = self._life, None
        if life is not None:
            end, ended = life
            end.release()
            with ended:
                pass
            self._until_gone()
        self._nap = None

    def _until_gone(self) -> None:
        """Wait for the system's end of the thread: Python counts threads at a fork, and warns of them (Linux)."""
        until = time.perf_counter() + GONE_WITHIN_S
        task = f"/proc/self/task/{self._thread_id}"
        while os.path.exists(task) and time.perf_counter() < until:  # noqa: PTH110 - pathlib takes 4 ms
            time.sleep(0)

    def _forget(self) -> None:
        """Be new, in a forked child."""
        self._lock = _thread.allocate_lock()
        self._users, self._life, self._nap = 0, None, None
        gone_at_fork.clear()

    def _watch(self, end: _thread.LockType, ended: _thread.LockType, begun: Seconds) -> None:
        clock, me = time.perf_counter, _thread.get_ident()
        gone_at_fork.add(me)
        self._thread_id = _thread.get_native_id()
        self._thread_s = 0.0
        try:
            # A new thread asks for the GIL too before it does anything.
            due, queued = begun, 0.0
            while True:
                held, queued = self._was_held(clock() - due, queued)
                # To read the queue lets the GIL go, and takes until it is had again: that time is this look's, too.
                now = clock()
                self._add(now - begun, held=held)
                begun = now
                self._nap = begun, begun + self._nap_s
                if self._tell is not None:
                    self._tell(self._sums)
                due = clock() + self._nap_s
                self._nap = begun, due
                if end.acquire(timeout=self._nap_s):
                    return
                self._nap_s = min(LONGEST_NAP_S, self._nap_s * GROWTH)
        finally:
            gone_at_fork.discard(me)
            ended.release()

    @staticmethod
    def _was_held(late_s: Seconds, queued_before_s: Seconds) -> tuple[bool, Seconds]:
        """Tell whether a look came late for the GIL, and not for want of a core; and the time in the queue by now."""
        if late_s <= LATE_S:
            return False, queued_before_s
        queued = queued_s()
        return late_s - (queued - queued_before_s) > LATE_S, queued

    def _add(self, stood_for_s: Seconds, *, held: bool) -> None:
        sums, cpu_s = self._sums, time.thread_time()
        self._sums = Reading(
            sums.held_s + stood_for_s * held, sums.seen_s + stood_for_s, sums.cpu_s + cpu_s - self._thread_s
        )
        self._thread_s = cpu_s
