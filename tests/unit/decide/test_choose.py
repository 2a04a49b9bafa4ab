"""The decision as a table: what was measured, where, what is left, and what comes of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from poolwise.decide.choose import ASSUMED_ITEMS, decide, decide_forced, plan_rest
from poolwise.errors import OptionError
from poolwise.model.classes import replace
from poolwise.model.facts import AtWork
from poolwise.model.machine import Machine
from poolwise.model.options import Options
from poolwise.model.plan import (
    Bounded,
    CannotShip,
    CannotTimeOut,
    Computes,
    Forced,
    GilTurnedOn,
    HoldsGil,
    InsideWorker,
    IsCoroutine,
    LengthUnknown,
    NoGil,
    NoStartMethod,
    NotCoroutine,
    NotMeasured,
    OneCore,
    PoolCostsMore,
    Predicted,
    ReleasesGil,
    Slower,
    StartsBy,
    Stays,
    Waits,
)
from poolwise.model.profile import Payload, Profile
from tests.unit.decide.facts import make_machine, make_profile

SLEEPS = make_profile(0.05, cpu=0.001)
COMPUTES = make_profile(0.01, cpu=1.0)
HASHES = make_profile(0.01, cpu=1.0, gil=0.05)
TINY = make_profile(0.0000005, cpu=1.0)
FETCHES = make_profile(0.05, cpu=0.001, coroutine=True)
COROUTINE_COMPUTES = make_profile(0.01, cpu=1.0, coroutine=True)
MAKES_LOCKS = make_profile(0.01, cpu=1.0, result=Payload(0, 0.0, "<lock> cannot be pickled"))


class Case(NamedTuple):
    name: str
    profile: Profile
    backend: str
    reasons: tuple[type, ...]
    rejected: dict[str, type]
    machine: Machine = make_machine()
    options: Options = Options()
    left: int | None = 1000


CASES = [
    Case("sleeping", SLEEPS, "threads", (Waits, Predicted), {"loop": Slower, "processes": Slower}),
    Case("computing", COMPUTES, "processes", (Computes, HoldsGil, Predicted, StartsBy), {"threads": Slower}),
    Case("computing on one core", COMPUTES, "loop", (Computes, PoolCostsMore), {"processes": OneCore}, make_machine(1)),
    Case("hashing without the GIL", HASHES, "threads", (Computes, ReleasesGil, Predicted), {"processes": Slower}),
    Case(
        "a coroutine that waits",
        FETCHES,
        "asyncio",
        (IsCoroutine, Waits, Predicted),
        {"loop": IsCoroutine, "threads": IsCoroutine, "processes": Waits},
    ),
    Case(
        "a coroutine that computes",
        COROUTINE_COMPUTES,
        "processes",
        (IsCoroutine, Computes, Predicted, StartsBy),
        {"asyncio": Slower},
    ),
    Case(
        "ten tiny items", TINY, "loop", (Computes, PoolCostsMore), {"threads": Slower, "asyncio": NotCoroutine}, left=10
    ),
    Case("results that cannot be pickled", MAKES_LOCKS, "loop", (Computes, PoolCostsMore), {"processes": CannotShip}),
    Case(
        "inside a worker",
        COMPUTES,
        "loop",
        (Computes, PoolCostsMore),
        {"processes": InsideWorker},
        make_machine(4, in_worker=True),
    ),
    Case(
        "computing without any GIL",
        make_profile(0.01, cpu=1.0, gil=0.0),
        "threads",
        (Computes, NoGil, Predicted),
        {"processes": Slower},
        make_machine(4, gil=False),
    ),
    Case(
        "computing where something has turned the GIL on",
        replace(COMPUTES, gil_held=None),
        "processes",
        (Computes, GilTurnedOn, Predicted, StartsBy),
        {"threads": Slower},
        make_machine(4, gil_by="some.module"),
    ),
    Case(
        "no way to start a process",
        COMPUTES,
        "loop",
        (Computes, PoolCostsMore),
        {"processes": NoStartMethod},
        make_machine(4, start_methods=()),
    ),
    Case(
        "tiny items that must not be late",
        TINY,
        "threads",
        (Computes, HoldsGil, Predicted),
        {"loop": CannotTimeOut},
        options=Options(timeout=1.0),
        left=10,
    ),
    Case(
        "computing, of unknown length",
        COMPUTES,
        "processes",
        (Computes, LengthUnknown),
        {},
        left=None,
    ),
    Case(
        "computing beside a thread of a C library",
        COMPUTES,
        "processes",
        (StartsBy,),
        {},
        make_machine(4, native_threads=1),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_kind_of_work_gets_the_backend_that_suits_it(case):
    """The kind of work, the machine and the options decide the backend, and the Plan carries the reasons."""
    plan = decide(case.profile, case.machine, case.options, case.left)
    found = {type(reason) for reason in plan.reasons}
    against = {each.backend: type(each.why_not) for each in plan.rejected}
    assert plan.backend == case.backend
    assert set(case.reasons) <= found
    assert case.rejected.items() <= against.items()
    assert {plan.backend, *against} == {"loop", "threads", "processes", "interpreters", "asyncio"}


def test_sleeping_gets_many_threads():
    """What only waits is spread over far more threads than there are cores, no more than the rounds need."""
    plan = decide(SLEEPS, make_machine(2), Options(), 1000)
    # 128 threads, the most, need eight rounds for a thousand items, and so do 125.
    assert (plan.backend, plan.workers) == ("threads", 125)


def test_computing_gets_a_process_for_each_core():
    """What only computes gains nothing from more processes than cores."""
    plan = decide(COMPUTES, make_machine(6), Options(), 10_000)
    assert (plan.backend, plan.workers, plan.tasks_per_worker, plan.start_method) == ("processes", 6, 1, "fork")


HALF_WAITING = make_profile(0.05, cpu=0.5)


def way(plan):
    """Give the way of working in short."""
    return plan.backend, plan.workers, plan.tasks_per_worker, plan.tasks_are


@pytest.mark.parametrize(
    ("profile", "cores", "left", "expected"),
    [
        # Half of it waiting, and a long run: enough threads that each core has one that computes, nearly always.
        (HALF_WAITING, 2, 10_000, ("processes", 2, 8, "threads")),
        (HALF_WAITING, 8, 10_000, ("processes", 8, 8, "threads")),
        # Few items need fewer.
        (HALF_WAITING, 2, 12, ("processes", 2, 4, "threads")),
        # Mostly waiting: one GIL would do for 20 at a time, and each core has one.
        (make_profile(0.1, cpu=0.05), 4, 10_000, ("processes", 4, 32, "threads")),
        # Hardly any computing: threads of this process.
        (make_profile(0.1, cpu=0.005), 4, 10_000, ("threads", 127, 1, "coroutines")),
        # Hardly any waiting: nothing to be gained inside.
        (make_profile(0.1, cpu=0.97), 4, 10_000, ("processes", 4, 1, "coroutines")),
        # It waits and computes without the GIL: threads of this process have all the cores.
        (make_profile(0.05, cpu=0.5, gil=0.01), 4, 10_000, ("threads", 8, 1, "coroutines")),
    ],
)
def test_what_waits_and_computes_gets_processes_with_threads(profile, cores, left, expected):
    """Where one GIL is the limit and each process would wait, there are as many processes as cores, and threads."""
    assert way(decide(profile, make_machine(cores), Options(), left)) == expected


@pytest.mark.parametrize(
    "careful", [{"timeout": 5.0}, {"crash_retries": 0}, {"initializer": print}], ids=lambda options: next(iter(options))
)
def test_where_items_must_be_told_apart_there_are_more_processes_than_cores(careful):
    """What can be ended, blamed or prepared only one at a time has a process of its own."""
    plan = decide(HALF_WAITING, make_machine(2), Options(**careful), 10_000)
    assert way(plan) == ("processes", 4, 1, "coroutines")


def test_max_workers_bounds_the_calls_at_a_time_wherever_they_run():
    """It may be a server's limit: eight at a time are two processes with four threads."""
    assert way(decide(HALF_WAITING, make_machine(2), Options(max_workers=8), 10_000)) == ("processes", 2, 4, "threads")


