"""A plugin for pytest: scikit-learn's own tests of ``n_jobs``, each within ``joblib.parallel_config("poolwise")``.

``make sklearn-tests`` runs it over the installed scikit-learn. A test is one of ``n_jobs`` where its source names it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import joblib
import pytest

import poolwise.joblib
from poolwise.joblib import PoolwiseBackend

# Test, and why it is not run.
SKIPPED: dict[str, str] = {}

sent = {"batches": 0, "tests": 0}
submit = PoolwiseBackend.submit


def count(self: PoolwiseBackend, func: Any, callback: Any = None) -> Future[Any]:
    """Send a batch, and count it."""
    sent["batches"] += 1
    return submit(self, func, callback)


def pytest_configure() -> None:
    """Count from now on."""
    PoolwiseBackend.submit = count  # type: ignore[method-assign]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run tests of ``n_jobs`` only."""
    others = [item for item in items if not is_of_n_jobs(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if is_of_n_jobs(item)]
    for item in items:
        name = getattr(item, "originalname", item.name)
        if name in SKIPPED:
            item.add_marker(pytest.mark.skip(SKIPPED[name]))


def is_of_n_jobs(item: pytest.Item) -> bool:
    """Tell whether a test names ``n_jobs``, or joblib's ``Parallel``."""
    function = getattr(item, "function", None)
    return function is not None and any(word in inspect.getsource(function) for word in ("n_jobs", "Parallel("))


@pytest.fixture(autouse=True)
def over_poolwise() -> Iterator[None]:
    """Run the test over this backend."""
    before = sent["batches"]
    with joblib.parallel_config("poolwise"):
        yield
    sent["tests"] += sent["batches"] > before


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much really came this way."""
    poolwise.joblib.end_idle_workers()
    terminalreporter.write_line(f"{sent['tests']} tests sent {sent['batches']} batches over poolwise")
