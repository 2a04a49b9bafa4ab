"""joblib's own ``test_parallel.py``, as the installed joblib brings it along, turned from loky to ``"poolwise"``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

HOME = "joblib.test.test_parallel"

# What is loky's there is ours here; programs that tests start have to register it.
TURNED = [
    ('"loky"', '"poolwise"'),
    ("from joblib import Parallel, delayed", "import poolwise.joblib; from joblib import Parallel, delayed"),
    # Marks that joblib's own configuration knows.
    ("pytest.mark.thread_unsafe", "pytest.mark.timeout(120)"),
    ("@pytest.mark.no_cover", "@pytest.mark.timeout(120)"),
    # Of a generator that is dropped, another call's workers know nothing: joblib expects that of all but loky.
    ('("poolwise", True),\n        ("threading", False)', '("poolwise", False),\n        ("threading", False)'),
    (" is LokyBackend", " is poolwise.joblib.PoolwiseBackend"),
    # What cannot travel out of a worker: loky's error for it, and ours.
    ("(TerminatedWorkerError, PicklingError)", "(poolwise.errors.ErrorShippingError, PicklingError)"),
    # A large array is no file that was mapped; that it comes, and what is in it, stays to be looked at.
    ("if not isinstance(a, np.memmap):", "if not isinstance(a, np.ndarray):"),
]


def load(into: dict[str, Any]) -> None:
    """Run its code in the namespace of a module of ours, so that workers can import what is defined there."""
    found = importlib.util.find_spec(HOME)
    assert found is not None
    assert found.origin is not None
    source = Path(found.origin).read_text()
    for words, ours in TURNED:
        assert words in source, f"{HOME} has changed: {words}"
        source = source.replace(words, ours)
    exec(compile(source, found.origin, "exec"), into)  # noqa: S102 - joblib's own tests
