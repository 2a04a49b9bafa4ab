"""joblib's own tests of ``Parallel``, run over this backend in loky's place: ``make joblib-tests`` for all of them."""

from __future__ import annotations

import joblib.parallel
import pytest

import poolwise.joblib
from tests.others.joblib import borrowed

names = set(globals())
borrowed.load(globals())


@pytest.fixture(autouse=True)
def by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test names no backend, joblib would take loky."""
    monkeypatch.setattr(joblib.parallel, "DEFAULT_BACKEND", "poolwise")
    monkeypatch.setattr(joblib.parallel, "DEFAULT_PROCESS_BACKEND", "poolwise")
