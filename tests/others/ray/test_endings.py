"""What is left of a run on Ray whose program is interrupted, killed or cut off: nothing on the cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.functions import lines
from tests.others.ray.conftest import CPUS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_kept"), pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[3]
PATIENCE_S = 120.0
COUNT = 30

RUN = """
import functools, sys
import poolwise
from tests.others.ray import functions

address, path, journal, seconds, count = sys.argv[1:]
work = functools.partial(functions.linger_noted, functions.Path(path), float(seconds))
results = poolwise.map(work, range(int(count)), backend="ray", cluster=address, max_workers=2, chunksize=1,
                       progress=False, journal=journal or None)
assert results == list(range(int(count)))
"""


def begin(address: str, path: Path, seconds: float, journal: Path | str = "") -> subprocess.Popen[str]:
    """Start a program that runs on the cluster; its own process group, as that of a terminal."""
    command = [sys.executable, "-c", RUN, address, str(path), str(journal), str(seconds), str(COUNT)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for(path: Path, count: int) -> None:
    """Wait until so many items have begun."""
    deadline = time.monotonic() + PATIENCE_S
    while len(lines(path)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ctrl_c_frees_the_cpus_at_once(cluster: str, free: Callable[[], float], tmp_path: Path):
    """Ctrl-C in the middle of long items ends the program with KeyboardInterrupt, and the actors with it."""
    program = begin(cluster, tmp_path / "calls", 600.0)
    wait_for(tmp_path / "calls", 2)
    os.killpg(program.pid, signal.SIGINT)
    _, told = program.communicate(timeout=PATIENCE_S)
    assert "KeyboardInterrupt" in told
    assert program.returncode != 0
    assert free() == CPUS
    assert len(lines(tmp_path / "calls")) == 2


def test_a_killed_program_is_taken_up_again(cluster: str, free: Callable[[], float], tmp_path: Path):
    """After a kill -9 of the caller's program its actors end, and the journal knows what was done."""
    path, journal = tmp_path / "calls", tmp_path / "run.journal"
    program = begin(cluster, path, 0.2, journal)
    wait_for(path, 12)
    program.kill()
    program.communicate(timeout=PATIENCE_S)
    assert free() == CPUS
    before = len(lines(path))
    again = begin(cluster, path, 0.2, journal)
    _, told = again.communicate(timeout=PATIENCE_S)
    assert (again.returncode, told) == (0, "")
    # What each worker had under way or ahead when the program died, and what had not been written down yet.
    assert COUNT <= len(lines(path)) <= COUNT + 10
    assert before < COUNT
    assert set(map(int, lines(path))) == set(range(COUNT))
