"""The plain values: frozen, slotted, equal by value, and what they derive."""

from __future__ import annotations

import dataclasses
import importlib
import pickle
import pkgutil

import pytest

import poolwise.model
from poolwise.model import prose
from poolwise.model.machine import Machine
from poolwise.model.plan import Computes, Estimate, Plan, WorkEnded, plan_ended
from poolwise.model.profile import Payload, Profile
from poolwise.model.report import Diagnosis, Report

MODULES = [
    importlib.import_module(f"poolwise.model.{module.name}") for module in pkgutil.iter_modules(poolwise.model.__path__)
]
VALUES = sorted(
    {
        kind
        for module in MODULES
        for kind in vars(module).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__.startswith("poolwise.model")
    },
    key=lambda kind: kind.__qualname__,
)


def make_profile(**fields):
    """Make the Profile of items of 0.1 s."""
    known = {
        "items": 5,
        "wall_s": 0.1,
        "first_s": 0.1,
        "spread": 0.0,
        "thread_cpu_s": 0.02,
        "process_cpu_s": 0.02,
        "gil_held": None,
    }
    return Profile(**{**known, **fields})


def test_there_are_values():
    """The search for them finds what it should."""
    assert {Plan, Profile, Report, Diagnosis, Machine, Payload, Computes} <= set(VALUES)


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__qualname__)
def test_values_are_frozen_slotted_and_explained(kind):
    """What crosses a boundary cannot be changed by the other side, and says what it is."""
    assert kind.__dataclass_params__.frozen
    assert kind.__dataclass_params__.eq
    assert "__slots__" in vars(kind)
    assert kind.__doc__
    assert not kind.__doc__.startswith(f"{kind.__name__}(")


@pytest.mark.parametrize(
    "value",
    [
        make_profile(argument=Payload(5, 0.1, "no")),
        Plan(backend="threads", workers=3, estimate=Estimate(1.0, 2.0, 3.0, "GIL"), reasons=(Computes(0.5),)),
        Machine(cores=2),
        Report(plan=Plan(backend="loop"), profile=None, machine=None, items=3),
        Diagnosis(plan=Plan(backend="loop"), profile=None, machine=None, sampled=1, sample_s=0.1, total=None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_can_be_read_back_from_their_repr_and_their_pickle(value):
    """A repr shows every field by its name, and a pickle brings all of it back."""
    names = {kind.__name__: kind for kind in VALUES}
    assert eval(repr(value), names) == value  # noqa: S307 - our own repr
    assert pickle.loads(pickle.dumps(value)) == value
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)


# --- Profile -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "waiting"),
    [
        ({"thread_cpu_s": 0.02}, 0.8),
        ({"thread_cpu_s": 0.02, "process_cpu_s": 0.07}, 0.3),
        ({"thread_cpu_s": 0.0, "process_cpu_s": 0.0}, 1.0),
        ({"thread_cpu_s": 0.3}, 0.0),
        ({"wall_s": 0.0}, 0.0),
    ],
    ids=str,
)
def test_waiting_is_the_share_without_computing(fields, waiting):
    """Of 0.1 s with 0.02 s of CPU four fifths were waiting; never below 0 or above 1."""
    assert make_profile(**fields).waiting == pytest.approx(waiting)


def test_cpu_counts_inner_threads():
    """A function with threads inside needs the CPU of all of them."""
    assert make_profile(thread_cpu_s=0.02, process_cpu_s=0.07).cpu_s == 0.07
    assert make_profile(thread_cpu_s=0.02, process_cpu_s=0.01).cpu_s == 0.02


def test_gil_seconds_are_the_share_of_the_wall_time():
    """Held for a quarter of 0.1 s is 0.025 s."""
    assert make_profile(gil_held=0.25).gil_s == pytest.approx(0.025)
    assert make_profile(gil_held=0.0).gil_s == 0.0


def test_without_a_look_at_the_gil_the_thread_is_taken_to_hold_it():
    """What was not measured is assumed to be as usual: computing holds the GIL."""
    assert make_profile(gil_held=None, thread_cpu_s=0.02, process_cpu_s=0.07).gil_s == 0.02


# --- Plan and words ------------------------------------------------------------------------------------------


def test_an_estimate_is_the_sum_of_its_terms():
    """Start, work and tail."""
    assert Estimate(1.0, 2.0, 4.0).total_s == 7.0


@pytest.mark.parametrize(("coroutine", "backend"), [(False, "loop"), (True, "asyncio")])
def test_the_plan_of_a_run_that_was_over_before_it(coroutine, backend):
    """There was nothing left to plan for; the reason says so."""
    expected = Plan(backend=backend, items=0, reasons=(WorkEnded(7, 0.5),))
    assert plan_ended(7, 0.5, coroutine=coroutine) == expected


def test_a_value_without_words_says_its_repr(monkeypatch):
    """Before anybody has taught it words, a value is told as it is."""
    monkeypatch.setattr(prose, "_teachers", [])
    assert prose.say(Payload(1, 2.0)) == "Payload(bytes=1, seconds=2.0, problem=None)"


def test_words_are_learnt_once_before_they_are_needed(monkeypatch):
    """Teachers are called at the first words and not again."""
    lessons = []
    monkeypatch.setattr(prose, "_teachers", [])
    prose.learn_from(lambda: lessons.append(1))
    assert lessons == []
    assert prose.say(Payload(1, 2.0)) == prose.say(Payload(1, 2.0))
    assert lessons == [1]
