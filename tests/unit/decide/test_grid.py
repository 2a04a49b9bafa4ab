"""What holds for every decision, over a grid of all facts: each kind of work, on each kind of machine, much and little.

``test_invariants`` looks for the odd case at random; here the ordinary ones stand, all of them, every time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pytest

from poolwise.decide.candidates import NEAR
from poolwise.decide.choose import WORTH_IT, decide
from poolwise.model.machine import Machine
from poolwise.model.options import Options
from poolwise.model.plan import Plan
from poolwise.model.profile import Payload, Profile
from tests.unit.decide.facts import CHEAP, make_machine, make_profile

WALLS = (1e-6, 1e-3, 0.02, 1.0)
# Shares of computing and of the GIL in it: waits, waits and computes, computes, computes without the GIL.
NATURES = ((0.0, 1.0), (0.5, 1.0), (1.0, 1.0), (1.0, 0.02))
SHIPPED = (CHEAP, Payload(40_000_000, 0.02), Payload(0, 0.0, "<lock> cannot be pickled (TypeError: no)"))
LEFTS = (None, 1, 3, 17, 100, 10_000)
CORES = (1, 2, 3, 4, 5, 8, 12, 33, 64)
STARTS = (
    {},  # fork
    {"python_threads": 2},  # forkserver
    {"start_methods": ("spawn",)},
    {"start_methods": ()},
    {"gil": False},
    {"in_worker": True},
)
OPTIONS = (Options(), Options(max_workers=3), Options(timeout=5.0))


def works() -> Iterator[Profile]:
    """Give each kind of work, ordinary functions and coroutine functions, even and uneven items."""
    for wall_s, (cpu, gil), result, coroutine, spread in itertools.product(
        WALLS, NATURES, SHIPPED, (False, True), (0.0, 0.7)
    ):
        yield make_profile(wall_s, cpu=cpu, gil=cpu * gil, result=result, coroutine=coroutine, spread=spread)


WORKS = tuple(works())


def decided(
    profile: Profile, options: Options, more: dict[str, object], cores: int = 4
) -> Iterator[tuple[Machine, Plan]]:
    """Decide for one piece of work, by each number of items."""
    machine = make_machine(cores, **more)
    for left in LEFTS:
        yield machine, decide(profile, machine, options, left)


def totals(plan: Plan) -> dict[str, float]:
    """Give what each way that was estimated would take."""
    ways = [(plan.backend, plan.estimate), *((each.backend, each.estimate) for each in plan.rejected)]
    return {backend: estimate.total_s for backend, estimate in ways if estimate is not None}


@pytest.mark.parametrize("more", STARTS, ids=str)
@pytest.mark.parametrize("options", OPTIONS, ids=["auto", "3 workers", "timeout"])
def test_every_decision_can_be_carried_out(options, more):
    """It ships nothing that cannot travel, starts nothing that cannot start, and no more workers than items."""
    for profile in WORKS:
        for machine, plan in decided(profile, options, more):
            most = min(plan.items or math.inf, options.max_workers or math.inf)
            assert 1 <= plan.workers <= most
            if plan.backend == "processes":
                assert profile.result is None or profile.result.problem is None
                assert plan.start_method in machine.start_methods
                assert not machine.in_worker
            if profile.coroutine:
                assert plan.backend in ("asyncio", "processes")
            else:
                assert plan.backend != "asyncio"


@pytest.mark.parametrize("more", STARTS, ids=str)
def test_every_choice_is_the_cheapest_of_its_own_estimates(more):
    """But for the loop, which is kept unless a pool promises to take less than nine tenths of its time."""
    for profile in WORKS:
        for _, plan in decided(profile, Options(), more):
            found = totals(plan)
            loop = found.get("loop", math.inf)
            best = min(found.values(), default=0.0)
            expected = loop if best >= WORTH_IT * loop else best
            assert found.get(plan.backend, 0.0) == expected


@pytest.mark.parametrize("more", STARTS, ids=str)
def test_more_cores_never_make_the_estimate_worse(more):
    """What is chosen on a larger machine ends as soon by estimate, but for the margin that fewer workers have."""
    for profile in WORKS:
        for left in LEFTS:
            plans = [decide(profile, make_machine(cores, **more), Options(), left) for cores in CORES]
            times = [plan.estimate.total_s for plan in plans if plan.estimate is not None]
            assert all(later <= NEAR * earlier for earlier, later in itertools.pairwise(times)), (profile, left)


def test_same_facts_same_plan():
    """Equal facts, made anew, give an equal Plan."""
    for profile, again in zip(WORKS, works(), strict=True):
        for (_, plan), (_, other) in zip(decided(profile, Options(), {}), decided(again, Options(), {}), strict=True):
            assert plan == other


def test_more_items_never_take_less():
    """The estimate of the chosen way grows with the items, but for the margin that a loop is kept in."""
    for profile in WORKS:
        plans = [decide(profile, make_machine(4), Options(), left) for left in LEFTS[1:]]
        times = [plan.estimate.total_s for plan in plans if plan.estimate is not None]
        assert all(WORTH_IT * fewer <= more * (1 + 1e-9) for fewer, more in itertools.pairwise(times)), profile
