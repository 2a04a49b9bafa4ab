"""How much of the time the GIL is held: a second thread that naps and notices how late it gets the GIL back.

A thread that wakes at a random moment asks for the GIL. If nobody holds it, it goes on at once; if somebody does, it
waits until the holder lets go by itself (input and output, large hashes, NumPy) or the interpreter takes it away after
its switch interval (5 ms). So whether it comes late tells whether the GIL was held at that moment, which the work does
not know. On a busy machine it comes late for want of a core, too; the kernel tells how long that took, and that share
of the lateness is not the GIL's. While it waits it cannot look again, so that a held GIL is looked at ten times less
often than a free one: each look counts for the time that it stands for, from the beginning of its nap until it had the
GIL again.
"""

from __future__ import annotations

import _thread
import contextvars
import os
import time
from collections.abc import Callable

from poolwise.measure.cpu import ThreadClock
from poolwise.measure.sampler import Sampler
from poolwise.model.classes import frozen
from poolwise.model.profile import Hot
from poolwise.model.units import Seconds
from poolwise.work.proc import queued_s

# Short enough for some twenty samples in a probe of 20 ms where the GIL is free.
NAP_S: Seconds = 0.0005
# A wake-up later than this waited for the GIL: timers alone are late by 0.05 to 0.15 ms (Linux's timer slack and the
# way through the scheduler), and a holder that lets go by itself sooner than this hinders nobody.
LATE_S: Seconds = 0.0004
# Who has had a core for less than this share of the time since the last look has waited.
WAITED = 0.5


@frozen
class _Look:
    """A nap began, it ended and asked for the GIL, and got it."""

    begun: Seconds
    asked: Seconds
    got: Seconds

    @property
    def is_late(self) -> bool:
        """Somebody held the GIL."""
        return self.got - self.asked > LATE_S


class _Life:
    """The life of one watching thread: the one lock is let go to end it, the other when it has ended."""

    def __init__(self) -> None:
        self.end, self.ended = _thread.allocate_lock(), _thread.allocate_lock()
        self.end.acquire()
        self.ended.acquire()

    def lasts(self) -> bool:
        return self.ended.locked()

    def end_and_wait(self) -> None:
        if self.end.locked():
            # Else it was told before, and a Ctrl-C came while it ended.
            self.end.release()
        with self.ended:
            pass


