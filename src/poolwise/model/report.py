"""What happened in a run."""

from __future__ import annotations

from poolwise.model.classes import frozen
from poolwise.model.machine import Machine
from poolwise.model.plan import Plan
from poolwise.model.profile import Profile
from poolwise.model.prose import say
from poolwise.model.units import Seconds


@frozen(kw_only=True)
class Report:
    """What happened: figures as fields; ``str(report)`` says them in words."""

    plan: Plan
    profile: Profile | None
    """What the probe measured; None where the backend was given and nothing was probed."""
    machine: Machine | None
    """None where all was done before there was anything to decide."""
    items: int
    """Items that came to an end, failed ones included."""
    failed: int = 0
    retried: int = 0
    revised: int = 0
    """Times that the Plan was changed while running, because the work was heavier than it had been thought."""
    deaths: int = 0
    """Workers that died or had to be killed."""
    recycled: int = 0
    """Worker processes that had grown beyond ``memory_limit`` and were replaced between two chunks."""
    crowded: int = 0
    """Items that failed in company in a way that company causes (a server refused), and were tried again with less."""
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

    def __str__(self) -> str:
        """Say in plain words what was done and why."""
        return say(self)


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

    def __str__(self) -> str:
        """Say in plain words what was found."""
        return say(self)
