"""When interpreters of their own are a way, and what free threads change: on every Python, since deciding is pure."""

from __future__ import annotations

import pytest

from poolwise.decide.candidates import Question, candidates
from poolwise.decide.choose import decide, decide_forced
from poolwise.decide.cost import INTERPRETER_START_S, Work, interpreters_cost, processes_cost, threads_cost
from poolwise.model.options import Options
from poolwise.model.plan import (
    Candidate,
    CannotShip,
    InsideWorker,
    IsCoroutine,
    NeedsInterpreters,
    NoGil,
    NotIsolated,
    OneCore,
    Slower,
)
from poolwise.model.profile import Payload
from poolwise.report.reasons import rejection_text
from tests.unit.decide.facts import make_machine, make_profile

COMPUTES = make_profile(0.01, cpu=1.0, function=Payload(500, 0.0001))
HALF_COMPUTES = make_profile(0.01, cpu=0.5)
FETCHES = make_profile(0.05, cpu=0.001, coroutine=True)
MAKES_LOCKS = make_profile(0.01, cpu=1.0, result=Payload(0, 0.0, "<lock> cannot be pickled"))
TAKES_LOCKS = make_profile(0.01, cpu=1.0, argument=Payload(0, 0.0, "<lock> cannot be pickled"))

NEW = make_machine(2, python="CPython 3.14.0", interpreters=True)
# Beside another thread no process may be forked: workers come from a forkserver.
THREADED = make_machine(2, python="CPython 3.14.0", interpreters=True, python_threads=2)
NO_PROCESSES = make_machine(2, python="CPython 3.14.0", interpreters=True, start_methods=())
FREE = make_machine(4, python="CPython 3.13.0", gil=False)
FREE_AND_NEW = make_machine(4, python="CPython 3.14.0", gil=False, interpreters=True)


def way(plan, backend: str) -> Candidate:
    """Give a way that was rejected."""
    return next(each for each in plan.rejected if each.backend == backend)


@pytest.mark.parametrize(
    ("profile", "machine", "reason"),
    [
        (COMPUTES, make_machine(2), NeedsInterpreters("CPython 3.11.9")),
        (COMPUTES, make_machine(2, interpreters=True, foreign_modules=("numpy",)), NotIsolated(("numpy",))),
        (COMPUTES, make_machine(2, interpreters=True, in_worker=True), InsideWorker()),
        (COMPUTES, make_machine(1, interpreters=True, cores_from="cgroup"), OneCore("cgroup")),
        (FETCHES, NEW, IsCoroutine()),
        (MAKES_LOCKS, NEW, CannotShip("a result", "<lock> cannot be pickled")),
        (TAKES_LOCKS, NEW, CannotShip("an item", "<lock> cannot be pickled")),
    ],
    ids=["an older Python", "numpy", "inside a worker", "one core", "coroutines", "results", "items"],
)
def test_where_they_cannot_serve_the_plan_says_why(profile, machine, reason):
    """Interpreters are no way where they do not exist, cannot load what is loaded, or cannot be shipped to."""
    plan = decide(profile, machine, Options(), 1000, ships_items=False)
    assert way(plan, "interpreters") == Candidate("interpreters", 1, None, 1, reason)


def test_the_words_name_the_module():
    """Whoever reads why learns which package is in the way."""
    assert rejection_text(NotIsolated(("numpy",))) == "numpy is loaded here, and may not load into a second interpreter"
    both = rejection_text(NotIsolated(("numpy", "pandas")))
    assert both == "numpy and 1 other package are loaded here, and may not load into a second interpreter"
    assert rejection_text(NeedsInterpreters("CPython 3.11.9")) == "they need CPython 3.14 or newer"


