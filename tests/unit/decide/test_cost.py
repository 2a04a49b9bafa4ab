"""The cost formulas, each with an example worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.decide import cost
from poolwise.decide.cost import TOUCHING, Work, loop_cost, processes_cost, tasks_cost, threads_cost
from poolwise.model.plan import Estimate
from poolwise.model.profile import Payload
from tests.unit.decide.facts import machines, make_machine, make_profile, profiles


def make_work(items, profile, cores=4, **more):
    """Make the facts of a formula."""
    return Work(items=items, profile=profile, machine=make_machine(cores, gil=more.pop("gil", True)), **more)


def terms(estimate: Estimate):
    """Give the terms of an estimate, to compare up to rounding."""
    return pytest.approx((estimate.start_s, estimate.work_s, estimate.tail_s))


def test_the_loop_takes_all_items_one_by_one():
    """10 items of 0.2 s take 2 s."""
    assert loop_cost(make_work(10, make_profile(0.2, cpu=1.0))) == Estimate(0.0, 2.0, 0.0, "one worker")


def test_waiting_threads_take_as_many_rounds_as_needed():
    """10 waits of 0.2 s on 4 threads take 3 rounds: 0.6 s."""
    estimate = threads_cost(make_work(10, make_profile(0.2, cpu=0.0)), 4)
    assert terms(estimate) == (4 * 0.00019, 0.6, 0.0)
    assert estimate.limit == "waiting"


def test_threads_that_hold_the_gil_take_turns():
    """100 items with 0.02 s of GIL each take 2 s and 3 % for the turns, and 0.055 ms each for handing them over."""
    estimate = threads_cost(make_work(100, make_profile(0.02, cpu=1.0)), 4)
    assert terms(estimate) == (4 * 0.00019, 100 * (0.0206 + 0.000055), 0.0)
    assert estimate.limit == "GIL"


def test_threads_without_the_gil_share_the_cores():
    """100 items with 0.02 s of CPU each on 8 threads and 4 cores: a quarter of 2 s."""
    estimate = threads_cost(make_work(100, make_profile(0.02, cpu=1.0, gil=0.0)), 8)
    assert terms(estimate) == (8 * 0.00019, 100 * (0.02 + 0.000055) / 4, 0.0)
    assert estimate.limit == "cores"


def test_on_a_free_threaded_interpreter_there_is_no_gil_to_wait_for():
    """The same work that takes turns under a GIL shares the cores without one."""
    work = make_work(100, make_profile(0.02, cpu=1.0), gil=False)
    assert threads_cost(work, 4).limit == "cores"


def test_short_items_share_the_price_of_a_chunk():
    """Of items of 1 ms a chunk of 10 ms holds 10, which share the 0.055 ms of handing it over."""
    estimate = threads_cost(make_work(100, make_profile(0.001, cpu=1.0, gil=0.0)), 4)
    assert estimate.work_s == pytest.approx(100 * (0.001 + 0.000055 / 10) / 4)


def test_tasks_overlap_in_waiting():
    """100 waits of 0.2 s as 50 tasks take 2 rounds: 0.4 s."""
    estimate = tasks_cost(make_work(100, make_profile(0.2, cpu=0.0, coroutine=True)), 50)
    assert terms(estimate) == (0.0005 + 50 * 0.00001, 0.4, 0.0)
    assert estimate.limit == "waiting"


def test_tasks_do_not_overlap_in_computing():
    """100 tasks with 0.02 s of CPU each take 2 s, however many cores there are."""
    estimate = tasks_cost(make_work(100, make_profile(0.02, cpu=1.0, coroutine=True), cores=16), 50)
    assert terms(estimate) == (0.001, 100 * (0.02 + 0.00003), 0.0)
    assert estimate.limit == "one event loop"


def test_processes_share_the_cores_and_ship():
    """100 items with 0.02 s of CPU on 4 forked workers; shipping takes 2 ms, half of it on each side."""
    profile = make_profile(0.02, cpu=1.0, argument=Payload(0, 0.001), result=Payload(0, 0.001))
    estimate = processes_cost(make_work(100, profile), 4)
    assert terms(estimate) == (0.0022 + 4 * 0.002, 100 * (0.02 + 0.001 + 0.001 + 0.00012) / 4, 0.0)
    assert estimate.limit == "cores"


def test_inherited_items_are_only_touched():
    """Where workers inherit the items only the results travel; to look at an item copies its page."""
    profile = make_profile(0.02, cpu=1.0, argument=Payload(0, 0.04), result=Payload(0, 0.001))
    estimate = processes_cost(make_work(100, profile, ships_items=False), 4)
    assert estimate.work_s == pytest.approx(100 * (0.02 + 0.04 * TOUCHING + 0.001 + 0.00012) / 4)


def test_shipping_goes_through_the_one_parent():
    """1 s to ship an item means half a second for each in the parent, however many workers there are."""
    profile = make_profile(0.02, cpu=1.0, argument=Payload(0, 1.0), result=None)
    estimate = processes_cost(make_work(100, profile, cores=64), 64)
    assert estimate.work_s == pytest.approx(100 * (0.5 + 0.00012))
    assert estimate.limit == "shipping"


def test_processes_with_tasks_overlap_in_waiting():
    """100 coroutines that wait 0.2 s on 2 workers with 25 tasks each take 2 rounds."""
    profile = make_profile(0.2, cpu=0.0, coroutine=True, argument=None, result=None)
    estimate = processes_cost(make_work(100, profile), 2, tasks_per_worker=25)
    assert (estimate.work_s, estimate.limit) == (pytest.approx(0.4), "waiting")


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_each_start_method_has_its_price(method):
    """A pool costs its own start, and each worker its start and the function's journey."""
    profile = make_profile(0.02, cpu=1.0, function=Payload(0, 0.5))
    estimate = processes_cost(make_work(100, profile, start_method=method), 2)
    assert estimate.start_s == pytest.approx(cost.POOL_START_S[method] + 2 * (cost.WORKER_START_S[method] + 0.5))


