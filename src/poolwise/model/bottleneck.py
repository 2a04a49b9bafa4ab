"""What kept a run from being faster: read from the figures of its Report, from what is certain to what is likely."""

from __future__ import annotations

from typing import Literal, TypeAlias

from poolwise.model.classes import frozen
from poolwise.model.machine import Machine
from poolwise.model.plan import Estimate, Plan
from poolwise.model.profile import Profile
from poolwise.model.units import Seconds

# A resource that is used for so much of the time is what the others wait for.
BUSY = 0.8
# An item that takes so many times as long as was thought is told apart from the others.
SEVERAL = 3
# What takes this share of the time weighs more than all the rest.
MOST = 0.5

BottleneckName: TypeAlias = Literal[
    "reading",
    "rate",
    "limit",
    "starting",
    "cores",
    "one core",
    "GIL",
    "shipping",
    "far side",
    "slow item",
    "items",
    "workers",
    "one at a time",
]


@frozen
class Bottleneck:
    """What a run waited for most."""

    what: BottleneckName
    """"reading": the caller's iterator; "rate", "limit": what was asked for by these options; "starting": workers
    that were not there yet; "cores": all of them; "one core": a loop, which can use no more; "GIL": threads took
    turns; "shipping": the parent packed and unpacked; "far side": items took much longer together than alone, for no
    want of cores; "slow item": one took most of the time, and several times as long as was thought; "items": all ran
    at once, and none can be quicker than it is; "workers": all of them waited, and more would have waited at the same
    time; "one at a time": a loop that waited."""
    share: float
    """Share of the time that speaks for it, 0 to 1: for "cores" how busy they were, for "far side" what was added."""


@frozen(kw_only=True)
class Spent:
    """Where the time of a run went."""

    wall_s: Seconds
    run_s: Seconds
    cpu_s: Seconds
    read_s: Seconds
    longest_s: Seconds
    rate_s: Seconds = 0.0
    limit_s: Seconds = 0.0


def find_bottleneck(plan: Plan, profile: Profile | None, machine: Machine | None, spent: Spent) -> Bottleneck | None:
    """Look at one suspect after the other; None where none is convicted."""
    if spent.wall_s <= 0:
        return None
    if spent.read_s >= MOST * spent.wall_s:
        return Bottleneck("reading", min(1.0, spent.read_s / spent.wall_s))
    if spent.rate_s + spent.limit_s >= MOST * spent.wall_s:
        # What the caller has asked for: nothing else would have made it quicker.
        what: BottleneckName = "rate" if spent.rate_s >= spent.limit_s else "limit"
        return Bottleneck(what, min(1.0, max(spent.rate_s, spent.limit_s) / spent.wall_s))
    return _of_computing(plan, profile, machine, spent) if machine is not None else None


def _of_computing(plan: Plan, profile: Profile | None, machine: Machine, spent: Spent) -> Bottleneck | None:
    computed = spent.cpu_s / spent.wall_s
    if plan.backend == "loop":
        return (
            Bottleneck("one core", min(1.0, computed))
            if computed >= MOST
            else Bottleneck("one at a time", 1 - computed)
        )
    if computed >= BUSY * machine.cores:
        return Bottleneck("cores", min(1.0, computed / machine.cores))
    if _one_is_slow(plan, profile, spent):
        return Bottleneck("slow item", min(1.0, spent.longest_s / spent.run_s))
    return _of_a_pool(plan, profile, spent.run_s, computed / machine.cores)


def _one_is_slow(plan: Plan, profile: Profile | None, spent: Spent) -> bool:
    """Tell an item that took most of the run's time, and several times what was thought that items take."""
    if profile is None or spent.run_s <= 0 or plan.items == 1:
        return False
    # The first item, which may have paid for an import, had ended before.
    slow_s = max(SEVERAL * profile.wall_s, profile.first_s)
    return spent.longest_s > slow_s and spent.longest_s >= MOST * spent.run_s


def _of_a_pool(plan: Plan, profile: Profile | None, run_s: Seconds, busy: float) -> Bottleneck | None:
    """Hold what the estimate names as the scarcest thing against the time that the run took."""
    estimate, items = plan.estimate, plan.items
    if estimate is None or profile is None or not items or run_s <= 0:
        return None
    if estimate.start_s >= MOST * run_s:
        return Bottleneck("starting", min(1.0, estimate.start_s / run_s))
    if estimate.limit == "waiting":
        return _of_waiting(plan, estimate, run_s) if busy < MOST else None
    needed: dict[str, Bottleneck] = {
        "GIL": Bottleneck("GIL", min(1.0, items * profile.gil_s / run_s)),
        "shipping": Bottleneck("shipping", min(1.0, estimate.work_s / run_s)),
        "one event loop": Bottleneck("one core", min(1.0, items * profile.cpu_s / run_s)),
    }
    return needed.get(estimate.limit)


def _of_waiting(plan: Plan, estimate: Estimate, run_s: Seconds) -> Bottleneck:
    if estimate.total_s <= MOST * run_s:
        return Bottleneck("far side", 1 - estimate.total_s / run_s)
    all_at_once = plan.items is not None and plan.workers * plan.tasks_per_worker >= plan.items
    return Bottleneck("items" if all_at_once else "workers", min(1.0, estimate.work_s / run_s))
