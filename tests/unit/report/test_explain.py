"""The texts that a person reads, word for word."""

from __future__ import annotations

import dataclasses
import textwrap

import pytest

from poolwise.model.machine import Machine
from poolwise.model.plan import (
    Candidate,
    CannotShip,
    CannotTimeOut,
    Computes,
    Estimate,
    Forced,
    GilTurnedOn,
    HoldsGil,
    IsCoroutine,
    NotCoroutine,
    NotMeasured,
    Plan,
    PoolCostsMore,
    Predicted,
    Revision,
    Slower,
    StartsBy,
    Waits,
    plan_ended,
)
from poolwise.model.profile import Payload, Profile
from poolwise.model.report import Diagnosis, Report
from poolwise.report import teach_words
from poolwise.report.bounds import revision_text
from poolwise.report.explain import advice, how, summary_line

teach_words()

SLEEPS = Profile(
    items=2,
    wall_s=0.02,
    first_s=0.02,
    spread=0.0,
    thread_cpu_s=0.0,
    process_cpu_s=0.0001,
    gil_held=0.004,
    gil_samples=68,
    argument=Payload(5, 0.000012),
    result=Payload(1 << 20, 0.0005),
)
SLEEPING = Plan(
    backend="threads",
    workers=128,
    items=198,
    estimate=Estimate(0.024, 0.04, 0.0, "waiting"),
    reasons=(Waits(0.995), Predicted(198, 0.064, 3.96)),
    rejected=(
        Candidate("loop", 1, Estimate(0.0, 3.96, 0.0, "one worker"), 1, Slower(3.96, 0.064)),
        Candidate("processes", 8, Estimate(0.02, 0.5, 0.0, "waiting"), 1, Slower(0.52, 0.064)),
        Candidate("asyncio", 1, None, 1, NotCoroutine()),
    ),
)
COMPUTING = Plan(
    backend="processes",
    workers=2,
    items=97,
    estimate=Estimate(0.01, 0.43, 0.0, "cores"),
    start_method="fork",
    reasons=(Computes(0.995), HoldsGil(1.0), Predicted(97, 0.44, 0.86), StartsBy("fork")),
    rejected=(Candidate("threads", 2, Estimate(0.0, 0.9, 0.0, "GIL"), 1, Slower(0.9, 0.44)),),
)
MACHINE = Machine(cores=2, python="CPython 3.11.9", platform="Linux x86_64")


def report(plan, **more):
    """Make a Report of 200 items in a second."""
    return Report(plan=plan, **{"profile": None, "machine": None, "items": 200, "wall_s": 1.0, **more})


def text(block):
    """Give a block of text as it stands in the source."""
    return textwrap.dedent(block).strip("\n")


# --- Reports -------------------------------------------------------------------------------------------------


def test_a_report_tells_what_was_done_and_why():
    """The whole story: what was done, why, why not otherwise, what was measured, what came of it."""
    told = report(
        SLEEPING, profile=SLEEPS, machine=MACHINE, wall_s=0.125, run_s=0.069, cpu_s=0.0555, probe_items=2, probe_s=0.04
    )
    assert str(told) == text("""
        200 items in 125 ms with 128 threads
          because   the function waits for over 99 % of its time, and many calls can wait at the same time
                    198 more items should take about 64.0 ms, and one after another 3.96 s
          not       a plain loop: about 3.96 s, one item after another
                    8 processes: about 520 ms, limited by waiting
                    asyncio: it runs coroutine functions (async def) only
          measured  2 items: 20.0 ms each, over 99 % of it waiting
                    the GIL was held below 1 % of the time (68 samples)
                    shipping an item to another process: 5 bytes, 12.0 µs
                    shipping a result to another process: 1.00 MiB, 500 µs
          happened  the rest took 69.0 ms (estimated: 64.0 ms, 7 % too low)
          used      55.5 ms of CPU time, 22 % of 2 cores
          limit     the number of workers: all of them waited, and more could have waited at the same time
    """)


def test_a_report_of_work_that_was_over_at_once():
    """Tiny work has a short report."""
    told = report(plan_ended(10, 0.0003), items=10, wall_s=0.0003, cpu_s=0.0002)
    assert str(told) == text("""
        10 items in 300 µs in a plain loop
          because   all was done in 300 µs, before there was anything to decide
          used      200 µs of CPU time
    """)


def test_a_report_of_nothing():
    """No items is no error and no riddle."""
    assert summary_line(report(plan_ended(0, 0.00005), items=0, wall_s=0.00005)) == (
        "0 items in 50.0 µs in a plain loop: there were no items"
    )