# --- What the machine has too little of ----------------------------------------------------------------------

GIB, MIB = 1 << 30, 1 << 20


@pytest.mark.parametrize(
    ("profile", "machine", "workers", "reason"),
    [
        # 0.8 GiB may be taken, and each process takes 0.2 GiB.
        (
            make_profile(0.1, cpu=1.0, memory_bytes=GIB // 5),
            make_machine(16, memory_free_bytes=GIB),
            4,
            Bounded("memory", 4, int(0.8 * GIB), GIB // 5),
        ),
        # What an item takes was too little to see: a worker takes 8 MiB all the same.
        (
            make_profile(0.1, cpu=1.0),
            make_machine(16, memory_free_bytes=100 * MIB),
            10,
            Bounded("memory", 10, 80 * MIB, 8 * MIB),
        ),
        # 256 files, of which 24 are open and 32 are spared: 100 threads with two each.
        (
            make_profile(1.0, cpu=0.0),
            make_machine(4, open_files_limit=256, open_files=24),
            100,
            Bounded("files", 100, 200, 2),
        ),
        # It was seen that an item has five files open.
        (
            make_profile(1.0, cpu=0.0, open_files=5),
            make_machine(4, open_files_limit=256, open_files=24),
            40,
            Bounded("files", 40, 200, 5),
        ),
        (make_profile(1.0, cpu=0.0), make_machine(4, threads_limit=36), 20, Bounded("threads", 20, 20, 1)),
        (
            make_profile(1.0, cpu=0.0, coroutine=True),
            make_machine(4, open_files_limit=256, open_files=24),
            100,
            Bounded("files", 100, 200, 2),
        ),
    ],
    ids=["memory", "least memory", "files", "files that were seen", "threads", "files of tasks"],
)
def test_the_machine_bounds_what_is_at_work(profile, machine, workers, reason):
    """No more at a time than memory, files and threads allow; the Plan says what it was."""
    plan = decide(profile, machine, Options(), 1000)
    assert plan.workers == workers
    assert reason in plan.reasons


def test_what_does_not_bite_is_not_a_reason():
    """A bound beyond what is wanted anyway is no word worth."""
    machine = make_machine(2, open_files_limit=1024, open_files=10, threads_limit=30_000)
    for profile in (SLEEPS, COMPUTES, HASHES, FETCHES, HALF_WAITING):
        assert not [each for each in decide(profile, machine, Options(), 1000).reasons if isinstance(each, Bounded)]


def test_without_anything_left_there_is_one_at_a_time():
    """Less than one is nothing that could be done."""
    machine = make_machine(4, open_files_limit=16, open_files=16, threads_limit=3, memory_free_bytes=MIB)
    plan = decide(SLEEPS, machine, Options(), 1000)
    assert (plan.backend, plan.workers) == ("loop", 1)


def test_with_other_load_it_takes_what_is_free():
    """Of eight cores, others keep five busy: three processes, and the Plan says so; two cores are never given up."""
    plan = decide(COMPUTES, make_machine(8, cores_busy=5), Options(), 1000)
    assert (plan.backend, plan.workers) == ("processes", 3)
    assert Bounded("load", 3, 3, 5) in plan.reasons
    crowded = decide(COMPUTES, make_machine(8, cores_busy=8), Options(), 1000)
    assert (crowded.backend, crowded.workers) == ("processes", 2)


def test_what_waits_does_not_mind_others():
    """Waiting needs no core."""
    plan = decide(make_profile(0.05, cpu=0.001), make_machine(8, cores_busy=7), Options(), 1000)
    assert (plan.backend, plan.workers) == ("threads", 125)


@pytest.mark.parametrize(("backend", "workers"), [("threads", 20), ("asyncio", 100)])
def test_a_given_backend_is_bounded_unless_the_number_is_given_too(backend, workers):
    """The number that nobody named is ours to answer for."""
    machine = make_machine(4, open_files_limit=256, open_files=24, threads_limit=36)
    plan = decide_forced(machine, Options(backend=backend), 5000, coroutine=backend == "asyncio")
    assert plan.workers == workers
    assert any(isinstance(each, Bounded) for each in plan.reasons)
    assert decide_forced(machine, Options(backend=backend, max_workers=70), 5000, coroutine=False).workers == 70


def test_coroutines_that_also_wait_share_a_worker():
    """A worker process runs several coroutines at a time, so that its loop has one that computes while others wait."""
    plan = decide(make_profile(0.01, cpu=0.6, coroutine=True), make_machine(4), Options(), 10_000)
    assert (plan.backend, plan.workers, plan.tasks_per_worker) == ("processes", 4, 2)


def test_the_loop_can_do_nothing_about_a_coroutine_on_one_core():
    """A coroutine that computes stays in one event loop where there is one core."""
    plan = decide(COROUTINE_COMPUTES, make_machine(1), Options(), 1000)
    assert plan.backend == "asyncio"


@pytest.mark.parametrize("profile", [SLEEPS, COMPUTES, FETCHES], ids=["threads", "processes", "asyncio"])
def test_max_workers_is_honoured(profile):
    """No more workers than the caller allows, whatever the backend."""
    assert decide(profile, make_machine(8), Options(max_workers=3), 1000).workers == 3


def test_a_larger_max_workers_allows_more_than_the_usual_threads():
    """The caller may know better than our usual limit."""
    assert decide(make_profile(1.0, cpu=0.0), make_machine(2), Options(max_workers=500), 5000).workers == 500


def test_chunksize_is_passed_on():
    """A given chunk size is the caller's word."""
    assert decide(COMPUTES, make_machine(2), Options(chunksize=7), 1000).chunksize == 7


def test_an_unknown_length_is_assumed_and_told():
    """Where nobody knows how many items come, the assumption is part of the reasons."""
    plan = decide(SLEEPS, make_machine(2), Options(), None)
    assert LengthUnknown(ASSUMED_ITEMS) in plan.reasons
    assert plan.items is None


def test_an_item_that_cannot_travel_forbids_processes_only_if_items_travel():
    """Forked workers inherit the items of a list, so that these need not be picklable."""
    profile = make_profile(0.01, cpu=1.0, argument=Payload(0, 0.0, "no"))
    assert decide(profile, make_machine(4), Options(), 1000, ships_items=True).backend == "loop"
    assert decide(profile, make_machine(4), Options(), 1000, ships_items=False).backend == "processes"


def test_items_travel_to_workers_that_were_not_forked():
    """A worker that was not forked inherits nothing, list or not."""
    profile = make_profile(0.01, cpu=1.0, argument=Payload(0, 0.0, "no"))
    plan = decide(profile, make_machine(4, native_threads=1), Options(), 1000, ships_items=False)
    assert CannotShip("an item", "no") in [each.why_not for each in plan.rejected]


def test_shipping_that_takes_longer_than_computing_keeps_processes_away():
    """Results that are dearer to ship than to compute stay in this process."""
    profile = make_profile(0.01, cpu=1.0, result=Payload(1 << 30, 0.1))
    assert decide(profile, make_machine(4), Options(), 1000).backend == "loop"


def test_a_gain_within_the_error_of_the_estimates_is_no_reason_for_a_pool():
    """The loop stays where the best pool promises to save less than a tenth."""
    profile = make_profile(0.01, cpu=1.0, gil=0.52)
    plan = decide(profile, make_machine(4, start_methods=()), Options(), 1000)
    threads = next(each for each in plan.rejected if each.backend == "threads")
    assert plan.backend == "loop"
    assert plan.estimate is not None
    assert threads.estimate is not None
    assert 0.9 < threads.estimate.total_s / plan.estimate.total_s < 1


def test_where_nothing_can_time_out_the_loop_tells_late_items():
    """With one backend left that cannot end a late item, the work is still done."""
    plan = decide(COMPUTES, make_machine(4), Options(backend="loop", timeout=1.0), 1000)
    assert plan.backend == "loop"


@pytest.mark.parametrize("left", [None, 1, 1000])
def test_nothing_measured_means_threads_which_can_give_up_items(left):
    """Where every item of the probe was given up as late, the rest goes to threads, never more than items."""
    plan = decide(None, make_machine(4), Options(timeout=1.0), left)
    assert (plan.backend, plan.workers) == ("threads", 1 if left == 1 else 32)
    assert NotMeasured() in plan.reasons


# --- A given backend -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "left", "expected"),
    [
        (Options(backend="loop", max_workers=5), 100, {"workers": 1}),
        (Options(backend="threads"), 100, {"workers": 32}),
        (Options(backend="threads"), 3, {"workers": 3}),
        (Options(backend="threads", max_workers=5), None, {"workers": 5}),
        (Options(backend="processes"), 100, {"workers": 4, "start_method": "fork", "tasks_per_worker": 1}),
        (Options(backend="processes", start_method="spawn"), 100, {"workers": 4, "start_method": "spawn"}),
        (Options(backend="asyncio", chunksize=2), 1000, {"workers": 256, "chunksize": 2}),
    ],
    ids=str,
)
def test_a_given_backend_is_taken_without_measuring(options, left, expected):
    """The caller's backend is final; only the figures that were left open are filled in."""
    plan = decide_forced(make_machine(4), options, left, coroutine=False)
    found: dict[str, Any] = {name: getattr(plan, name) for name in expected}
    assert plan.backend == options.backend
    assert found == expected
    assert plan.reasons[:2] == (Forced(plan.backend), NotMeasured())


def test_coroutines_on_given_processes_run_many_at_a_time():
    """Nobody has measured whether they wait, and a slot that is not needed costs next to nothing."""
    plan = decide_forced(make_machine(4), Options(backend="processes"), 5000, coroutine=True)
    assert (plan.workers, plan.tasks_per_worker) == (4, 256)


def test_a_given_start_method_that_does_not_exist_is_refused():
    """The error names the method, the platform and what can be written instead."""
    machine = make_machine(4, start_methods=("spawn",), platform="Darwin arm64")
    options = Options(backend="processes", start_method="fork")
    with pytest.raises(OptionError, match=r"'fork' does not exist on Darwin arm64: use 'spawn', or leave it out"):
        decide_forced(machine, options, 10, coroutine=False)
    with pytest.raises(OptionError, match="does not exist"):
        decide(COMPUTES, machine, options, 10)


def test_decide_forced_needs_a_given_backend():
    """To force "auto" is a mistake of ours."""
    with pytest.raises(ValueError, match="given backend"):
        decide_forced(make_machine(4), Options(), 10, coroutine=False)


def test_a_given_backend_with_a_profile_is_estimated_too():
    """Where a backend is given and the work was measured, the Plan has the one candidate's estimate."""
    plan = decide(COMPUTES, make_machine(4), Options(backend="threads"), 1000)
    assert (plan.backend, plan.rejected) == ("threads", ())
    assert plan.estimate is not None
    assert plan.estimate.limit == "GIL"


def test_company_is_left_only_where_that_is_well_worth_it():
    """Threads that are at work stay where ending them first costs more than processes would gain."""
    mixed = make_profile(0.02, cpu=0.08)
    better = decide(mixed, make_machine(2), Options(), 200)
    assert better.backend == "processes"
    kept = plan_rest(better, mixed, AtWork(backend="threads", workers=40, under_way=40))
    assert kept is not None
    assert kept.workers >= 40
    assert (kept.backend, kept.start_method, kept.reasons[-1]) == ("threads", None, Stays("threads"))
    assert Stays("threads") in [each.why_not for each in kept.rejected]
    computing = make_profile(0.02, cpu=1.0, gil=1.0)
    much_better = decide(computing, make_machine(8), Options(), 200)
    assert much_better.backend == "processes"
    assert plan_rest(much_better, computing, AtWork(backend="threads", workers=40, under_way=10)) is None
    assert plan_rest(better, mixed, AtWork(backend="processes", workers=2, under_way=2)) is better


def test_what_computes_more_is_moved_for_less():
    """Work that waits for nearly all of its time leaves what it shares for much only; other work for what it gains."""
    for cpu, is_moved in ((0.08, False), (0.3, True)):
        profile = make_profile(0.02, cpu=cpu)
        better = decide(profile, make_machine(2), Options(), 1000)
        assert better.backend == "processes"
        assert (plan_rest(better, profile, AtWork(backend="threads", workers=10, under_way=10)) is None) is is_moved
