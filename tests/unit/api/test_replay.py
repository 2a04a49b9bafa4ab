"""A saved decision is made again exactly."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import poolwise
from poolwise.api.replay import replay
from poolwise.decide.choose import decide_by
from poolwise.errors import InputError
from poolwise.model.classes import replace
from poolwise.model.facts import AtWork, Facts
from poolwise.model.options import Options
from poolwise.model.report import Diagnosis, Report
from tests.unit.decide.facts import lefts, machines, make_machine, make_profile, options, profiles

company = st.builds(
    AtWork, backend=st.sampled_from(["threads", "asyncio"]), workers=st.integers(1, 128), under_way=st.integers(0, 128)
)
facts = st.builds(
    Facts,
    profile=profiles(),
    machine=machines(),
    options=options,
    left=lefts,
    ships_items=st.booleans(),
    company=st.none() | company,
)
FACTS = Facts(profile=make_profile(0.02, cpu=1.0), machine=make_machine(2), options=Options(), left=100)


def save(given_facts, **more):
    """Save the diagnosis of these facts, as a file holds it."""
    fields = {"sampled": 2, "sample_s": 0.04, "total": 102, **more}
    plan = decide_by(given_facts)
    found = Diagnosis(plan=plan, profile=given_facts.profile, machine=given_facts.machine, facts=given_facts, **fields)
    return found, json.loads(json.dumps(found.to_dict()))


@given(facts)
def test_any_saved_decision_is_made_again_exactly(given_facts):
    """The Plan, its estimates and reasons, and the diagnosis around it are the same."""
    found, saved = save(given_facts)
    again = replay(saved)
    assert again.differs == ()
    assert again.diagnosis == found


def test_a_given_backend_is_replayed_too():
    """Nothing was measured, and the Plan follows from the options."""
    found, saved = save(Facts(profile=None, machine=make_machine(2), options=Options(backend="processes"), left=9))
    assert replay(saved).diagnosis == found


def test_a_report_can_be_replayed():
    """A user's bug report holds what print(report) was made of."""
    plan = decide_by(FACTS)
    report = Report(plan=plan, profile=FACTS.profile, machine=FACTS.machine, items=102, probe_items=2, facts=FACTS)
    again = replay(json.loads(json.dumps(report.to_dict())))
    assert (again.differs, again.diagnosis.plan, again.diagnosis.sampled) == ((), plan, 2)


def test_what_differs_is_named():
    """A file whose Plan does not follow from its facts is found out, field by field."""
    _, saved = save(FACTS)
    saved["plan"]["workers"] = 77
    again = replay(saved)
    assert again.differs == ("workers",)
    assert again.to_dict()["same"] is False
    assert again.to_dict()["diagnosis"]["plan"]["workers"] == 2
    del saved["plan"]
    assert "backend" in replay(saved).differs


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"value": "Plan"}, "this should be a Diagnosis or Report as to_dict() writes it, and is a Plan"),
        ({"version": 99}, "newer Poolwise"),
        ({"facts": None}, "this Diagnosis holds no decision"),
        ({"facts": 7}, "should be a Facts"),
        ({"sampled": "two"}, "sampled should be a whole number"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_cannot_be_replayed_is_refused(change, word):
    """With a word on what it is instead."""
    _, saved = save(FACTS)
    with pytest.raises(InputError) as refused:
        replay({**saved, **change})
    assert word in str(refused.value)


def test_company_that_stayed_stays_again():
    """Who was at work when it was decided is one of the facts."""
    profile = make_profile(0.02, cpu=0.08)
    alone = Facts(profile=profile, machine=make_machine(2), options=Options(), left=200)
    there = replace(alone, company=AtWork(backend="threads", workers=40, under_way=40))
    assert (decide_by(alone).backend, decide_by(there).backend) == ("processes", "threads")
    found, saved = save(there)
    again = replay(saved)
    assert (again.diagnosis.plan, again.differs, again.diagnosis.facts) == (found.plan, (), there)


def test_what_a_run_reports_follows_from_its_facts():
    """The facts of a real report and of a real diagnosis lead to their Plans; the caller's objects are not held."""
    report = poolwise.map(abs, [-1] * 100, backend="threads", progress=lambda _: None).report
    assert report.facts.options == Options(backend="threads")
    assert decide_by(report.facts) == report.plan
    found = poolwise.why(time.sleep, [0.03] * 300)
    assert decide_by(found.facts) == found.plan
    assert poolwise.map(abs, []).report.facts is None
