"""CPython's own tests of ``multiprocessing.Pool``, run over the drop-in: what is written for that works with this one.

``make cpython-executor-tests`` runs them, where the interpreter brings them along.
"""

from __future__ import annotations

import importlib
import multiprocessing
import unittest
from typing import Any
from unittest import mock

import pytest

from poolwise.compat.multiprocessing import Pool, ThreadPool

pytestmark = [pytest.mark.slow]

FIELDS = "looks at private fields of the standard library's pool"

# Test, and why it is skipped. Each has a counterpart in tests/unit/compat where there is something to see.
SKIPPED = {
    "test_imap_handle_iterable_exception": "asks for the error of the iterable a chunk early, not in its turn",
    "test_make_pool": FIELDS,
    "test_map_unplicklable": "asks for the item's own error; ours is ItemShippingError, with it as its cause",
    "test_resource_warning": FIELDS,
    "test_traceback": "asks for the standard library's private class; ours is poolwise.errors.RemoteTraceback",
    "test_unpickleable_result": "asks for the standard library's MaybeEncodingError; ours is ResultShippingError",
}


def find_tests() -> Any:
    """Import the tests; None where this Python has none."""
    try:
        return importlib.import_module("test._test_multiprocessing")
    except ImportError:
        return None


def with_ours(name: str, kind: str, ours: type[Pool], tests: Any) -> type[unittest.TestCase]:
    """Give a test case of theirs with our pool."""
    case, mixin = getattr(tests, f"_{name}"), getattr(tests, f"{kind}Mixin")
    contents: dict[str, Any] = {"__module__": __name__, "Pool": ours, "setUp": patched}
    for test in SKIPPED.keys() & set(dir(case)):
        contents[test] = unittest.skip(SKIPPED[test])(lambda self: None)
    return type(f"{kind}{name}", (case, mixin, unittest.TestCase), contents)


def patched(self: unittest.TestCase) -> None:
    """Have ``multiprocessing.Pool`` be ours, for tests that make their pools by this name."""
    patch = mock.patch.object(multiprocessing, "Pool", Pool)
    patch.start()
    self.addCleanup(patch.stop)


tests = find_tests()
if tests is None:

    def test_this_python_brings_none_along() -> None:
        """Some builds leave them out: the run says so, and goes on to the next Python."""
        pytest.skip("this Python has no test._test_multiprocessing")
else:
    ProcessesTestPool = with_ours("TestPool", "Processes", Pool, tests)
    ThreadsTestPool = with_ours("TestPool", "Threads", ThreadPool, tests)
    ProcessesTestPoolWorkerErrors = with_ours("TestPoolWorkerErrors", "Processes", Pool, tests)