CHANGED = Revision(at_s=0.21, backend="threads", workers=64, before="processes", waiting=0.95, waiting_before=0.03)


def test_a_report_of_trouble():
    """What failed, was tried again, was lost, and what was planned anew is told."""
    told = str(
        report(SLEEPING, failed=43, retried=1200, deaths=3, crowded=4, cpu_s=0.1, at_once=16, revisions=(CHANGED,))
    )
    assert told.splitlines()[0] == "200 items in 1.00 s with 128 threads, 43 failed"
    assert told.splitlines()[-3:] == [
        "  revised   after 210 ms threads instead of processes: the items waited for 95 % of their time, and not 3 %",
        "  far side  no more than 16 at a time: more only made each of them slower",
        "  trouble   items tried again: 1,200, workers lost: 3, items refused in company and tried again with less: 4",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"only_here": True}, "what the function uses belongs to the calling thread"),
        ({"lock": True}, "threads stood in line at a lock of the function"),
        (
            {"gil_by": "some.module", "waiting": 0.0, "waiting_before": 0.9},
            "the GIL was turned on by 'some.module', an extension module that does not say that it can do without",
        ),
        ({"item_s": 0.002, "item_before_s": 0.001}, "an item took 2.00 ms, and not 1.00 ms"),
        ({}, "the work was another than it had been thought"),
    ],
)
def test_why_a_plan_was_made_anew_is_told(change, told):
    """The cause that weighs most."""
    revision = Revision(at_s=0.5, backend="loop", workers=1, before="threads", **change)
    assert revision_text(revision) == f"after 500 ms a plain loop instead of threads: {told}"


def test_a_gil_that_was_turned_on_is_told_once():
    """In a line of its own, unless it is among the reasons, or has made another plan."""
    told = "GIL       it was turned on by an extension module that does not say that it can do without, while"
    assert told in str(report(SLEEPING, gil_by=""))
    change = dataclasses.replace(CHANGED, gil_by="")
    for decided in (
        report(dataclasses.replace(SLEEPING, reasons=(GilTurnedOn(""),)), gil_by=""),
        report(SLEEPING, gil_by="", revisions=(change,)),
    ):
        assert str(decided).count("turned on by") == 1
        assert "GIL       " not in str(decided)


def test_a_slow_first_item_is_told():
    """A first item that paid for an import is named, unless nobody would notice."""
    told = "the first took 500 ms (imports, caches, connections)"
    assert told in str(report(SLEEPING, profile=dataclasses.replace(SLEEPS, first_s=0.5)))
    tiny = dataclasses.replace(SLEEPS, wall_s=0.0000003, first_s=0.000004)
    assert "the first took" not in str(report(SLEEPING, profile=tiny))


def test_what_cannot_travel_is_told_once_in_full():
    """The problem stands beside the measurement; the rejection says only which."""
    profile = dataclasses.replace(SLEEPS, result=Payload(0, 0.0, "<lock> cannot be pickled (TypeError: no)"))
    obstacle = Candidate("processes", 1, None, 1, CannotShip("a result", "<lock> cannot be pickled (TypeError: no)"))
    told = str(report(dataclasses.replace(SLEEPING, rejected=(obstacle,)), profile=profile))
    assert "not       processes: a result cannot travel to another process\n" in told
    assert "a result cannot travel to another process: <lock> cannot be pickled (TypeError: no)\n" in told


def test_the_loop_is_called_by_its_name_when_it_is_rejected():
    """A rejected loop is a plain loop, estimated or not."""
    obstacle = Candidate("loop", 1, None, 1, CannotTimeOut("loop"))
    assert "not       a plain loop: it cannot end an item that is late\n" in str(
        report(dataclasses.replace(SLEEPING, rejected=(obstacle,)))
    )


def test_every_limit_has_words():
    """What limits a way is said in words, also one that is not in the table."""
    for limit in ("one worker", "waiting", "cores", "GIL", "shipping", "one event loop", "moonlight"):
        way = Candidate("threads", 2, Estimate(0.0, 1.0, 0.0, limit), 1, Slower(1.0, 0.5))
        told = str(report(dataclasses.replace(SLEEPING, rejected=(way,))))
        assert limit.split()[0] in told.split("2 threads: about 1.00 s, ")[1].splitlines()[0]


