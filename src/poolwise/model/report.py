"""What happened in a run."""

from __future__ import annotations

from typing import Any

from poolwise.model.bottleneck import Bottleneck, Spent, find_bottleneck
from poolwise.model.classes import frozen
from poolwise.model.document import Document
from poolwise.model.facts import Facts, turnings_of
from poolwise.model.machine import Machine
from poolwise.model.plain import as_dict
from poolwise.model.plan import Plan, Revision, Turning
from poolwise.model.profile import Profile
from poolwise.model.prose import pretty, say
from poolwise.model.timeline import Timeline
from poolwise.model.units import Seconds


@frozen(kw_only=True)
class Report(Document):
    """What happened: figures as fields; ``str(report)`` says them in words."""

    plan: Plan
    profile: Profile | None
    """What the probe measured; None where the backend was given and nothing was probed."""
    machine: Machine | None
    """None where all was done before there was anything to decide."""
    items: int
    """Items that came to an end, failed ones included."""
    failed: int = 0
    recalled: int = 0
    """Items of these that the journal knew from an earlier run, so that nobody ran them."""
    retried: int = 0
    """Times that an item was tried again."""
    rests: int = 0
    """Times that nothing was sent for a while, because a service failed."""
    rested_s: Seconds = 0.0
    """The part of ``wall_s`` that these rests took."""
    revisions: tuple[Revision, ...] = ()
    """The Plans that came after the first, each with what had changed; ``plan`` is the last of them."""
    at_once: int | None = None
    """So many at a time, in the end, since more brought nothing or were refused; None: nobody objected."""
    revised: int = 0
    """Times that the Plan was made anew while running, because the work was another than it had been thought."""
    deaths: int = 0
    """Workers that died or had to be killed."""
    recycled: int = 0
    """Worker processes that had grown beyond ``memory_limit`` and were replaced between two chunks."""
    crowded: int = 0
    """Items that failed in company in a way that company causes (a server refused), and were tried again with less."""
    gil_by: str | None = None
    """What turned the GIL of a free-threaded interpreter on while the run went on (``Machine.gil_by``), or None."""
    workers_started: int = 0
    chunks: int = 0
    wall_s: Seconds = 0.0
    probe_s: Seconds = 0.0
    """The part of ``wall_s`` that was spent in the probe, which did real work meanwhile."""
    probe_items: int = 0
    run_s: Seconds = 0.0
    """The part of ``wall_s`` after the Plan was made: beside ``plan.estimate`` it tells how good the estimate was."""
    cpu_s: Seconds = 0.0
    """CPU of this process and of its worker processes meanwhile."""
    read_s: Seconds = 0.0
    """Time that the caller's iterator took to give the items; workers may have been busy meanwhile."""
    longest_s: Seconds = 0.0
    """What the longest item took, at least: of items that ran in one chunk only the mean is known."""
    rate_s: Seconds = 0.0
    """Time in which items were left and ``rate`` let none of them begin."""
    limit_s: Seconds = 0.0
    """Time in which items were left and ``limit`` let none of them begin."""
    facts: Facts | None = None
    """What the Plan was made by; None where there was nothing to decide."""
    timeline: Timeline | None = None
    """Who worked on what and when; None where it was not asked for (``timeline=``)."""

    @property
    def estimate_error(self) -> float | None:
        """How far the estimate of the rest was off, as a share of what it took: 0.1 is 10 % too much, -0.1 too little.

        None where nothing was estimated: the backend was given, or how many items would come was not known.
        """
        if self.plan.estimate is None or not self.plan.items or self.run_s <= 0:
            return None
        return self.plan.estimate.total_s / self.run_s - 1

    @property
    def limit(self) -> Bottleneck | None:
        """What kept the run from being faster; None where the figures do not tell."""
        spent = Spent(
            wall_s=self.wall_s,
            run_s=self.run_s,
            cpu_s=self.cpu_s,
            read_s=self.read_s,
            longest_s=self.longest_s,
            rate_s=self.rate_s,
            limit_s=self.limit_s,
        )
        return find_bottleneck(self.plan, self.profile, self.machine, spent)

    @property
    def turnings(self) -> tuple[Turning, ...]:
        """What would change the decision; found when it is asked for, which takes some milliseconds."""
        return turnings_of(self.facts)

    _repr_pretty_ = pretty


@frozen(kw_only=True)
class Diagnosis:
    """What ``poolwise.why`` found: how the work would be run, and why."""

    plan: Plan
    profile: Profile | None
    machine: Machine | None
    sampled: int
    """Items that were run to find out."""
    sample_s: Seconds
    total: int | None
    """Items in all; None where that is not known."""
    facts: Facts | None = None
    """What the Plan was made by; None where there was nothing to decide."""

    @property
    def turnings(self) -> tuple[Turning, ...]:
        """What would change the decision; found when it is asked for, which takes some milliseconds."""
        return turnings_of(self.facts)

    _repr_pretty_ = pretty

    def __str__(self) -> str:
        """Say in plain words what was found."""
        return say(self)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data that JSON can carry; see ``model.plain``."""
        return as_dict(self)
