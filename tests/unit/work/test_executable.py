"""Which Python a fresh worker is started by."""

from __future__ import annotations

import sys
from multiprocessing import spawn

import pytest

from poolwise.measure.machine import start_methods
from poolwise.work.executable import is_frozen, python


@pytest.fixture(autouse=True)
def told(monkeypatch) -> None:
    """Nobody has named an interpreter but Python itself."""
    monkeypatch.setattr(spawn, "_python_exe", sys.executable)


def test_this_python() -> None:
    """As a rule it is the one that runs here."""
    assert (python(), is_frozen()) == (sys.executable, False)


def test_an_embedded_python_has_none(monkeypatch) -> None:
    """Where nobody knows its executable."""
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(spawn, "_python_exe", None)
    assert python() is None


@pytest.mark.parametrize("named", ["/opt/python", b"/opt/python"])
def test_what_was_named_to_multiprocessing(monkeypatch, named) -> None:
    """By ``set_executable``, in a frozen program too."""
    monkeypatch.setattr(spawn, "_python_exe", named)
    assert python() == "/opt/python"
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert python() == "/opt/python"


def test_a_frozen_program_is_no_python(monkeypatch) -> None:
    """It would run itself again; only a fork needs no Python."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert (python(), is_frozen()) == (None, True)
    monkeypatch.setattr(sys, "platform", "linux")
    assert start_methods() == ("fork",)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert start_methods() == ()
