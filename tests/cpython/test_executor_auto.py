"""CPython's own tests of its executors over ``Pool("auto")``: those of threads, where its tasks begin."""

from __future__ import annotations

import re
import unittest

import pytest

from tests.cpython.borrowed import find_cases, with_pool
from tests.cpython.executors import Chooses
from tests.cpython.test_executor import SLOW, modules
from tests.cpython.test_executor import skipped as skipped_anyway

# Programs of their own name the executor, and are turned to one for all: tests/engine/test_pool_auto.py has one.
PROGRAMS = re.compile("test_((submit_after_)?interpreter_shutdown|cancel_futures_wait_false|hang_gh83386)")

QUICK = re.compile("ThreadPool(Executor|Shutdown|AsCompleted|Initializer|FailingInitializer)")


def skipped(case: str, test: str) -> str | None:
    """Tell why a test is not run; None: it is."""
    return "runs a program with another kind of pool" if PROGRAMS.match(test) else skipped_anyway(case, test)


def slow(case: str, test: str) -> bool:
    """Tell whether a test is left out of what runs all the time."""
    return QUICK.match(case) is None or SLOW.search(test) is not None


def over_auto(case: type[unittest.TestCase]) -> type[unittest.TestCase]:
    """Give a test case of threads with ``Pool("auto")`` as its executor."""
    made = with_pool(case, skipped, slow, __name__)
    made.executor_type = Chooses  # type: ignore[attr-defined]
    return made


cases = [case for case in find_cases(modules) if case.__name__.startswith("ThreadPool")]
globals().update({case.__name__: over_auto(case) for case in cases})

if not modules:

    def test_this_python_brings_none_along() -> None:
        """Some builds leave them out: the run says so, and goes on to the next Python."""
        pytest.skip("this Python has no test.test_concurrent_futures")
