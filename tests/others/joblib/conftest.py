"""Which of joblib's own tests are run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from poolwise.joblib import PoolwiseBackend

def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    others = [item for item in items if is_foreign(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


def is_foreign(item: pytest.Item) -> bool:
    if item.path != Path(__file__).with_name("test_parallel.py") or not hasattr(item, "callspec"):
        return False
    given = {name: value for name, value in item.callspec.params.items() if "backend" in name and "n_jobs" not in name}
    kinds = [kind_of(value) for value in given.values()]
    return bool(kinds) and "poolwise" not in kinds


def kind_of(backend: Any) -> str:
    if backend is None:
        return "poolwise"
    if isinstance(backend, str):
        return backend
    return "poolwise" if isinstance(backend, PoolwiseBackend) else type(backend).__name__
