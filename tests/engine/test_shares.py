"""What workers must not share, and what they must: random numbers, the cores for libraries, pools in pools."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import poolwise
from tests.engine.programs import run_program
from tests.engine.test_surroundings import each_method, processes

# --- Random streams ------------------------------------------------------------------------------------------------


@each_method
@pytest.mark.parametrize("seed", [None, 5])
def test_numpys_numbers_are_each_items_own(tmp_path: Path, method: str, seed: int | None) -> None:
    """NumPy's global generator is another in each worker and run; with a seed it is the same in every run.

    NumPy imports its generators only when they are first asked for, which here is in an item.
    """
    pytest.importorskip("numpy")
    (tmp_path / "drawing.py").write_text(
        "import random\nimport numpy\n\ndef draw(item):\n    return float(numpy.random.rand()), random.random()\n"
    )
    source = f"""
        import poolwise
        from drawing import draw

        options = {{"seed": {seed}, "chunksize": 1, "backend": "processes", "start_method": {method!r}}}
        one = poolwise.map(draw, range(6), max_workers=3, **options)
        other = poolwise.map(draw, range(6), max_workers=1, **options)
        loop = poolwise.map(draw, range(6), seed={seed}, backend="loop")
        threads = poolwise.map(draw, range(6), seed={seed}, backend="threads", max_workers=3)
        print(len({{*one, *other, *loop, *threads}}), one == other == loop == threads)
    """
    done = run_program(tmp_path, source)
    assert done.stdout == ("24 False\n" if seed is None else "6 True\n"), done.stderr


# --- Threads of libraries, and pools in pools ----------------------------------------------------------------------


def read_environment(item):
    """Read what libraries that are loaded later will read."""
    return os.environ.get("OMP_NUM_THREADS"), os.environ.get("OPENBLAS_NUM_THREADS")


@each_method
@pytest.mark.parametrize(
    ("cores", "options", "environment", "expected"),
    [
        ("4", {"max_workers": 2}, {}, ("2", "2")),
        ("2", {"max_workers": 4}, {}, ("1", "1")),
        ("2", {"max_workers": 2, "inner_max_num_threads": 9}, {}, ("9", "9")),
        ("4", {"max_workers": 2}, {"OMP_NUM_THREADS": "3"}, ("3", None)),
        ("4", {"max_workers": 2}, {"OPENBLAS_NUM_THREADS": "3"}, ("2", "3")),
        ("4", {"max_workers": 2, "inner_max_num_threads": 9}, {"OMP_NUM_THREADS": "3"}, ("9", "9")),
    ],
)
def test_libraries_read_their_share_of_the_cores(  # noqa: PLR0917 - the columns of the table
    monkeypatch: pytest.MonkeyPatch, method: str, cores: str, options, environment, expected
) -> None:
    """Workers times threads are no more than the cores, unless the user has said it otherwise."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("poolwise.measure.machine.usable_cores", lambda: (int(cores), "os"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = read_environment(None)
    assert poolwise.map(read_environment, range(4), **{**processes(method), **options}) == [expected] * 4
    assert read_environment(None) == before


# OpenBLAS takes no more threads from its environment than there are cores.
BLAS_MOST = min(2, len(os.sched_getaffinity(0)))


@each_method
@pytest.mark.parametrize(("options", "expected"), [({}, 1), ({"inner_max_num_threads": BLAS_MOST}, BLAS_MOST)])
def test_a_loaded_blas_keeps_to_its_share(tmp_path: Path, method: str, options, expected: int) -> None:
    """A BLAS that was loaded before the run has in each worker what it may have, and here what it had."""
    pytest.importorskip("numpy")
    (tmp_path / "counting.py").write_text(
        "import numpy, threadpoolctl\n\n"
        "def count(item=None):\n"
        "    ones = numpy.ones((300, 300))\n"
        "    assert ((ones @ ones) == 300).all()\n"
        "    return max(each['num_threads'] for each in threadpoolctl.threadpool_info())\n"
    )
    source = f"""
        import os
        os.environ["OPENBLAS_NUM_THREADS"] = "4"
        import poolwise
        from counting import count
        del os.environ["OPENBLAS_NUM_THREADS"]

        before, options = count(), {options}
        results = poolwise.map(count, range(4), backend="processes", start_method={method!r}, max_workers=64, **options)
        print(results, before == count())
    """
    done = run_program(tmp_path, source)
    assert done.stdout == f"{[expected] * 4} True\n", done.stderr


def three_deep(depth):
    """Start a pool in a pool in a pool, and give the processes that there were: pid and parent's pid."""
    own = {(os.getpid(), os.getppid())}
    if depth == 0:
        return own
    return own.union(*poolwise.map(three_deep, [depth - 1] * 4, backend="processes", progress=False))


@each_method
def test_pools_in_pools_are_no_fork_bomb(method: str) -> None:
    """Forced three deep, a pool inside a worker has one worker: its share of the cores."""
    found = set().union(*poolwise.map(three_deep, [2] * 2, **processes(method)))
    assert len({pid for pid, _ in found}) <= 2 + 2 * (1 + 4)
