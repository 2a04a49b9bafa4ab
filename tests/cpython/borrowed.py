"""CPython's own executor tests, as the interpreter that runs them brings them along, turned to ``Pool``.

On 3.12 and newer they are a package, before that one module; some builds of Python leave them out.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
import os
import unittest
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import poolwise
from poolwise.errors import FunctionExitedError, InitializerError, ShippingError, WorkerDiedError
from tests.cpython.executors import Interpreters, Processes, Threads

HOME = "test.test_concurrent_futures"
PARTS = ["test_thread_pool", "test_process_pool", "test_wait", "test_as_completed", "test_shutdown", "test_init"]
PARTS += ["test_deadlock", "test_interpreter_pool"]

# What a task fails with here, where the standard library breaks the whole pool, or lets a worker's error through.
ERRORS = {
    "BrokenProcessPool": (WorkerDiedError, ShippingError),
    "BrokenExecutor": InitializerError,
    "BrokenInterpreterPool": InitializerError,
    "PicklingError": ShippingError,
    "SystemExit": (FunctionExitedError, ShippingError, WorkerDiedError),
}

STAND_INS = {
    "ThreadPoolExecutor": "Threads",
    "ProcessPoolExecutor": "Processes",
    "InterpreterPoolExecutor": "Interpreters",
}


def find_modules() -> list[ModuleType]:
    """Import the tests; none where this Python has none."""
    try:
        home = importlib.import_module(HOME)
    except ImportError:
        return []
    modules = [_import(part) for part in PARTS] if hasattr(home, "__path__") else [home]
    found = [module for module in modules if module is not None]
    for module in found:
        _turn(module)
    return found


def _import(part: str) -> ModuleType | None:
    """Import a part; None where it is younger than this Python."""
    try:
        return importlib.import_module(f"{HOME}.{part}")
    except ModuleNotFoundError as error:
        if error.name != f"{HOME}.{part}":
            raise
        return None


def find_cases(modules: list[ModuleType]) -> Iterator[type[unittest.TestCase]]:
    """List the test cases that run with an executor."""
    for module in modules:
        for _, case in inspect.getmembers(module, inspect.isclass):
            with_executor = issubclass(case, unittest.TestCase) and hasattr(case, "executor_type")
            if with_executor and case.__module__ == module.__name__:
                yield case


def with_pool(
    case: type[unittest.TestCase],
    skipped: Callable[[str, str], str | None],
    slow: Callable[[str, str], bool],
    home: str,
) -> type[unittest.TestCase]:
    """Give the same test case with ``Pool`` as its executor."""
    contents: dict[str, Any] = {
        "__module__": home,
        "executor_type": _ours(case),
        # The words of our error are in the future; nothing is logged besides.
        "_assert_logged": lambda self, words: nullcontext(),
    }
    for name in dir(case):
        if not name.startswith("test"):
            continue
        reason = skipped(case.__name__, name)
        if reason is not None:
            contents[name] = unittest.skip(reason)(lambda self: None)
        elif slow(case.__name__, name):
            contents[name] = pytest.mark.slow(_copy(getattr(case, name)))
    return type(case.__name__, (case,), contents)


def _copy(test: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function of its own: other cases have the same one, and a mark would be on all of them."""

    @functools.wraps(test)
    def run(self: unittest.TestCase) -> Any:
        return test(self)

    return run


def _ours(case: type[unittest.TestCase]) -> type[poolwise.Pool]:
    if hasattr(case, "ctx"):
        return Processes
    return Interpreters if "Interpreter" in case.executor_type.__name__ else Threads  # type: ignore[attr-defined]


def _turn(module: ModuleType) -> None:
    for name, ours in ERRORS.items():
        if hasattr(module, name) or hasattr(builtins, name):
            setattr(module, name, ours)
    if hasattr(module, "assert_python_ok"):
        module.assert_python_ok = _turned(module.assert_python_ok)


def _turned(run: Callable[..., Any]) -> Callable[..., Any]:
    """Run a program that names its executor with ours."""
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([str(Path(root, "src")), root, os.environ.get("PYTHONPATH", "")])

    def assert_python_ok(*arguments: str, **variables: str) -> Any:
        *before, source = arguments
        ours = source.replace("from concurrent.futures import", "from tests.cpython.executors import")
        for theirs, name in (
            ("ThreadPool", "Threads"),
            ("ProcessPool", "Processes"),
            ("InterpreterPool", "Interpreters"),
        ):
            ours = ours.replace(f"{theirs}Executor", name)
        # One of them uses it without importing it, since it is never run with processes.
        return run(*before, "import multiprocessing\n" + ours, PYTHONPATH=paths, **variables)

    return assert_python_ok
