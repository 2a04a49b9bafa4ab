"""Our values as plain data, and back."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given

from poolwise.errors import InputError
from poolwise.model.facts import Facts
from poolwise.model.machine import Machine, NativePool
from poolwise.model.options import Options
from poolwise.model.plain import VERSION, from_plain, to_plain
from poolwise.model.plan import Candidate, Estimate, OneCore, Plan, StartsBy
from poolwise.model.profile import Hot, Payload, Profile
from poolwise.model.report import Diagnosis, Report
from tests.unit.decide.facts import machines, make_machine, make_profile, options, plans, profiles
from tests.unit.report.made_up import make_race, make_sweep

HOT = Hot("fetch.py", 12, "page", "recv", 0.98, 0.98, 33)
FACTS = Facts(
    profile=make_profile(0.02, cpu=0.5, hot=HOT, function=Payload(9, 0.1, "no")),
    machine=make_machine(native_pools=(NativePool("OpenBLAS", 2, survives_fork=True),)),
    options=Options(max_workers=3, timeout=1.5),
    left=None,
)


def through_json(value):
    """Write a value and read the text again."""
    return json.loads(json.dumps(value.to_dict(), allow_nan=False))


def test_reasons_are_named_by_their_class():
    """Which reason it is would be lost in its fields."""
    plan = Plan(
        backend="processes",
        reasons=(StartsBy("fork"),),
        rejected=(Candidate("threads", 2, Estimate(0.0, math.inf, 0.0), why_not=OneCore("cgroup")),),
    )
    told = plan.to_dict()
    assert through_json(plan) == told
    assert told["reasons"][0]["reason"] == "StartsBy"
    assert told["rejected"][0]["why_not"] == {"reason": "OneCore", "source": "cgroup"}
    assert told["rejected"][0]["estimate"]["work_s"] is None


@pytest.mark.parametrize(
    "value",
    [
        FACTS.profile,
        FACTS.machine,
        FACTS,
        Plan(backend="loop"),
        Report(plan=Plan(backend="loop"), profile=None, machine=None, items=3, facts=FACTS),
        Diagnosis(plan=Plan(backend="loop"), profile=None, machine=None, sampled=1, sample_s=0.1, total=None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_says_what_it_is_and_in_which_version(value):
    """Who reads it later knows what it holds, and JSON carries all of it."""
    told = value.to_dict()
    assert (told["value"], told["version"]) == (type(value).__name__, VERSION)
    assert {field.name for field in dataclasses.fields(value)} <= told.keys()
    assert through_json(value) == told


def test_what_follows_from_the_figures_is_told_too():
    """A program need not know our formulas."""
    assert FACTS.profile.to_dict()["waiting"] == FACTS.profile.waiting
    report = Report(
        plan=Plan(backend="threads", workers=2, items=10, estimate=Estimate(0.0, 1.0, 0.0, "cores")),
        profile=FACTS.profile,
        machine=Machine(cores=2),
        items=10,
        wall_s=2.0,
        run_s=2.0,
        cpu_s=3.9,
    )
    told = report.to_dict()
    assert (told["estimate_error"], told["plan"]["estimate"]["total_s"]) == (-0.5, 1.0)
    assert told["limit"] == {"what": "cores", "share": 0.975}
    assert told["turnings"] == []


@given(profiles(), machines(), options)
def test_profiles_machines_and_options_come_back_as_they_were(profile, machine, asked):
    """Every figure, to the last bit."""
    assert Profile.from_dict(through_json(profile)) == profile
    assert Machine.from_dict(through_json(machine)) == machine
    assert Options.from_dict(through_json(asked)) == asked


@given(plans())
def test_plans_come_back_as_they_were(plan):
    """Reasons too, each of its type."""
    assert from_plain(Plan, json.loads(json.dumps(to_plain(plan)))) == plan


def test_the_callers_objects_are_left_out_of_the_options():
    """A function cannot be written down, and decides nothing; nor does what is only shown."""
    asked = Options(progress=print, initializer=print, initargs=(1,), max_workers=2, desc="mine", total=3)
    assert Options.from_dict(through_json(asked)) == asked.without_objects() == Options(max_workers=2)


# --- What is refused -----------------------------------------------------------------------------------------


def changed(value, **changes):
    """Give a value as plain data with some fields changed."""
    return {**through_json(value), **changes}


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (None, "this should be a Profile as to_dict() writes it, and is none"),
        ([], "and is none"),
        ({"wall_s": 1}, "and is none"),
        (Machine(cores=2).to_dict(), "this should be a Profile as to_dict() writes it, and is a Machine"),
        (changed(FACTS.profile, version=VERSION + 1), "written by a newer Poolwise: update this one"),
        (changed(FACTS.profile, version=0), "has version 0, and version 1 is read here; write it anew"),
        (changed(FACTS.profile, version="1"), "has version '1'"),
        (changed(FACTS.profile, wall_s="fast"), "Profile.wall_s should be a number, and is 'fast'"),
        (changed(FACTS.profile, wall_s=None), "Profile.wall_s should be a number, and is None"),
        (changed(FACTS.profile, wall_s=True), "Profile.wall_s should be a number, and is True"),
        (changed(FACTS.profile, items=1.5), "Profile.items should be a whole number, and is 1.5"),
        (changed(FACTS.profile, coroutine="no"), "Profile.coroutine should be true or false"),
        (changed(FACTS.profile, argument=7), "Profile.argument should be an object with the fields of a Payload"),
        (changed(FACTS.profile, argument={"bytes": 1, "seconds": []}), "Profile.argument.seconds should be a number"),
        (changed(FACTS.profile, colour="red"), "Profile.colour is not known here; it was written by another Poolwise"),
        ({"value": "Profile", "version": VERSION}, "Profile cannot be read"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_of_another_form_is_refused_with_a_word(data, word):
    """Nothing is guessed: the text says which field is wrong, and what to do."""
    with pytest.raises(InputError) as refused:
        Profile.from_dict(data)
    assert word in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "data", "word"),
    [
        (Machine, changed(FACTS.machine, start_methods="fork"), "Machine.start_methods should be a list"),
        (Machine, changed(FACTS.machine, start_methods=["fork", "knife"]), "Machine.start_methods[1] should be 'fork'"),
        (Machine, changed(FACTS.machine, native_pools=[{}]), "Machine.native_pools[0] cannot be read"),
        (Options, changed(FACTS.options, max_workers=0), "Options cannot be read: max_workers=0: write a whole number"),
        (Options, changed(FACTS.options, backend="horses"), "Options.backend should be 'auto' or 'loop'"),
        (Plan, changed(Plan(backend="loop"), reasons=[{"reason": "Mood"}]), "Plan.reasons[0]: "),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_other_values_are_checked_as_well(kind, data, word):
    """Lists, choices, nested values, and what Options itself checks."""
    with pytest.raises(InputError) as refused:
        from_plain(kind, data)
    assert word in str(refused.value)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "1" + "0" * 400])
def test_a_number_that_no_float_holds_is_refused(text):
    """Python's JSON reads them; what is measured is finite."""
    told = json.dumps(FACTS.profile.to_dict())
    assert '"wall_s": 0.02' in told
    with pytest.raises(InputError, match="finite number"):
        Profile.from_dict(json.loads(told.replace('"wall_s": 0.02', f'"wall_s": {text}', 1)))


@pytest.mark.parametrize("name", [[], {}, None, 5])
def test_a_name_that_is_no_text_is_refused(name):
    """Damaged data may hold anything in any place."""
    with pytest.raises(InputError, match="should be a Profile"):
        Profile.from_dict(FACTS.profile.to_dict() | {"value": name})


@pytest.mark.parametrize(("make", "empty"), [(make_race, "entrants"), (make_sweep, "points")])
def test_a_measurement_of_nothing_is_refused(make, empty):
    """A file that somebody has changed fails where it is read, and not in the middle of a table."""
    whole = make().to_dict()
    for name, value in (("cores", 0), ("items", 0), (empty, [])):
        with pytest.raises(InputError, match=r"cannot be read: a (race|sweep) has one core"):
            type(make()).from_dict({**whole, name: value})
