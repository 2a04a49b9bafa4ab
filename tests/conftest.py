"""For all tests: what the one who starts them may have left different."""

from __future__ import annotations

import signal

import pytest

from poolwise.measure import machine

# A shell that runs the tests in the background ignores Ctrl-C, and every program that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else this machine has to do changes no plan."""
    monkeypatch.setattr(machine, "cores_busy", lambda *_: 0)
