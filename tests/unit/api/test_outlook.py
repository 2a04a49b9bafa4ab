"""What the outlook makes of a GIL that is turned on while threads compute side by side."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from poolwise.api import outlook as outlook_module
from poolwise.api.outlook import Outlook
from poolwise.measure.tally import Tally
from poolwise.model.plan import Plan
from tests.unit.decide.facts import make_machine, make_profile

COMPUTES, SLEEPS = make_profile(0.01, cpu=1.0, gil=0.0), make_profile(0.01, cpu=0.01, gil=0.0)
FREE = make_machine(2, gil=False)


def make_outlook(profile, machine=FREE, backend="threads") -> Outlook:
    """Look at a run of two workers, which has told nothing yet."""
    plan = Plan(backend=backend, workers=2)
    scheduler = SimpleNamespace(busy_workers=2, workers=2, waiting=100, left=100, most_workers=None)
    driver = SimpleNamespace(scheduler=scheduler)
    return Outlook(driver, plan, profile, machine, Tally(backend, workers=2), there=2, firsts=None)


@pytest.fixture
def turned_on(monkeypatch):
    """Let some module have turned the GIL on."""
    monkeypatch.setattr(outlook_module, "gil_turned_on_by", lambda: "some.module")


def test_threads_that_lose_their_freedom_are_thought_of_anew(turned_on):
    """At once: nothing has to be measured to know that they take turns from now on."""
    now = make_outlook(COMPUTES).look()
    assert now is not None
    assert (now.gil_held, now.wall_s, now.gil_s) == (None, COMPUTES.wall_s, COMPUTES.thread_cpu_s)


@pytest.mark.parametrize(
    ("profile", "machine", "backend"),
    [(SLEEPS, FREE, "threads"), (COMPUTES, FREE, "processes"), (COMPUTES, make_machine(2, gil_by=""), "threads")],
    ids=["waiting minds no GIL", "processes have one each", "it was on when they were planned"],
)
def test_nothing_else_is(turned_on, profile, machine, backend):
    """Who would be no better off in another way goes on as it is."""
    assert make_outlook(profile, machine, backend).look() is None


def test_while_it_is_off_threads_go_on():
    """Here it never is turned on: this is an ordinary build, or a free-threaded one that nobody has turned on."""
    assert make_outlook(COMPUTES).look() is None
