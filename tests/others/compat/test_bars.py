"""The drop-ins that show a bar, with the real tqdm and real processes."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

PROGRAM = """
from tqdm import tqdm
from poolwise.compat.tqdm import process_map

def square(number):
    return number * number

results = process_map(square, range(50), max_workers=2, tqdm_class=tqdm, desc="squares", unit="number")
assert results == [number ** 2 for number in range(50)]
print(results.report.plan.backend, results.report.plan.start_method, tqdm.monitor)
"""


@pytest.mark.skipif(find_spec("tqdm") is None, reason="tqdm is not installed")
def test_the_bar_of_tqdm_reaches_its_end_and_keeps_no_worker_from_being_forked():
    """By itself it starts a thread, beside which workers cannot be forked, and take half a second each to start."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert ran.stdout == "processes fork None\n"
    assert "squares: 100%" in ran.stderr
    assert "50/50" in ran.stderr