# --- One line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        (
            SLEEPING,
            (
                "200 items in 1.00 s with 128 threads: the function waits for over 99 % of its time, and many calls "
                "can wait at the same time; 198 more items should take about 64.0 ms, and one after another 3.96 s"
            ),
        ),
        (
            dataclasses.replace(COMPUTING, tasks_per_worker=2, reasons=(IsCoroutine(), *COMPUTING.reasons)),
            (
                "200 items in 1.00 s with 2 processes with 2 coroutines at a time in each: the function computes for "
                "over 99 % of its time; 97 more items should take about 440 ms, and one after another 860 ms"
            ),
        ),
        (
            Plan(backend="loop", reasons=(Computes(1.0), PoolCostsMore(9, 0.001, "threads", 0.002))),
            "200 items in 1.00 s in a plain loop: 9 more items should take about 1.00 ms, and with threads 2.00 ms",
        ),
        (
            Plan(backend="threads", workers=1, reasons=(Forced("threads"), NotMeasured())),
            "200 items in 1.00 s with 1 thread: backend='threads' was asked for",
        ),
        (Plan(backend="threads", workers=4, reasons=(NotMeasured(),)), "200 items in 1.00 s with 4 threads"),
    ],
    ids=["sleeping", "coroutines", "loop", "given", "nothing measured"],
)
def test_the_summary_says_in_one_line_what_and_why(plan, line):
    """One line holds what was done and the reason that weighs most."""
    assert summary_line(report(plan)) == line


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(backend="loop"), "a plain loop"),
        (Plan(backend="threads", workers=1), "1 thread"),
        (Plan(backend="processes", workers=4), "4 processes"),
        (
            Plan(backend="processes", workers=4, tasks_per_worker=8),
            "4 processes with 8 coroutines at a time in each",
        ),
        (
            Plan(backend="processes", workers=2, tasks_per_worker=8, tasks_are="threads"),
            "2 processes with 8 threads each",
        ),
        (
            Plan(backend="processes", workers=1, tasks_per_worker=8, tasks_are="threads"),
            "1 process with 8 threads",
        ),
        (Plan(backend="asyncio", workers=64), "an event loop with 64 tasks at a time"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_how_names_the_way_of_working(plan, words):
    """Workers are counted in the words of their backend."""
    assert how(plan) == words


def test_advice_is_in_the_imperative():
    """``why`` begins with what to do."""
    assert advice(Plan(backend="loop")) == "Stay in a plain loop"
    assert advice(SLEEPING) == "Use 128 threads"


# --- Diagnoses -----------------------------------------------------------------------------------------------


def diagnose(plan, **more):
    """Make a Diagnosis of 2 of 200 items."""
    facts = {"profile": SLEEPS, "machine": MACHINE, "sampled": 2, "sample_s": 0.0406, "total": 200}
    return Diagnosis(plan=plan, **{**facts, **more})


def test_a_diagnosis_tells_what_to_do_and_why():
    """Advice, reasons, what was rejected, and the sample that it rests on."""
    assert str(diagnose(COMPUTING)) == text("""
        Use 2 processes
          because   the function computes for over 99 % of its time
                    it holds the GIL for 100 % of its computing, so that threads would take turns
                    97 more items should take about 440 ms, and one after another 860 ms
                    workers start by fork: no other thread runs that could hold a lock
          not       2 threads: about 900 ms, limited by the GIL
          measured  2 of 200 items in 40.6 ms: 20.0 ms each, over 99 % of it waiting
                    the GIL was held below 1 % of the time (68 samples)
                    shipping an item to another process: 5 bytes, 12.0 µs
                    shipping a result to another process: 1.00 MiB, 500 µs
    """)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"sampled": 2, "total": 200}, "2 of 200 items in 40.6 ms: "),
        ({"sampled": 2, "total": None}, "2 items in 40.6 ms: "),
        ({"sampled": 10, "total": 10}, "all 10 items in 40.6 ms: "),
        ({"sampled": 1, "total": 1}, "the only item in 40.6 ms: "),
        ({"sampled": 1, "total": 10_000}, "1 of 10,000 items in 40.6 ms: "),
    ],
)
def test_a_diagnosis_says_how_much_was_tried(facts, told):
    """How many items were run, of how many, where that is known."""
    assert f"measured  {told}" in str(diagnose(SLEEPING, **facts))


def test_a_diagnosis_of_a_given_backend_has_nothing_measured():
    """Where the backend is given, nothing is run and nothing is claimed."""
    plan = Plan(backend="threads", workers=20, reasons=(Forced("threads"), NotMeasured()))
    assert str(diagnose(plan, profile=None, sampled=0, sample_s=0.0)) == text("""
        Use 20 threads
          because   backend='threads' was asked for
                    nothing was measured beforehand; how many items travel together is found while running
    """)
