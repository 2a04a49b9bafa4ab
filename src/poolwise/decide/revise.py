"""Is the Plan still right? What was measured lately, held against what the Plan was made with.

A Plan that was made from the first items can be wrong in three ways, and each shows in what comes back: the items have
changed their nature (they computed, and wait now, or the other way round), they take far less or far longer than was
thought, or threads that were to compute side by side take turns after all (a GIL that is let go only in part, a lock
inside of the function).
"""

from __future__ import annotations

from poolwise.model.classes import replace
from poolwise.model.machine import Machine
from poolwise.model.plan import Plan
from poolwise.model.profile import Profile
from poolwise.model.recent import Recent
from poolwise.model.units import Seconds

# What is left must be worth another start of workers, several times over.
WORTH_IT_S: Seconds = 0.03
# A share of waiting that differs by so much from what was thought is another kind of work.
OTHER_KIND = 0.4
# Items that take so many times less than was thought may be too small for any pool.
MUCH_LESS = 5.0
# Threads that compute keep this share of the cores that they could have; fewer, and they take turns.
SIDE_BY_SIDE = 0.65
# Threads of which so many wait for a lock, and no more than that share is really under way, are in each other's way.
LOCKED = 0.5
USEFUL = 0.5
# Workers that were to compute and keep no more than this share of their cores busy wait for something.
IDLE = 0.25
# Who computes for less than this share of the time has no need of cores.
COMPUTES = 0.5


def revised(plan: Plan, profile: Profile, recent: Recent, machine: Machine, left: int) -> Profile | None:
    """Give the work's profile as it is now, where a Plan must be made anew for it; None where the old one will do."""
    if not recent.items and plan.backend == "threads":
        return _take_turns(plan, profile, recent, machine, left)
    now = _profile(plan, profile, recent)
    if left * now.wall_s < WORTH_IT_S:
        return None
    if plan.backend == "threads" and _they_wait_for_each_other(plan, profile, recent):
        return replace(profile, serial_s=recent.seconds / recent.items)
    match plan.backend:
        case "threads":
            wrong = _threads_are_wrong(plan, profile, recent, machine)
        case "asyncio":
            # Nothing says how full one loop would be but one that is.
            wrong = recent.busy > SIDE_BY_SIDE and now.cpu_s > 2 * profile.cpu_s
        case "processes" if plan.tasks_per_worker > 1:
            # What several items at a time take says little of one; and this way serves whatever they do.
            wrong = False
        case _:
            other = abs(now.waiting - profile.waiting) > OTHER_KIND or now.wall_s * MUCH_LESS < profile.wall_s
            wrong = _stand_still(plan, profile, recent, machine) or (other and recent.items > 0)
    return now if wrong else None


def _take_turns(plan: Plan, profile: Profile, recent: Recent, machine: Machine, left: int) -> Profile | None:
    """Give the profile where threads that have brought nothing yet keep one core busy between them, and no other."""
    able = min(plan.workers, machine.cores)
    by_turns = COMPUTES < recent.busy < SIDE_BY_SIDE * able and profile.waiting < 1 - SIDE_BY_SIDE
    if not (machine.gil and by_turns) or left * profile.wall_s < WORTH_IT_S:
        return None
    return replace(profile, gil_held=min(1.0, profile.thread_cpu_s / profile.wall_s))


def _they_wait_for_each_other(plan: Plan, profile: Profile, recent: Recent) -> bool:
    """Tell whether threads stand in line at a lock, and bring far less than so many should (Little's law)."""
    at_once = recent.rate * profile.wall_s
    in_line = recent.locked >= LOCKED and recent.busy < COMPUTES
    return in_line and not profile.serial_s and at_once < USEFUL * plan.workers


def _stand_still(plan: Plan, profile: Profile, recent: Recent, machine: Machine) -> bool:
    """Tell whether worker processes that were to compute do not, and what they have brought does not say otherwise."""
    able = min(plan.workers, machine.cores_free)
    wait_now = recent.waiting > OTHER_KIND or not recent.items
    return profile.waiting < COMPUTES and recent.busy < IDLE * able and wait_now


def _threads_are_wrong(plan: Plan, profile: Profile, recent: Recent, machine: Machine) -> bool:
    computing = recent.cpu_s > COMPUTES * (recent.cpu_s + recent.wait_s)
    if profile.waiting > COMPUTES:
        # They were to wait, and keep the GIL or the cores busy now; or there is hardly anything to them any more.
        full = 1.0 if machine.gil else machine.cores
        return (computing and recent.busy > SIDE_BY_SIDE * full) or recent.wall_s * MUCH_LESS < profile.wall_s
    if not computing and recent.busy < COMPUTES:
        # They were to compute, and wait.
        return True
    able = min(plan.workers, machine.cores)
    return recent.busy < SIDE_BY_SIDE * able


def _profile(plan: Plan, profile: Profile, recent: Recent) -> Profile:
    """Say what the items are like now, alone: in company they also wait for their turn."""
    wait_s = max(0.0, recent.wall_s - recent.cpu_s)
    if plan.backend == "threads":
        # What may be waiting is thought to be, as far as they waited before.
        before_s = max(0.0, profile.wall_s - profile.cpu_s)
        wait_s = min(max(recent.wait_s, before_s), recent.wait_s + recent.line_s)
    inner = max(1.0, profile.process_cpu_s / profile.thread_cpu_s) if profile.thread_cpu_s > 0 else 1.0
    # Of threads, what those inside of the function compute is counted; of processes, it is not seen.
    own_s = recent.cpu_s / inner if plan.backend == "threads" else recent.cpu_s
    wall_s = own_s + wait_s
    held = profile.gil_held
    if plan.backend == "threads" and recent.busy <= 1.0 + (1 - SIDE_BY_SIDE) and recent.cpu_s > 0:
        # All of them together got no further than one would have: what they compute, they compute by turns.
        held = own_s / wall_s if wall_s > 0 else held
    elif held is not None and profile.cpu_s > 0 and profile.wall_s > 0:
        # It is held for the same share of the computing as before.
        share = min(1.0, held * profile.wall_s / profile.cpu_s)
        held = min(1.0, share * own_s / wall_s) if wall_s > 0 else held
    return replace(
        profile,
        items=recent.items,
        wall_s=wall_s,
        thread_cpu_s=own_s,
        process_cpu_s=own_s * inner,
        queued_s=0.0,
        gil_held=held,
    )
