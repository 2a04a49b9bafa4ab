"""CPython's own executor tests, as the interpreter that runs them brings them along, turned to ``Pool``.

On 3.12 and newer they are a package, before that one module; some builds of Python leave them out.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import os
import unittest
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

from poolwise.errors import FunctionExitedError, InitializerError, ShippingError, WorkerDiedError
from tests.cpython.executors import Processes, Threads

HOME = "test.test_concurrent_futures"
PARTS = ["test_thread_pool", "test_process_pool", "test_wait", "test_as_completed", "test_shutdown", "test_init"]
PARTS += ["test_deadlock"]

# What a task fails with here, where the standard library breaks the whole pool, or lets a worker's error through.
ERRORS = {
    "BrokenProcessPool": (WorkerDiedError, ShippingError),
    "BrokenExecutor": InitializerError,
    "PicklingError": ShippingError,
    "SystemExit": (FunctionExitedError, ShippingError, WorkerDiedError),
}


def find_modules() -> list[ModuleType]:
    """Import the tests; none where this Python has none."""
    try:
        home = importlib.import_module(HOME)
    except ImportError:
        return []
    modules = [importlib.import_module(f"{HOME}.{part}") for part in PARTS] if hasattr(home, "__path__") else [home]
    for module in modules:
        _turn(module)
    return modules


def find_cases(modules: list[ModuleType]) -> Iterator[type[unittest.TestCase]]:
    """List the test cases that run with an executor."""
    for module in modules:
        for _, case in inspect.getmembers(module, inspect.isclass):
            with_executor = issubclass(case, unittest.TestCase) and hasattr(case, "executor_type")
            if with_executor and case.__module__ == module.__name__:
                yield case


def with_pool(
    case: type[unittest.TestCase], skipped: Callable[[str, str], str | None], home: str
) -> type[unittest.TestCase]:
    """Give the same test case with ``Pool`` as its executor."""
    contents: dict[str, Any] = {
        "__module__": home,
        "executor_type": Processes if hasattr(case, "ctx") else Threads,
        # The words of our error are in the future; nothing is logged besides.
        "_assert_logged": lambda self, words: nullcontext(),
    }
    for name in dir(case):
        reason = skipped(case.__name__, name) if name.startswith("test") else None
        if reason is not None:
            contents[name] = unittest.skip(reason)(lambda self: None)
    return type(case.__name__, (case,), contents)


def _turn(module: ModuleType) -> None:
    for name, ours in ERRORS.items():
        if hasattr(module, name) or hasattr(builtins, name):
            setattr(module, name, ours)
    if hasattr(module, "assert_python_ok"):
        module.assert_python_ok = _turned(module.assert_python_ok)


def _turned(run: Callable[..., Any]) -> Callable[..., Any]:
    """Run a program that names its executor with ours."""
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([str(Path(root, "src")), root])

    def assert_python_ok(*arguments: str, **variables: str) -> Any:
        *before, source = arguments
        ours = source.replace("from concurrent.futures import", "from tests.cpython.executors import")
        ours = ours.replace("ThreadPoolExecutor", "Threads")
        # One of them uses it without importing it, since it is never run with processes.
        return run(*before, "import multiprocessing\n" + ours, PYTHONPATH=paths, **variables)

    return assert_python_ok