def test_uneven_items_leave_the_last_worker_alone():
    """With a deviation of half an item of 0.2 s, 4 workers wait 3/4 of 0.1 s for the last one."""
    work = make_work(10, make_profile(0.2, cpu=0.0, spread=0.5))
    assert threads_cost(work, 4).tail_s == pytest.approx(0.075)
    assert threads_cost(work, 1).tail_s == 0.0


# --- For all facts -------------------------------------------------------------------------------------------


@st.composite
def works(draw):
    """Any facts that a formula can get."""
    return Work(
        items=draw(st.integers(1, 100_000)),
        profile=draw(profiles()),
        machine=draw(machines()),
        start_method=draw(st.sampled_from(["fork", "forkserver", "spawn"])),
        ships_items=draw(st.booleans()),
    )


def all_costs(work, workers):
    """Give the estimate of every formula."""
    return [
        loop_cost(work),
        threads_cost(work, workers),
        tasks_cost(work, workers),
        processes_cost(work, workers),
        processes_cost(work, workers, 7),
    ]


@given(works(), st.integers(1, 256), st.integers(0, 64))
def test_more_cores_never_make_a_way_slower(work, workers, more):
    """With the same workers, a machine with more cores is estimated to be as fast at least."""
    bigger = make_machine(work.machine.cores + more, gil=work.machine.gil)
    grown = Work(
        items=work.items,
        profile=work.profile,
        machine=bigger,
        start_method=work.start_method,
        ships_items=work.ships_items,
    )
    before, after = all_costs(work, workers), all_costs(grown, workers)
    assert all(new.total_s <= old.total_s for old, new in zip(before, after, strict=True))


@given(works(), st.integers(1, 256))
def test_one_more_item_never_makes_the_work_shorter(work, workers):
    """Estimates grow with the number of items."""
    longer = Work(
        items=work.items + 1,
        profile=work.profile,
        machine=work.machine,
        start_method=work.start_method,
        ships_items=work.ships_items,
    )
    before, after = all_costs(work, workers), all_costs(longer, workers)
    assert all(new.total_s >= old.total_s for old, new in zip(before, after, strict=True))


@given(works(), st.integers(1, 256))
def test_no_way_is_faster_than_its_cores_allow(work, workers):
    """No estimate of a way within this machine promises more computing than its cores can do."""
    least = work.items * work.profile.cpu_s / work.machine.cores
    assert all(each.work_s >= least * 0.999 for each in all_costs(work, workers)[1:])
