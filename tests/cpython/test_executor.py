"""CPython's own tests of its executors, run over ``Pool``: what is written for those works with this one.

All of them take some minutes: ``make cpython-executor-tests``. Those of ``QUICK`` run wherever other tests do.
"""

from __future__ import annotations

import re

import pytest

from tests.cpython.borrowed import find_cases, find_modules, with_pool

ENDS = "tests/engine/test_executor_ends.py"
TASKS = "tests/engine/test_executor.py"
REWRITTEN = "looks at private fields; rewritten under this name in tests/engine/test_executor_scenarios.py"
AHEAD = "workers start with the pool, and not with the first tasks"
BY_FORK = "uses its context's queue in initargs, which is inherited by a fork only"
NO_LIMIT = "max_tasks_per_child is not offered: a worker that has grown large is replaced without being asked"
NO_FORCE = "terminate_workers and kill_workers are not offered, and it replaces inner parts of the standard library's"
NO_NAMES = "thread_name_prefix is not offered"
TRAVELS = f"closures, local classes and methods travel here, where the test wants an error; {TASKS}"

# Test (a pattern), the cases that skip it (another), and why.
SKIPPED = [
    ("test_cancel_futures", "", f"cancels at once, when maybe no task has begun; test_shutdown_cancels_… in {ENDS}"),
    ("test_context_manager_shutdown", "", REWRITTEN),
    ("test_default_executor", "AsyncioTest", "asyncio takes a ThreadPoolExecutor only for its default executor"),
    ("test_default_workers", "", "32 threads and not 'cores + 4, 32 at most', and looks at a private field for it"),
    ("test_del_shutdown", "", REWRITTEN),
    ("test_failed_worker_replacement_breaks_pool", "", NO_LIMIT),
    ("test_force_shutdown_during_max_tasks_worker_exit", "", NO_LIMIT),
    ("test_force_shutdown_workers.*", "", NO_FORCE),
    ("test_gc_during_max_tasks_worker_exit_gh152967", "", NO_LIMIT),
    ("test_gh105829_should_not_deadlock_if_wakeup_pipe_full", "", REWRITTEN),
    ("test_hang_global_shutdown_lock", "", f"names both of the standard library's executors; {REWRITTEN}"),
    ("test_idle_process_reuse_.*", "", f"{AHEAD}; {REWRITTEN}"),
    ("test_idle_thread_reuse", "", f"{AHEAD}; {REWRITTEN}"),
    ("test_init_closure", "", TRAVELS),
    ("test_init_exception_in_func", "", "asks for words on standard error; here they are in the future's error"),
    ("test_init_func", "", AHEAD),
    ("test_init_instance_method", "", TRAVELS),
    ("test_init_script_args", "", "is expected to fail with the standard library's, and does not here"),
    ("test_initializer", "(Spawn|Forkserver)FailingInitializer", BY_FORK),
    ("test_kill_workers", "", NO_FORCE),
    ("test_killed_child", "", f"a death costs one task and not the pool; test_a_death_costs_… in {TASKS}"),
    ("test_max_tasks_.*", "", NO_LIMIT),
    ("test_max_workers_negative", "", f"asks for other words; test_wrong_arguments_are_refused in {TASKS}"),
    ("test_pickle_errors_propagate", "", "submits what cannot be called, which is refused at once"),
    ("test_processes_terminate", "", REWRITTEN),
    (
        "test_python_finalization_error",
        "",
        "replaces inner parts, so that no thread starts: ours has by then",
    ),
    ("test_saturation", "", REWRITTEN),
    ("test_shutdown_deadlock_pickle", "", REWRITTEN),
    ("test_shutdown_no_wait", "", REWRITTEN),
    ("test_shutdown_no_wait_max_tasks_gh119592", "", NO_LIMIT),
    ("test_submit_(closure|local_instance|instance_method)", "", TRAVELS),
    ("test_submit_exception_in_func", "", "asks for another class of the cause; ours is errors.RemoteTraceback"),
    ("test_terminate_workers", "", NO_FORCE),
    ("test_thread_name.*", "", NO_NAMES),
    ("test_threads_terminate", "", REWRITTEN),
    ("test_traceback.*", "", f"asks for a private class; test_an_error_is_told_to_its_future_alone in {TASKS}"),
]

# Seconds altogether, where it matters most: what an executor is, and how it ends.
QUICK = re.compile(r"(ThreadPool|ProcessPoolFork)(Executor|Shutdown|AsCompleted|Initializer|FailingInitializer)")
# Seconds each: they wait for a timeout, or start many programs or managers.
SLOW = re.compile(
    r"map_timeout|ressources_gced|map_chunksize|hang_gh|hang_issue|interpreter_shutdown|cancel_futures_wait_false"
)


def skipped(case: str, test: str) -> str | None:
    """Tell why a test is not run; None: it is."""
    return next((why for name, cases, why in SKIPPED if re.fullmatch(name, test) and re.search(cases, case)), None)


def slow(case: str, test: str) -> bool:
    """Tell whether a test is left out of what runs all the time."""
    return QUICK.match(case) is None or SLOW.search(test) is not None


modules = find_modules()
globals().update({case.__name__: with_pool(case, skipped, slow, __name__) for case in find_cases(modules)})

if not modules:

    def test_this_python_brings_none_along() -> None:
        """Some builds leave them out: the run says so, and goes on to the next Python."""
        pytest.skip("this Python has no test.test_concurrent_futures")
