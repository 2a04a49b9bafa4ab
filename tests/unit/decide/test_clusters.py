"""When a cluster that the program is connected to is the way: pure, whatever cluster it is."""

from __future__ import annotations

import pytest

from poolwise.decide.choose import decide, decide_forced
from poolwise.decide.cost import Work, cluster_cost
from poolwise.model.machine import Cluster
from poolwise.model.options import Options
from poolwise.model.plan import CannotShip, IsCoroutine, Slower
from poolwise.model.profile import Payload
from tests.unit.decide.facts import make_machine, make_profile

FAR = Cluster("dask", 64, 0.02)
NEAR = Cluster("ray", 4, 0.002, here=True)
COMPUTES = make_profile(0.1, cpu=1.0)


def ways(plan) -> dict[str, object]:
    """Give why each of the others was not chosen."""
    return {each.backend: each.why_not for each in plan.rejected}


def test_many_cores_elsewhere_are_worth_the_way():
    """64 seats do in seconds what two cores take a minute for."""
    plan = decide(COMPUTES, make_machine(2, clusters=(FAR,)), Options(), 1000)
    assert (plan.backend, plan.workers) == ("dask", 63)
    assert plan.estimate is not None
    # Two round trips, 16 rounds of 0.1 s, and the last result's way home.
    assert plan.estimate.total_s == pytest.approx(0.04 + 1.6 + 0.02, rel=0.02)


def test_what_ends_soon_here_stays_here():
    """Four items are done before the function has arrived there."""
    quick = make_profile(0.001, cpu=1.0)
    plan = decide(quick, make_machine(2, clusters=(FAR,)), Options(), 4)
    assert plan.backend == "loop"
    assert isinstance(ways(plan)["dask"], Slower)


def test_a_cluster_on_this_machine_has_no_other_cores():
    """Its processes compute no quicker than ours, and are further away."""
    plan = decide(COMPUTES, make_machine(4, clusters=(NEAR,)), Options(), 1000)
    assert plan.backend == "processes"
    assert isinstance(ways(plan)["ray"], Slower)


def test_what_cannot_travel_cannot_go_there():
    """The reason is told, as for processes; coroutines stay in their event loop."""
    machine = make_machine(2, clusters=(FAR,))
    locked = make_profile(0.1, cpu=1.0, result=Payload(0, 0.0, "<lock> cannot be pickled"))
    assert ways(decide(locked, machine, Options(), 1000))["dask"] == CannotShip("a result", "<lock> cannot be pickled")
    fetches = make_profile(0.1, cpu=0.01, coroutine=True)
    assert ways(decide(fetches, machine, Options(), 1000))["dask"] == IsCoroutine()


def test_without_a_cluster_none_is_spoken_of():
    """Nine users of ten have none, and their reports say nothing of it."""
    assert not {"dask", "ray"} & set(ways(decide(COMPUTES, make_machine(2), Options(), 1000)))


@pytest.mark.parametrize(("asked", "workers"), [(None, 64), (8, 8)])
def test_who_asks_for_a_cluster_gets_all_its_seats(asked, workers):
    """Or as many as was said."""
    plan = decide_forced(
        make_machine(2, clusters=(FAR,)), Options(backend="dask", max_workers=asked), 1000, coroutine=False
    )
    assert plan.workers == workers


def test_the_parent_alone_packs():
    """Of items that are heavy and quick, more workers than it can serve gain nothing."""
    heavy = make_profile(0.01, cpu=1.0, argument=Payload(1 << 24, 0.02))
    work = Work(items=1000, profile=heavy, machine=make_machine(2, clusters=(FAR,)))
    few, many = cluster_cost(work, FAR, 16), cluster_cost(work, FAR, 64)
    assert few.limit == many.limit == "shipping"
    assert many.work_s == few.work_s
