"""What would change a decision is true: the decision is made there, and just before it is another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.decide.choose import ASSUMED_ITEMS, decide_by
from poolwise.decide.turning import axes, find_turnings, slowed
from poolwise.model.classes import replace
from poolwise.model.facts import Facts
from poolwise.model.options import Options
from poolwise.model.plan import Turning
from poolwise.model.profile import Payload
from tests.unit.decide.facts import lefts, machines, make_machine, make_profile, options, profiles

facts = st.builds(Facts, profile=profiles(), machine=machines(), options=options, left=lefts, ships_items=st.booleans())


def known(wall_s, left, *, cores=2, **work):
    """Make the facts of forked work whose items need not travel."""
    return Facts(
        profile=make_profile(wall_s, **work),
        machine=make_machine(cores),
        options=Options(),
        left=left,
        ships_items=False,
    )


def at(given_facts, turning):
    """Say what is decided where a turning stands."""
    axis = next(axis for axis in axes(given_facts, given_facts.profile) if axis.fact == turning.fact)
    return axis.decided(turning.at)


@given(facts)
def test_each_turning_is_what_is_decided_there(given_facts):
    """The backend is the one that decide itself names with that one fact changed, and the factor fits."""
    for turning in find_turnings(given_facts):
        assert at(given_facts, turning) == turning.backend
        assert (turning.factor < 1) == turning.below
        assert turning.at > 0


@given(facts)
def test_each_axis_begins_with_what_is_decided(given_facts):
    """Where it is not known how many items are left, too: to assume a number is not to know it."""
    if given_facts.profile is not None and given_facts.profile.wall_s > 0 and given_facts.left != 0:
        now = decide_by(given_facts).backend
        assert [axis.decided(axis.now) for axis in axes(given_facts, given_facts.profile)] == [now] * 3


@given(facts)
def test_the_first_turning_of_a_direction_names_another_backend(given_facts):
    """What is decided anyway is no news."""
    now, seen = decide_by(given_facts).backend, set()
    for turning in find_turnings(given_facts):
        if (turning.fact, turning.below) not in seen:
            assert turning.backend != now
        seen.add((turning.fact, turning.below))


def test_few_items_that_compute_stay_in_the_loop_until_there_are_more_or_larger_ones():
    """Starting two workers takes 6 ms: from 15 items of 1 ms on that is worth it."""
    here = known(0.001, 8, cpu=1.0)
    assert decide_by(here).backend == "loop"
    found = find_turnings(here)
    assert [each.fact for each in found] == ["item_s", "items"]
    assert {each.backend for each in found} == {"processes"}
    items = int(found[1].at)
    assert decide_by(replace(here, left=items)).backend == "processes"
    assert decide_by(replace(here, left=items - 1)).backend == "loop"


def test_what_lets_the_gil_go_needs_a_second_core():
    """On one core computing gains nothing from threads; from two on it does."""
    found = find_turnings(known(0.001, 1000, cores=1, cpu=1.0, gil=0.02))
    cores = [each for each in found if each.fact == "cores"]
    assert cores[0] == Turning("cores", 2.0, below=False, backend="threads", factor=2.0)


def test_a_turn_back_is_told_as_well():
    """Where a second turn follows the first, the first does not stand for all that lies beyond."""
    found = find_turnings(known(0.01, 30, cpu=0.5))
    smaller = [(each.backend, each.at) for each in found if each.fact == "item_s" and each.below]
    assert [backend for backend, _ in smaller] == ["threads", "loop"]
    assert smaller[0][1] > smaller[1][1]


def test_what_cannot_travel_turns_to_no_processes():
    """No number of cores and items helps there."""
    here = known(0.001, 8, cpu=1.0, result=Payload(0, 0.0, "<lock> cannot be pickled"))
    assert "processes" not in {each.backend for each in find_turnings(here)}


@pytest.mark.parametrize(
    "here",
    [
        Facts(profile=None, machine=make_machine(), options=Options(), left=8),
        replace(known(0.001, 8, cpu=1.0), options=Options(backend="threads")),
        known(0.001, 0, cpu=1.0),
        known(0.0, 8, cpu=1.0),
    ],
    ids=["nothing measured", "a given backend", "nothing left", "no time at all"],
)
def test_where_nothing_can_turn_there_is_nothing_to_tell(here):
    """Nothing is made up."""
    assert find_turnings(here) == ()


def test_an_unknown_length_is_looked_at_from_what_was_assumed():
    """The number of items that the Plan was made for is the one that is changed."""
    items = [each for each in find_turnings(known(0.001, None, cpu=1.0)) if each.fact == "items"]
    assert items[0].below
    assert items[0].factor == items[0].at / ASSUMED_ITEMS


def test_larger_items_take_longer_in_every_respect_and_travel_as_before():
    """Wall, CPU and the queue for a core grow together; shares and shipping stay."""
    profile = make_profile(0.001, cpu=0.5, queued_s=0.0001)
    larger = slowed(profile, 10)
    assert (larger.wall_s, larger.cpu_s, larger.queued_s) == pytest.approx((0.01, 0.005, 0.001))
    assert larger.waiting == pytest.approx(profile.waiting)
    assert (larger.gil_held, larger.argument) == (profile.gil_held, profile.argument)
