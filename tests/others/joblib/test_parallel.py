"""joblib's own tests of ``Parallel``, run over this backend in loky's place.

``make joblib-tests`` runs all of them, some minutes; ``make test`` those of ``QUICK``. The file is the installed
joblib's: ``borrowed.py`` reads it, ``conftest.py`` leaves out what runs over joblib's other backends alone.
"""

from __future__ import annotations

import joblib.parallel
import pytest

import poolwise.joblib
from tests.others.joblib import borrowed

NO_WARNING = "joblib warns of its own backends here; this one can start workers below a thread, and in a daemon"

# Test, the part of its name in brackets (where only some are left out), and why.
SKIPPED = [
    ("test_nested_parallel_warnings", "multiprocessing-True", NO_WARNING),
    ("test_nested_parallel_warnings", "poolwise-True", NO_WARNING),
    (
        "test_parallel_with_interactively_defined_bound_method_loky",
        "",
        "asks for the names of loky's processes in logs",
    ),
    ("test_memmapping_leaks", "", "looks for files in a folder: there are none; test_backend.py looks at the memory"),
    (
        "test_backend_batch_statistics_reset",
        "",
        "private fields of joblib's own batching; test_backend.py has it for ours",
    ),
]

# One of each kind that takes no second, for every day.
QUICK = {
    "test_simple_parallel",
    "test_parallel_kwargs",
    "test_parallel_pickling",
    "test_parallel_byteorder_corruption",
    "test_parallel_timeout_success",
    "test_batching_auto_subprocesses",
    "test_dispatch_one_job",
    "test_exception_dispatch",
    "test_lambda_expression",
    "test_globals_update_at_each_parallel_call",
    "test_memmap_with_big_offset",
    "test_multiple_generator_call_separated",
    "test_nested_parallelism_limit",
    "test_parallel_return_order_with_return_as_generator_parameter",
}

borrowed.load(globals())


@pytest.fixture(autouse=True)
def by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test names no backend, joblib would take loky."""
    monkeypatch.setattr(joblib.parallel, "DEFAULT_BACKEND", "poolwise")
    monkeypatch.setattr(joblib.parallel, "DEFAULT_PROCESS_BACKEND", "poolwise")


@pytest.fixture(autouse=True, scope="module")
def nobody_left() -> object:
    """Workers of the last test end."""
    yield
    poolwise.joblib.end_idle_workers()


# joblib warns where a generator is dropped, and its own tests do not ask for that to fail.
pytestmark = [pytest.mark.filterwarnings("default")]
