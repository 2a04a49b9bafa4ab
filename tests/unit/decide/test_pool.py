"""Threads or processes for the tasks of a function, by what one of them was."""

from __future__ import annotations

import pytest

from poolwise.decide.pool import choose_workers
from poolwise.model.plan import CannotShip, Computes, HoldsGil, NoGil, ReleasesGil, Waits
from poolwise.model.profile import Payload
from tests.unit.decide.facts import make_machine, make_profile

LOCK = Payload(0, 0.0, "<lock> cannot be pickled")


def choose(profile, cores=4, **machine):
    """Choose between as many threads as a pool has and a process for each core."""
    return choose_workers("work", profile, make_machine(cores, **machine), threads=32, processes=cores)


@pytest.mark.parametrize(
    ("profile", "machine", "backend", "reason"),
    [
        (make_profile(0.02, cpu=1.0), {}, "processes", HoldsGil),
        (make_profile(0.02, cpu=1.0, gil=None), {}, "processes", Computes),
        (make_profile(0.02, cpu=1.0, gil=0.05), {}, "threads", ReleasesGil),
        (make_profile(0.02, cpu=0.01), {}, "threads", Waits),
        (make_profile(0.00001, cpu=1.0), {}, "threads", Computes),
        (make_profile(0.02, cpu=1.0), {"cores": 1}, "threads", Computes),
        (make_profile(0.02, cpu=1.0), {"gil": False}, "threads", NoGil),
        (make_profile(0.02, cpu=1.0, argument=LOCK), {}, "threads", CannotShip),
        (make_profile(0.02, cpu=1.0, result=LOCK), {}, "threads", CannotShip),
        (make_profile(0.02, cpu=1.0, function=LOCK), {}, "threads", CannotShip),
    ],
)
def test_who_computes_with_the_gil_held_and_can_travel_gets_processes(profile, machine, backend, reason):
    """All others stay in threads."""
    choice = choose(profile, **machine)
    assert choice.backend == backend
    assert reason in map(type, choice.reasons)


def test_what_ships_for_longer_than_it_computes_stays():
    """Pickling 0.1 s of arguments for 0.02 s of computing gains nothing."""
    assert choose(make_profile(0.02, cpu=1.0, argument=Payload(10**8, 0.1))).backend == "threads"


def test_the_words_tell_what_was_measured_and_why():
    """In one line, with the figures that were compared."""
    assert str(choose(make_profile(0.02, cpu=1.0))) == (
        "work: processes, since a task took 20.0 ms; the function computes for 100 % of its time; "
        "it holds the GIL for 100 % of its computing, so that threads would take turns; "
        "many tasks should take 20.7 ms each in threads and 5.06 ms in processes"
    )