@pytest.mark.parametrize("left", [2, 10, 100, 10_000])
def test_forked_processes_are_cheaper(left: int):
    """Where this process can be forked, interpreters are measured like every other way, and lose."""
    plan = decide(COMPUTES, NEW, Options(), left)
    lost = way(plan, "interpreters")
    assert plan.backend in {"loop", "processes"}
    assert isinstance(lost.why_not, Slower)
    assert lost.estimate is not None


def test_they_are_chosen_where_no_process_can_be_forked():
    """Two interpreters start sooner than a forkserver, and computing runs side by side in them."""
    plan = decide(COMPUTES, THREADED, Options(), 60)
    assert (plan.backend, plan.workers, plan.start_method) == ("interpreters", 2, None)
    assert isinstance(way(plan, "processes").why_not, Slower)


def test_they_are_chosen_where_there_are_no_processes():
    """Where no process can be started at all, interpreters compute side by side."""
    plan = decide(COMPUTES, NO_PROCESSES, Options(), 1000)
    assert (plan.backend, plan.workers) == ("interpreters", 2)


def test_what_one_costs():
    """Each interpreter takes its start; items and results are packed by this process alone."""
    work = Work(items=100, profile=make_profile(0.01, cpu=1.0), machine=NEW)
    estimate = interpreters_cost(work, 2)
    assert estimate.start_s == pytest.approx(2 * INTERPRETER_START_S)
    assert estimate.limit == "cores"
    assert estimate.work_s == pytest.approx(0.5, rel=0.01)
    large = make_profile(0.001, cpu=1.0, result=Payload(1 << 24, 0.02))
    assert interpreters_cost(Work(items=100, profile=large, machine=make_machine(8)), 8).limit == "shipping"


def test_asked_for_by_name_there_are_as_many_as_cores():
    """Computing wants no more than the cores; items bound them too."""
    options = make_options()
    assert decide_forced(THREADED, options, 100, coroutine=False).workers == 2
    assert decide_forced(THREADED, options, 1, coroutine=False).workers == 1


def test_of_interpreters_no_more_than_cores_are_tried():
    """A forced backend has candidates too."""
    work = Work(items=1000, profile=HALF_COMPUTES, machine=make_machine(6, interpreters=True))
    (found,) = candidates(Question(work, make_options()))
    assert found.workers <= 6


def make_options() -> Options:
    """Give options that name interpreters, which an older Python refuses by the front door."""
    options = Options()
    object.__setattr__(options, "backend", "interpreters")
    return options


# --- Without a GIL ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", [FREE, FREE_AND_NEW], ids=["3.13t", "3.14t"])
@pytest.mark.parametrize("left", [20, 1000, 100_000])
@pytest.mark.parametrize("profile", [COMPUTES, HALF_COMPUTES], ids=["computes", "waits and computes"])
def test_free_threads_are_the_first_choice_for_computing(profile, machine, left: int):
    """Threads compute side by side, start at once and ship nothing; the plan says that there is no GIL."""
    plan = decide(profile, machine, Options(), left)
    assert plan.backend == "threads"
    assert NoGil() in plan.reasons
    assert all(each.estimate is None or isinstance(each.why_not, Slower) for each in plan.rejected)


@pytest.mark.parametrize("cores", [2, 4, 16, 64])
@pytest.mark.parametrize("wall_s", [0.0001, 0.001, 0.1, 1.0])
def test_free_threads_cost_less_than_any_shipping(cores: int, wall_s: float):
    """With as many workers, no process and no interpreter is estimated below a thread."""
    work = Work(items=500, profile=make_profile(wall_s, cpu=1.0), machine=make_machine(cores, gil=False))
    threads = threads_cost(work, cores).total_s
    assert threads < processes_cost(work, cores).total_s
    assert threads < interpreters_cost(work, cores).total_s


def test_a_gil_that_was_switched_on_again_counts():
    """An extension module may switch the GIL on: then computing goes to processes again."""
    plan = decide(COMPUTES, make_machine(4, gil=True), Options(), 1000)
    assert plan.backend == "processes"
    assert NoGil() not in plan.reasons
