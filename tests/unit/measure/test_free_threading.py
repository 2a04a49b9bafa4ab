"""What is said of the GIL of a free-threaded build: on or off, for good or for some moments, and by what."""

from __future__ import annotations

import itertools
import sys
from types import ModuleType

import pytest

from poolwise.measure import free_threading
from poolwise.measure.free_threading import ASKED_FOR, MOMENT_S, gil_enabled, gil_stays, gil_turned_on_by

SAYS = (
    "The global interpreter lock (GIL) has been enabled to load module 'some.module', which has not declared that it "
    "can run safely without the GIL. To override this behavior ..."
)


@pytest.fixture
def build(monkeypatch):
    """Stand for a free-threaded build in which nobody has asked for a GIL, nothing is known, and nothing warned."""
    monkeypatch.setattr(free_threading, "FREE_THREADED", True)
    monkeypatch.setattr(free_threading, "_known", None)
    monkeypatch.delitem(sys._xoptions, "gil", raising=False)
    monkeypatch.delenv("PYTHON_GIL", raising=False)
    monkeypatch.setitem(sys.modules, "_frozen_importlib", ModuleType("_frozen_importlib"))
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: True, raising=False)
    return monkeypatch


@pytest.fixture
def clock(monkeypatch):
    """Let time go by in naps only; give how long the naps were."""
    naps = []
    monkeypatch.setattr(free_threading.time, "sleep", naps.append)
    monkeypatch.setattr(free_threading.time, "monotonic", lambda: sum(naps))
    return naps


def test_gil_enabled_asks_the_interpreter(monkeypatch):
    """Interpreters before 3.13 do not say, and have one."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert not gil_enabled()
    monkeypatch.delattr(sys, "_is_gil_enabled")
    assert gil_enabled()


def test_the_warning_of_the_import_system_names_the_module(build):
    """It is kept where all modules keep which warnings they have given."""
    kept = {"version": 0, (SAYS, RuntimeWarning, 488): True}
    sys.modules["_frozen_importlib"].__warningregistry__ = kept
    assert gil_turned_on_by() == "some.module"
    assert gil_stays()


def test_what_is_known_stays_known(build):
    """The warning may be forgotten, when filters change; what is on stays on."""
    sys.modules["_frozen_importlib"].__warningregistry__ = {(SAYS, RuntimeWarning, 488): True}
    assert gil_turned_on_by() == "some.module"
    sys.modules["_frozen_importlib"].__warningregistry__ = {"version": 1}
    assert gil_turned_on_by() == "some.module"


@pytest.mark.parametrize("way", ["variable", "option"])
def test_who_asked_for_it_is_told_so(build, way):
    """By the environment, or by an option of the interpreter."""
    if way == "variable":
        build.setenv("PYTHON_GIL", "1")
    else:
        build.setitem(sys._xoptions, "gil", "1")
    assert gil_turned_on_by() == ASKED_FOR


def test_a_module_that_nobody_has_named_is_not_known(build, clock):
    """Where the warning was ignored, all that is known is that it stays on."""
    assert gil_turned_on_by() == ""
    assert gil_stays()
    assert sum(clock) >= MOMENT_S


def test_a_gil_that_is_on_while_a_module_is_loaded_does_not_count(build, clock):
    """Loading any extension module turns it on for some moments."""
    looks = itertools.count()
    build.setattr(sys, "_is_gil_enabled", lambda: next(looks) < 3)
    assert gil_turned_on_by() is None
    assert not gil_stays()
    assert sum(clock) < MOMENT_S


@pytest.mark.parametrize("free_threaded", [True, False])
def test_nothing_turns_on_what_is_off_or_always_there(build, free_threaded):
    """An ordinary build has its GIL from nobody; a free-threaded one that has none has nothing to tell either."""
    build.setattr(free_threading, "FREE_THREADED", free_threaded)
    build.setattr(sys, "_is_gil_enabled", lambda: not free_threaded)
    assert gil_turned_on_by() is None
    assert gil_stays() is not free_threaded
