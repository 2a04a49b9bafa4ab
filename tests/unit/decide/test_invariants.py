"""What holds for every decision, whatever the facts."""

from __future__ import annotations

import math

from hypothesis import given

from poolwise.decide.choose import WORTH_IT, decide
from poolwise.model.plan import CannotShip, InsideWorker, NoStartMethod, Plan
from poolwise.report.reasons import reason_text, rejection_text
from tests.unit.decide.facts import lefts, machines, options, plans, profiles


def totals(plan: Plan) -> dict[str, float]:
    """Give what each way that was estimated would take."""
    ways = [(plan.backend, plan.estimate), *((each.backend, each.estimate) for each in plan.rejected)]
    return {backend: estimate.total_s for backend, estimate in ways if estimate is not None}


# What runs ordinary functions.
PLAIN = ("loop", "threads", "processes", "interpreters")


@given(profiles(), machines(), options, lefts)
def test_same_facts_same_plan(profile, machine, asked, left):
    """The decision depends on nothing but its arguments."""
    assert decide(profile, machine, asked, left) == decide(profile, machine, asked, left)


@given(plans())
def test_the_choice_is_the_cheapest_or_the_loop_within_its_margin(plan):
    """No other way is cheaper by the Plan's own figures, but for the loop, which a pool must beat clearly."""
    found = totals(plan)
    others = [total for backend, total in found.items() if backend != plan.backend]
    handicap = WORTH_IT if plan.backend == "loop" else 1.0
    assert all(total >= handicap * found[plan.backend] for total in others if found)


@given(profiles(), machines(), options, lefts)
def test_never_more_workers_than_items_or_than_allowed(profile, machine, asked, left):
    """Workers are bounded by the items and by max_workers."""
    plan = decide(profile, machine, asked, left)
    assert 1 <= plan.workers <= min(left or math.inf, asked.max_workers or math.inf)
    assert all(each.workers <= min(left or math.inf, asked.max_workers or math.inf) for each in plan.rejected)


@given(profiles(), machines(), options, lefts)
def test_never_processes_for_what_cannot_be_shipped(profile, machine, asked, left):
    """Where a result or the function cannot be pickled, or no process can be started, there are no processes."""
    shipped = [profile.result, profile.function, profile.argument]
    stuck = any(payload is not None and payload.problem is not None for payload in shipped)
    plan = decide(profile, machine, asked, left)
    if stuck or machine.in_worker or not machine.start_methods:
        assert plan.backend != "processes"
    if machine.in_worker or not machine.interpreters or machine.foreign_modules:
        assert plan.backend != "interpreters"
    if plan.backend == "processes":
        assert plan.start_method in machine.start_methods
    for each in plan.rejected:
        if isinstance(each.why_not, NoStartMethod):
            assert each.backend == "processes"
        if isinstance(each.why_not, (CannotShip, InsideWorker)):
            assert each.backend in {"processes", "interpreters"}


@given(plans())
def test_estimates_are_finite_and_not_negative(plan):
    """No facts make an estimate that is not a number of seconds."""
    estimates = [each for each in (plan.estimate, *(way.estimate for way in plan.rejected)) if each is not None]
    terms = [term for each in estimates for term in (each.start_s, each.work_s, each.tail_s)]
    assert all(math.isfinite(term) and term >= 0 for term in terms)


@given(profiles(), machines(), options, lefts)
def test_what_must_not_be_late_does_not_run_in_the_loop(profile, machine, asked, left):
    """With a timeout the work goes where a late item can be given up."""
    plan = decide(profile, machine, asked, left)
    if asked.timeout is not None:
        assert plan.backend != "loop"


@given(profiles(), machines(), options, lefts)
def test_coroutine_functions_run_where_event_loops_are(profile, machine, asked, left):
    """Coroutines run in an event loop, here or in processes; ordinary functions never run in one."""
    plan = decide(profile, machine, asked, left)
    assert plan.backend in (("asyncio", "processes") if profile.coroutine else PLAIN)


@given(plans())
def test_every_reason_and_every_rejection_has_words(plan):
    """Whatever is decided can be said."""
    said = [reason_text(reason) for reason in plan.reasons]
    against = [rejection_text(each.why_not) for each in plan.rejected if each.why_not is not None]
    assert all(text.strip() for text in said + against)
    assert all(each.estimate is not None or each.why_not is not None for each in plan.rejected)


@given(plans())
def test_exactly_one_way_is_chosen_and_all_others_are_rejected(plan):
    """Each backend stands in the Plan once: chosen, or rejected with its reason."""
    names = [plan.backend, *(each.backend for each in plan.rejected)]
    assert sorted(names) == ["asyncio", "interpreters", "loop", "processes", "threads"]


@given(profiles(), machines(), options)
def test_nothing_left_is_decided_too(profile, machine, asked):
    """The last items may end while the decision is made: any Plan will do, and an error would not."""
    assert decide(profile, machine, asked, 0).items == 0