class GilWatch:
    """Watches while it is told to; its thread starts in some 20 µs, ends at once when told, and by itself when idle.

    What counts is the moment at which a nap ends and the thread asks for the GIL: was the work running then?
    """

    def __init__(self, look: Callable[[], object] | None = None, *, here: bool = True) -> None:
        """Start nothing; ``look`` is called after each look while the work runs, by the watching thread.

        ``here``: the work runs in the thread that says that it does, so that its lines are to be seen there.
        """
        self._look = look
        self._here = here
        self.cpu_s: Seconds = 0.0
        """CPU that the watching itself has taken."""
        self._queued_s: Seconds = 0.0
        self._looks: list[_Look] = []
        self._stretches: list[tuple[Seconds, Seconds]] = []
        self._since: Seconds | None = None
        self._life: _Life | None = None
        self._home = os.getpid()
        self._sampler = Sampler()
        self._worker = ThreadClock()

    def resume(self) -> None:
        """The work runs from now on, in the thread that says so."""
        if self._worker.thread_id != _thread.get_ident():
            self._worker = ThreadClock()
        self._since = time.perf_counter()
        if self._life is not None and self._life.lasts():
            return
        life = _Life()
        try:
            # What is started from there for the caller sees the caller's context variables.
            context, since = contextvars.copy_context(), self._since
            _thread.start_new_thread(lambda: context.run(self._watch, since, life), ())
            self._life = life
        except RuntimeError:
            # No thread can be had (a limit, or the interpreter is ending): the work goes on unwatched.
            return
        except BaseException:
            # A Ctrl-C; nobody knows whether it has started. If it has, it ends before it does anything.
            life.end.release()
            raise

    def pause(self) -> None:
        """The work does not run any more."""
        if self._since is not None:
            self._stretches.append((self._since, time.perf_counter()))
            self._since = None

    def stop(self) -> None:
        """End the watching thread and wait until it is gone: a process with a second thread cannot fork safely."""
        self.pause()
        # In a child that the function has forked, the thread is not there to say that it has ended.
        if self._life is not None and os.getpid() == self._home:
            self._life.end_and_wait()
        self._sampler.rest()

    @property
    def naps(self) -> int:
        """Looks at the GIL that were taken while the work ran."""
        return len(self._counted())

    @property
    def held(self) -> float | None:
        """Share of the time that the GIL was held, 0 to 1; None with too few samples to say."""
        counted = self._counted()
        if len(counted) < LEAST_NAPS and sum(seconds for seconds, _ in counted) < LONG_ENOUGH_S:
            return None
        late = sum(seconds for seconds, late in counted if late) / sum(seconds for seconds, _ in counted)
        return late * self._share_of_the_gil()

    def hot(self) -> Hot | None:
        """Give the line in which the time went; None with too few samples to say."""
        return self._sampler.hot()

    def _share_of_the_gil(self) -> float:
        """Say what part of all the lateness was not spent in the queue for a core."""
        late_s = sum(max(0.0, look.got - look.asked) for look in self._looks)
        return max(0.0, 1 - self._queued_s / late_s) if late_s > 0 else 1.0

    def _counted(self) -> list[tuple[Seconds, bool]]:
        """Give for each look while the work ran what time it stands for, and whether it got the GIL late."""
        return [
            (min(look.got, ended) - max(look.begun, begun), look.is_late)
            for look in self._looks
            for begun, ended in self._all_stretches()
            if begun <= look.asked <= ended
        ]

    def _all_stretches(self) -> list[tuple[Seconds, Seconds]]:
        since = self._since
        return [*self._stretches, (since, time.perf_counter())] if since is not None else self._stretches

    @staticmethod
    def _waits(look: _Look, before_s: Seconds | None, cpu_s: Seconds | None) -> bool:
        """Tell whether the work waited for most of a look's time: it had no core, and let others have the GIL.

        Who had no core and kept the GIL was in the queue for one, on a busy machine, and computes.
        """
        if look.is_late:
            return False
        return cpu_s is None or before_s is None or cpu_s - before_s < WAITED * (look.got - look.begun)

    def _watch(self, since: Seconds, life: _Life) -> None:
        clock, idle, late = time.perf_counter, 0, 0
        # A new thread asks for the GIL too before it does anything.
        self._looks.append(_Look(since, since, clock()))
        cpu_s = self._worker.cpu_s()
        try:
            while idle < MOST_IDLE_NAPS:
                begun = clock()
                nap_s = LONG_NAP_S if len(self._looks) >= MANY_LOOKS else min(LONG_NAP_S, NAP_S * (1 + late / SURER))
                if life.end.acquire(timeout=nap_s):
                    return
                got = clock()
                look = _Look(begun, begun + nap_s, got)
                self._looks.append(look)
                late = late + 1 if look.is_late else 0
                before_s, cpu_s = cpu_s, self._worker.cpu_s()
                if self._since is not None:
                    waiting = self._waits(look, before_s, cpu_s)
                    if self._here:
                        self._sampler.look(self._worker.thread_id, waiting=waiting, seconds=got - begun)
                idle = idle + 1 if self._since is None else 0
                if self._look is not None and self._since is not None:
                    self._look()
        finally:
            if any(look.is_late for look in self._looks):
                # From its making on: the first look is late for want of a core, too.
                self._queued_s += queued_s()
            self.cpu_s += time.thread_time()
            life.ended.release()


# A consumer that does not ask for results must not pay for a watch that has nothing to see.
MOST_IDLE_NAPS = 20
# Fewer than this tell nothing, but for one that stands for so long.
LEAST_NAPS = 2
LONG_ENOUGH_S: Seconds = 0.004
# After so many looks enough is known of the GIL, and what else is to be seen can wait for longer naps.
MANY_LOOKS = 200
# Each look at who computes with the GIL takes it from him: after so many in a row that found it held, naps are twice as
# long, and so on; who lets it go is looked at as before.
SURER = 4
LONG_NAP_S: Seconds = 0.002
