"""What is noted of a run while it goes on, and what is told of it in the end: its Report, or why()'s Diagnosis."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from poolwise.measure.cpu import CpuClock
from poolwise.measure.free_threading import gil_enabled, gil_turned_on_by
from poolwise.model.classes import replace
from poolwise.model.plan import Plan, Revision
from poolwise.model.report import Diagnosis, Report

if TYPE_CHECKING:
    from poolwise.measure.probe import Probe
    from poolwise.model.facts import Facts
    from poolwise.model.machine import Machine
    from poolwise.model.profile import Profile
    from poolwise.model.timeline import Timeline
    from poolwise.model.units import Seconds
    from poolwise.run.gate import Gate
    from poolwise.run.scheduler import Scheduler
    from poolwise.work.items import Items


class Chronicle:
    """Times, and the Plans that were changed; all else is asked of those who know it when it is told."""

    def __init__(self, scheduler: Scheduler, items: Items, gate: Gate | None, revisions: list[Revision]) -> None:
        """The run begins now; to ``revisions`` is added how its Plan was changed."""
        self.begun: Seconds = time.monotonic()
        self.runs = 0
        """Times that the rest was run by a Plan: more than once where the work turned out to be another."""
        self._scheduler, self._items, self._gate, self._revisions = scheduler, items, gate, revisions
        self._cpu = CpuClock()
        self._had_gil = gil_enabled()
        self.probe_s: Seconds = 0.0
        """How long the first items were watched."""
        self._probe_items = 0
        self._run_begun: Seconds | None = None

    def probed(self, items: int) -> None:
        """So many items were watched up to now, and it is to be decided."""
        self.probe_s, self._probe_items = time.monotonic() - self.begun, items

    def begin_run(self) -> None:
        """The rest is run from now on."""
        self._run_begun = time.monotonic()
        self.runs += 1

    def revise(
        self,
        before: Plan | None,
        known: Profile | None,
        then: Machine | None,
        plan: Plan,
        *,
        profile: Profile | None,
        now: Machine | None,
    ) -> None:
        """Note what has changed since the Plan ``before``, when this was ``known`` of the work, and the machine so."""
        revision = Revision(
            at_s=time.monotonic() - self.begun,
            backend=plan.backend,
            workers=plan.workers,
            before=before.backend if before is not None else "loop",
            item_s=profile.wall_s if profile is not None else None,
            item_before_s=known.wall_s if known is not None else None,
            waiting=profile.waiting if profile is not None else None,
            waiting_before=known.waiting if known is not None else None,
            lock=profile is not None and profile.serial_s > 0 and not (known is not None and known.serial_s > 0),
            only_here=self._scheduler.only_here,
            gil_by=now.gil_by if now is not None and then is not None and not then.gil else None,
        )
        self._revisions.append(revision)

    def report(
        self,
        now: Seconds,
        plan: Plan,
        profile: Profile | None,
        machine: Machine | None,
        facts: Facts | None,
        *,
        most: int | None,
        timeline: Timeline | None,
    ) -> Report:
        """Tell what happened up to ``now``; no more than ``most`` at a time were of use, where that is known."""
        scheduler, counts = self._scheduler, self._scheduler.counts
        waited_s = self._gate.waited_s if self._gate is not None else {}
        return Report(
            plan=plan,
            profile=profile,
            machine=machine,
            items=counts.done,
            failed=counts.failed,
            recalled=counts.recalled,
            retried=counts.retried,
            rests=scheduler.rests,
            rested_s=scheduler.rested_s,
            deaths=counts.deaths,
            recycled=counts.recycled,
            crowded=counts.crowded,
            gil_by=self._gil_by(),
            workers_started=counts.started,
            chunks=counts.chunks,
            wall_s=now - self.begun,
            probe_s=self.probe_s,
            probe_items=self._probe_items,
            revisions=tuple(self._revisions),
            # How many at a time the far side bore, where it objected to more.
            at_once=min((each for each in (most, scheduler.most_workers) if each), default=None),
            revised=max(0, self.runs - 1),
            run_s=now - self._run_begun if self._run_begun is not None else 0.0,
            cpu_s=self._cpu.elapsed_s(),
            read_s=self._items.read_s,
            longest_s=scheduler.longest_s,
            rate_s=waited_s.get("rate", 0.0),
            limit_s=waited_s.get("limit", 0.0),
            facts=told_facts(facts, profile),
            timeline=timeline,
        )

    def _gil_by(self) -> str | None:
        """Say what has turned the GIL on since the run began; None where nothing has."""
        return None if self._had_gil else gil_turned_on_by()

    def diagnosis(self, plan: Plan, profile: Profile | None, machine: Machine | None, facts: Facts | None) -> Diagnosis:
        """Tell what the first items showed."""
        return Diagnosis(
            plan=plan,
            profile=profile,
            machine=machine,
            sampled=self._scheduler.counts.done,
            sample_s=self.probe_s,
            total=self._scheduler.total,
            facts=told_facts(facts, profile),
        )


def told_profile(profile: Profile | None, probe: Probe | None) -> Profile | None:
    """Add what a decision does not need, and a person wants to know."""
    if profile is None or probe is None:
        return profile
    return replace(profile, hot=probe.hot())


def told_facts(facts: Facts | None, profile: Profile | None) -> Facts | None:
    """Give the facts of the decision, with what is told of the work."""
    return replace(facts, profile=profile) if facts is not None and profile is not None else facts
