"""From what was measured to a Plan with its reasons: the decision, in one place, pure."""

from __future__ import annotations

import math

from poolwise.decide.candidates import COMPUTES, MOST_TASKS, Question, candidates, what_bounds
from poolwise.decide.cost import Work, loop_cost
from poolwise.decide.limits import Most, most_tasks, most_threads, most_workers, tightest
from poolwise.decide.start import choose_start_method
from poolwise.errors import OptionError
from poolwise.model.classes import replace
from poolwise.model.facts import AtWork, Facts
from poolwise.model.machine import Machine
from poolwise.model.options import BackendName, Options
from poolwise.model.plan import (
    Bounded,
    Candidate,
    Computes,
    Debugged,
    Forced,
    GilTurnedOn,
    HoldsGil,
    IsCoroutine,
    Joined,
    LengthUnknown,
    NoGil,
    NotMeasured,
    OnlyHere,
    Plan,
    PoolCostsMore,
    Predicted,
    Reason,
    ReleasesGil,
    Slower,
    StartsBy,
    Stays,
    Waits,
)
from poolwise.model.profile import Profile
from poolwise.model.units import Seconds

# How many more items are assumed where nobody can know: fewer would make a short look at an endless stream decide.
ASSUMED_ITEMS = 1000
# A pool must promise to end at least this much sooner than the loop; less is within the error of the estimates.
WORTH_IT = 0.9
# Company that is there is left for another way only where all that is left takes less than this part of its time then.
WORTH_MOVING = 0.9
# What waits for more of its time than this shares connections, sessions and locks as a rule, and leaves them for more.
MOSTLY_WAITS = 0.9
WORTH_PARTING = 0.5
# A function that holds the GIL for less than this share of its computing lets threads run side by side.
RELEASES = 0.5
# The calling thread is one of so many workers at most, for no longer than that: what it gains is one start, and who
# computes is late for who needs it. It is back after each item, of which none takes longer than that.
JOINS_WORKERS = 4
JOINS_FOR_S: Seconds = 1.0
JOINS_BELOW_S: Seconds = 0.02
# Without any measurement: what waits wants many threads and what computes wants few; 32 is the standard library's cap.
BLIND_THREADS = 32


def decide_by(facts: Facts) -> Plan:
    """Make the Plan that follows from these facts, whichever they are."""
    if facts.options.backend != "auto":
        return decide_forced(facts.machine, facts.options, facts.left, coroutine=facts.coroutine)
    plan = decide(facts.profile, facts.machine, facts.options, facts.left, ships_items=facts.ships_items)
    if facts.profile is None:
        return plan
    if facts.company is not None:
        return plan_rest(plan, facts.profile, facts.company) or plan
    return _with_the_caller(plan, facts, facts.profile)


def decide_forced(machine: Machine, options: Options, left: int | None, *, coroutine: bool) -> Plan:
    """Make the Plan where the caller named the backend, before anything is measured."""
    backend = options.backend
    if backend == "auto":
        msg = "decide_forced() is for a given backend"
        raise ValueError(msg)
    reasons: list[Reason] = [Forced(backend), NotMeasured()]
    cores = machine.cores
    seats: dict[BackendName, int] = {cluster.backend: cluster.seats for cluster in machine.clusters}
    usual: dict[BackendName, int] = {"loop": 1, "threads": BLIND_THREADS, "asyncio": MOST_TASKS}
    natural = (usual | seats).get(backend, cores)
    if (bound := _blind_bound(machine, backend)) is not None and options.max_workers is None and bound.count < natural:
        natural = bound.count
        reasons.append(bound.reason())
    workers = 1 if backend == "loop" else options.max_workers or natural
    # Who is sent one item at a time runs one at a time.
    tasks = MOST_TASKS if coroutine and backend == "processes" and options.chunksize != 1 else 1
    starts = _start(machine, options) if backend == "processes" else None
    return Plan(
        backend=backend,
        workers=min(workers, left) if left else workers,
        tasks_per_worker=tasks,
        chunksize=options.chunksize,
        start_method=starts.method if starts else None,
        items=left,
        reasons=(*reasons, *([starts] if starts else [])),
    )


