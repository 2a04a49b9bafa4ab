"""For all tests: what the one who starts them may have left different."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

from poolwise.measure import machine

# A shell that runs the tests in the background ignores Ctrl-C, and every program that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
# A busy machine takes longer for an example, and that says nothing; a hang is found by pytest's own timeout.
settings.register_profile("poolwise", deadline=None)
settings.load_profile("poolwise")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else this machine has to do changes no plan."""
    monkeypatch.setattr(machine, "cores_busy", lambda *_: 0)
