"""A hundred thousand items while another process kills workers at random."""

from __future__ import annotations

import collections
import functools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import poolwise
from tests.contract.functions import lines, note

COUNT = 100_000
# So much work an item that the run lasts for tens of kills.
ROUNDS = 4000
# The killer: knows nothing but a process number, and kills a worker of it twice a second. It spares the nursery of a
# forkserver, which takes half a second to start on a busy machine: nothing could ever start beside it.
KILLER = """
import os, random, signal, sys, time
import psutil

parent, rng, killed = psutil.Process(int(sys.argv[1])), random.Random(2), 0
while True:
    time.sleep(0.5)
    try:
        nurseries = {each.pid for each in parent.children() if "engine.nursery" in " ".join(each.cmdline())}
        victims = [each for each in parent.children(recursive=True) if each.pid not in {os.getpid(), *nurseries}]
        if victims:
            victim = rng.choice(victims)
            victim.send_signal(signal.SIGKILL)
            print(victim.pid, flush=True)
    except psutil.NoSuchProcess:
        continue
"""


@contextmanager
def killer() -> Iterator[list[int]]:
    """Let the killer loose; afterwards, the list holds the numbers of its victims."""
    command = [sys.executable, "-c", KILLER, str(os.getpid())]
    victims: list[int] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield victims
        finally:
            process.kill()
            victims += map(int, process.communicate()[0].split())


def work(item: int) -> int:
    """Compute for a little."""
    return sum(range(ROUNDS)) + item


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.parametrize("verb", ["map", "imap"])
def test_a_run_survives_a_killer(method: str, verb: str) -> None:
    """Complete, correct, in order, and each result exactly once."""
    options = {"backend": "processes", "max_workers": 2, "start_method": method, "progress": False}
    with killer() as killed:
        results = list(getattr(poolwise, verb)(work, range(COUNT), **options))
    total = sum(range(ROUNDS))
    assert results == [total + item for item in range(COUNT)]
    assert len(killed) >= 4


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_kill_repeats_only_what_was_under_way(tmp_path: Path) -> None:
    """Of 400 items, those that were called more than once were with a worker that died; none has two results."""
    calls = tmp_path / "calls"
    options = {"backend": "processes", "max_workers": 2, "start_method": "fork", "chunksize": 2}
    with killer() as killed:
        results = poolwise.map(functools.partial(noted_work, calls), range(400), **options)
    assert killed
    assert results == list(range(400))
    often = collections.Counter(map(int, lines(calls)))
    assert sorted(often) == list(range(400))
    # Chunks of two: a death repeats two items at the most, and the suspect once more.
    assert sum(often.values()) - 400 <= 3 * results.report.deaths


def noted_work(calls: Path, item: int) -> int:
    """Leave a line and take ten milliseconds."""
    note(calls, item)
    time.sleep(0.01)
    return item
