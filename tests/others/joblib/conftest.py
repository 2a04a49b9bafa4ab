"""Which of joblib's own tests are run, and which of them every day."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

# Environments for other Pythons may lack the extra.
collect_ignore_glob = [] if importlib.util.find_spec("joblib") else ["test_*.py"]
BORROWED = Path(__file__).with_name("test_parallel.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has nothing of this backend in it, and mark what takes long."""
    borrowed = [item for item in items if item.path == BORROWED]
    others = {item for item in borrowed if is_about_others(item)}
    config.hook.pytest_deselected(items=[*others])
    items[:] = [item for item in items if item not in others]
    for item in borrowed:
        name, _, case = item.name.partition("[")
        for test, cases, why in item.module.SKIPPED:
            if name == test and cases in case:
                item.add_marker(pytest.mark.skip(why))
        if name not in item.module.QUICK:
            item.add_marker(pytest.mark.slow)


def is_about_others(item: pytest.Item) -> bool:
    """Tell whether a test runs over backends of joblib's own alone, as it always has."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    kinds = [kind_of(value) for name, value in given.items() if "backend" in name and "n_jobs" not in name]
    return bool(kinds) and "poolwise" not in kinds


def kind_of(backend: Any) -> str:
    """Name a backend, which may be given as a name or as itself."""
    if backend is None:
        return "poolwise"
    if isinstance(backend, str):
        return backend
    return "poolwise" if type(backend).__name__ == "PoolwiseBackend" else type(backend).__name__