def decide(
    profile: Profile | None, machine: Machine, options: Options, left: int | None, *, ships_items: bool = True
) -> Plan:
    """Choose the cheapest way to run the ``left`` items, by estimate.

    The loop is kept unless another way is worth it; ``ships_items`` says that items cannot be inherited.
    """
    if profile is None:
        return _decide_blind(machine, options, left)
    starts = choose_start_method(machine, options)
    work = Work(
        items=max(1, left) if left is not None else ASSUMED_ITEMS,
        counted=left is not None,
        profile=profile,
        machine=machine,
        start_method=starts.method,
        ships_items=ships_items or starts.method != "fork",
    )
    found = candidates(Question(work, options))
    chosen = _cheapest(found)
    reasons = [*describe(profile, machine), *_verdict(chosen, found, work)]
    if (bounded := what_bounds(Question(work, options), chosen)) is not None:
        reasons.append(bounded)
    if left is None:
        reasons.append(LengthUnknown(ASSUMED_ITEMS))
    if chosen.backend == "processes":
        reasons.append(_start(machine, options))
    return Plan(
        backend=chosen.backend,
        workers=chosen.workers,
        tasks_per_worker=chosen.tasks_per_worker,
        tasks_are=chosen.tasks_are,
        chunksize=options.chunksize,
        item_s=profile.wall_s,
        start_method=starts.method if chosen.backend == "processes" else None,
        items=left,
        estimate=chosen.estimate,
        reasons=tuple(reasons),
        rejected=tuple(_rejected(each, chosen) for each in found if each is not chosen),
    )


def _with_the_caller(plan: Plan, facts: Facts, profile: Profile) -> Plan:
    """Have the calling thread, which would only wait, do the work of one of the processes, which need not be started.

    Only where what these need next seldom comes from here: few forked ones, which have all items, and short work. And
    not where libraries have threads: in a worker they are held to one, here they are the caller's.
    """
    estimate, short = plan.estimate, profile.wall_s <= JOINS_BELOW_S
    forked = plan.start_method == "fork" and not facts.ships_items and plan.tasks_per_worker == 1
    few = 2 <= plan.workers <= JOINS_WORKERS and plan.workers <= facts.machine.cores_free  # noqa: PLR2004 - several
    if not (facts.joins and forked and few and short) or facts.machine.native_pools or estimate is None:
        return plan
    if estimate.total_s > JOINS_FOR_S or plan.chunksize is not None:
        return plan
    return replace(plan, workers=plan.workers - 1, here=True)


def plan_here(left: int | None, reason: OnlyHere | Debugged) -> Plan:
    """Make the Plan where only the calling thread can run the items, or is to run them."""
    return Plan(backend="loop", items=left, reasons=(reason,))


def plan_there(machine: Machine, options: Options, left: int | None) -> Plan:
    """Make the Plan of a coroutine function that can run in the caller's event loop only, as many as may at a time."""
    plan = decide_forced(machine, replace(options, backend="asyncio"), left, coroutine=True)
    others = (each for each in plan.reasons if not isinstance(each, (Forced, NotMeasured)))
    return replace(plan, reasons=(IsCoroutine(), *others))


def plan_rest(plan: Plan, profile: Profile, company: AtWork) -> Plan | None:
    """Give the Plan for the rest that stays with the company that is there; None where moving is worth it.

    Moving costs what the estimates leave out: nobody can be forked before all that is under way has ended. That
    takes what one of them takes, and the time for which they all want the GIL, or a lock within; they want it if the
    rest stays, too.
    """
    if plan.backend == company.backend:
        return plan
    its = (each for each in plan.rejected if each.backend == company.backend and each.estimate is not None)
    stays = next(its, None)
    if stays is None or plan.estimate is None:
        return None
    turns_s = company.under_way * max(profile.gil_s, profile.serial_s)
    shares = profile.waiting > MOSTLY_WAITS and not profile.serial_s
    worth = WORTH_PARTING if shares else WORTH_MOVING
    if plan.estimate.total_s + max(profile.wall_s, turns_s) < worth * (_total(stays) + turns_s):
        return None
    why, tasks = Stays(company.backend), plan.tasks_per_worker
    moved = Candidate(plan.backend, plan.workers, plan.estimate, tasks, why, plan.tasks_are)
    others = [each for each in plan.rejected if each is not stays]
    return replace(
        plan,
        backend=stays.backend,
        # Fewer would do by the estimate; those that have begun cost nothing more.
        workers=max(stays.workers, company.workers),
        tasks_per_worker=1,
        start_method=None,
        estimate=stays.estimate,
        reasons=(*(each for each in plan.reasons if not isinstance(each, (Predicted, StartsBy))), why),
        rejected=(moved, *others),
    )


