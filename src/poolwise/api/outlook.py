"""After the decision: is it right, and how many may be at work at once? Asked again and again while the rest runs."""

from __future__ import annotations

import sys
import time

from poolwise.backends.protocol import Backend
from poolwise.decide.revise import revised
from poolwise.measure.firsts import Firsts
from poolwise.measure.free_threading import gil_turned_on_by
from poolwise.measure.tally import Tally
from poolwise.model.classes import replace
from poolwise.model.events import ChunkDone
from poolwise.model.machine import Machine
from poolwise.model.plan import Bounded, Plan
from poolwise.model.profile import Profile
from poolwise.model.units import Seconds
from poolwise.run.driver import Driver
from poolwise.run.limit import Limiter

# Looking costs some 20 microseconds; what has changed for less than this is noise.
LOOK_EVERY_S: Seconds = 0.02
# Waiting work of which no more than this is at work at once is not worth a slow beginning: no far side minds.
HARMLESS = 16
# Work that waits for less than this share of its time is to keep the cores busy.
LITTLE = 0.25
# Work that waits for more of its time does not mind a GIL.
WAITS = 0.5
# Fewer chunks than this say nothing.
LEAST_CHUNKS = 4


def _is_bounded(plan: Plan) -> bool:
    return any(isinstance(reason, Bounded) and reason.by != "load" for reason in plan.reasons)


class Outlook:
    """Holds what comes back against what was planned."""

    def __init__(
        self,
        driver: Driver,
        plan: Plan,
        profile: Profile,
        machine: Machine,
        tally: Tally,
        *,
        there: int,
        firsts: Firsts | None,
    ) -> None:
        """Look at a run by ``plan``; ``tally`` hears of what is done, and so many workers are ``there`` already.

        The ``firsts`` tell what the first items take, some of which may still be under way; None: these were others.
        """
        self._driver = driver
        self._plan = plan
        self._profile = profile
        self._machine = machine
        self._tally = tally
        self._firsts = firsts if firsts is not None else Firsts(by_number=False)
        self._round = Tally(plan.backend)
        self._doubted = False
        self._watched = self.is_watched(plan, profile)
        self._next_look = time.monotonic() + LOOK_EVERY_S
        self._limiter: Limiter | None = None
        if plan.backend in ("threads", "asyncio") and plan.workers > machine.cores:
            # Fewer would do by the estimate; those that have begun cost nothing more.
            most = max(plan.workers, there) if not _is_bounded(plan) else plan.workers
            self._limiter = Limiter(min(most, max(there, HARMLESS)), most, machine.cores)

    @staticmethod
    def is_watched(plan: Plan, profile: Profile) -> bool:
        """Tell whether to look from outside: at processes, and at threads that are to compute side by side."""
        return plan.backend == "processes" or (plan.backend == "threads" and profile.waiting < LITTLE)

    @property
    def workers(self) -> int:
        """How many workers there should be."""
        return self._limiter.limit if self._limiter is not None else self._plan.workers

    @property
    def most(self) -> int | None:
        """How many at a time were enough, where more only made each of them slower."""
        return self._limiter.limit if self._limiter is not None and self._limiter.trials else None

    def hear(self, event: ChunkDone) -> None:
        """A chunk is done."""
        self._tally.hear(event)
        if self._limiter is not None:
            self._firsts.hear(event)
            self._round.hear(event)

    def look(self) -> Profile | None:
        """Say what the work is like, where it is another by now; None: all is well. The workers may become others."""
        if self._lost_freedom():
            return replace(self._profile, gil_held=None)
        if self._limiter is not None and self._limiter.is_round(self._round.chunks):
            self._hear_round(self._limiter)
        # Who is to compute is seen from outside: whether it does need not wait for what it brings.
        seen = self._watched or self._tally.chunks >= LEAST_CHUNKS
        if not seen or time.monotonic() < self._next_look:
            return None
        recent, self._next_look = self._tally.take(), time.monotonic() + LOOK_EVERY_S
        if recent is None:
            return None
        scheduler = self._driver.scheduler
        if not recent.items and scheduler.busy_workers < scheduler.workers:
            # Nothing to do is no waiting.
            return None
        # Only processes give back what they have not begun.
        left = scheduler.left if self._plan.backend == "processes" else scheduler.waiting
        now = revised(self._plan, self._profile, recent, self._machine, left or 0)
        doubted, self._doubted = self._doubted, now is not None
        # Once may be chance: items of the way before, a moment in which others had the cores.
        return now if doubted else None

    def _lost_freedom(self) -> bool:
        """Tell whether threads that were to compute side by side take turns now: something has turned the GIL on."""
        alike = self._plan.backend == "threads" and not self._machine.gil and self._profile.waiting < WAITS
        return alike and gil_turned_on_by() is not None

    def _hear_round(self, limiter: Limiter) -> None:
        recent = self._round.take()
        if recent is not None:
            self._resize(limiter.hear(recent, self._firsts.base_s))

    def _resize(self, workers: int) -> None:
        scheduler = self._driver.scheduler
        if scheduler.most_workers is not None:
            workers = min(workers, scheduler.most_workers)
        if workers != scheduler.workers:
            self._driver.resize(workers)


def make_tally(backend: Backend, plan: Plan) -> Tally:
    """Make what hears of the workers of a plan, and can look at them."""
    # What another process has computed, to less than 10 ms, only Linux tells.
    used_s = getattr(backend, "used_s", None) if sys.platform == "linux" else None
    queued_s, at_work = getattr(backend, "queued_s", None), getattr(backend, "at_work", None)
    return Tally(plan.backend, queued_s, at_work, used_s, workers=plan.workers)
