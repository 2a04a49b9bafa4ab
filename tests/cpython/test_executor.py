"""CPython's own tests of its executors, run over ``Pool``: what is written for those works with this one.

They take some minutes: ``make cpython-executor-tests``.
"""

from __future__ import annotations

import re

import pytest

from tests.cpython.borrowed import find_cases, find_modules, with_pool

pytestmark = [pytest.mark.slow]

FIELDS = "looks at private fields of the standard library's executors"
BY_FORK = "uses its context's queue in initargs, which is inherited by a fork only"
NO_LIMIT = "max_tasks_per_child is not offered: a worker that has grown large is replaced without being asked"

# Test, the cases that skip it (a pattern), and why.
SKIPPED = [
    ("test_cancel_futures", "", "cancels at once, so that maybe no task has begun; tests/engine/test_executor.py"),
    ("test_context_manager_shutdown", "", FIELDS),
    ("test_default_workers", "", "another number of threads, and a private field"),
    ("test_del_shutdown", "", FIELDS),
    ("test_gh105829_should_not_deadlock_if_wakeup_pipe_full", "", "replaces inner parts of the standard library's"),
    ("test_hang_global_shutdown_lock", "", "a lock of the standard library's own; both executors are named in it"),
    ("test_idle_process_reuse_multiple", "", FIELDS),
    ("test_idle_process_reuse_one", "", FIELDS),
    ("test_idle_thread_reuse", "", FIELDS),
    ("test_initializer", "(Spawn|Forkserver)FailingInitializer", BY_FORK),
    ("test_killed_child", "", "a death costs one task and not the pool; tests/engine/test_executor.py"),
    ("test_max_tasks_early_shutdown", "", NO_LIMIT),
    ("test_max_tasks_per_child", "", NO_LIMIT),
    ("test_max_tasks_per_child_defaults_to_spawn_context", "", NO_LIMIT),
    ("test_max_workers_negative", "", "asks for the words of another message; tests/engine/test_executor.py"),
    ("test_processes_terminate", "", FIELDS),
    ("test_python_finalization_error", "", "replaces inner parts of the standard library's"),
    ("test_saturation", "", FIELDS),
    ("test_shutdown_deadlock_pickle", "", FIELDS),
    ("test_shutdown_no_wait", "", FIELDS),
    ("test_thread_names_assigned", "", "thread_name_prefix is not offered"),
    ("test_thread_names_default", "", FIELDS),
    ("test_threads_terminate", "", FIELDS),
    ("test_traceback", "", "asks for the standard library's private class; ours is poolwise.errors.RemoteTraceback"),
]


def skipped(case: str, test: str) -> str | None:
    """Tell why a test is not run; None: it is."""
    return next((why for name, cases, why in SKIPPED if name == test and re.search(cases, case)), None)


modules = find_modules()
globals().update({case.__name__: with_pool(case, skipped, __name__) for case in find_cases(modules)})

if not modules:

    def test_this_python_brings_none_along() -> None:
        """Some builds leave them out: the run says so, and goes on to the next Python."""
        pytest.skip("this Python has no test.test_concurrent_futures")