def plan_company(profile: Profile | None, machine: Machine, joined: Joined, workers: int, left: int | None) -> Plan:
    """Make the Plan where company that joined the first worker early has all that is left."""
    nature = describe(profile, machine) if profile is not None else []
    return Plan(
        backend=joined.backend,
        workers=workers,
        here=joined.backend != "asyncio",
        item_s=profile.wall_s if profile is not None else None,
        start_method="fork" if joined.backend == "processes" else None,
        items=left,
        reasons=(*nature, joined),
    )


def _decide_blind(machine: Machine, options: Options, left: int | None) -> Plan:
    """Nothing came to an end in the probe (every item was given up): keep to what can give up items."""
    reasons: list[Reason] = [NotMeasured()]
    if left is None:
        reasons.append(LengthUnknown(ASSUMED_ITEMS))
    # What is late more often waits than computes, and waiting wants company.
    bound = tightest(most_threads(machine, None))
    natural = max(machine.cores, BLIND_THREADS)
    workers = options.max_workers or (natural if bound is None else min(natural, bound.count))
    workers = min(workers, left) if left else workers
    return Plan(backend="threads", workers=workers, chunksize=options.chunksize, items=left, reasons=tuple(reasons))


def _blind_bound(machine: Machine, backend: BackendName) -> Most | None:
    """Give what bounds a backend's workers, where nothing is known of the work."""
    bounds = {"threads": most_threads, "asyncio": most_tasks, "processes": most_workers}.get(backend)
    return tightest(bounds(machine, None)) if bounds is not None else None


def _cheapest(found: list[Candidate]) -> Candidate:
    able = [each for each in found if each.estimate is not None]
    if not able:
        # The loop alone cannot time out; nothing else can serve either. It will tell late items when they end.
        return next((each for each in found if each.backend == "loop"), found[0])
    best = min(able, key=_total)
    loop = next((each for each in able if each.backend == "loop"), None)
    if loop is None or best is loop or _total(best) < WORTH_IT * _total(loop):
        return best
    return loop


def _total(candidate: Candidate) -> Seconds:
    return candidate.estimate.total_s if candidate.estimate is not None else math.inf


def _start(machine: Machine, options: Options) -> StartsBy:
    starts = choose_start_method(machine, options)
    if not starts.available:
        raise OptionError(_no_start(starts, machine))
    return starts


def _no_start(starts: StartsBy, machine: Machine) -> str:
    has = " or ".join(repr(each) for each in machine.start_methods)
    if machine.frozen and starts.method != "fork":
        way = f"start_method={has}" if has else "backend='threads'"
        return (
            f"start_method={starts.method!r} needs a Python to start, and this program is frozen (PyInstaller): its "
            "executable is the program itself, which would be run again by every worker, without end. Use "
            f"{way}, or name an interpreter by multiprocessing.set_executable(path)"
        )
    if not has:
        return f"worker processes do not exist on {machine.platform}: use backend='threads', or leave it out"
    return f"start_method={starts.method!r} does not exist on {machine.platform}: use {has}, or leave it out"


def describe(profile: Profile, machine: Machine) -> list[Reason]:
    """Say what kind of work it is."""
    reasons: list[Reason] = [IsCoroutine()] if profile.coroutine else []
    computing = 1 - profile.waiting
    reasons.append(Waits(profile.waiting) if profile.waiting >= RELEASES else Computes(computing))
    if computing >= COMPUTES and machine.cores_free < machine.cores:
        reasons.append(Bounded("load", machine.cores_free, machine.cores_free, machine.cores_busy))
    if profile.coroutine or computing < COMPUTES:
        return reasons
    if not machine.gil:
        return [*reasons, NoGil()]
    if profile.gil_held is not None:
        share = min(1.0, profile.gil_held / computing)
        reasons.append(ReleasesGil(1 - share) if share < RELEASES else HoldsGil(share))
    if machine.gil_by is not None:
        reasons.append(GilTurnedOn(machine.gil_by))
    return reasons


def _verdict(chosen: Candidate, found: list[Candidate], work: Work) -> list[Reason]:
    """Say why this one: the cheapest pool beside the loop, or the loop beside the cheapest pool."""
    if chosen.backend != "loop":
        return [Predicted(work.items, _total(chosen), loop_cost(work).total_s)]
    pools = [each for each in found if each.backend != "loop" and each.estimate is not None]
    if not pools:
        return []
    pool = min(pools, key=_total)
    return [PoolCostsMore(work.items, loop_cost(work).total_s, pool.backend, _total(pool))]


def _rejected(candidate: Candidate, chosen: Candidate) -> Candidate:
    if candidate.estimate is None:
        return candidate
    return replace(candidate, why_not=Slower(_total(candidate), _total(chosen)))
