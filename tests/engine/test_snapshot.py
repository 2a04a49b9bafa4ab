"""The copy that is made before the first item: it dies, its workers die, its parent dies, somebody presses Ctrl-C."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import poolwise
from poolwise.engine.start_snapshot import SnapshotStarter
from poolwise.errors import WorkerDiedError
from poolwise.measure.free_threading import gil_enabled
from poolwise.measure.machine import usable_cores
from poolwise.measure.probe import Probe
from tests.engine.programs import WATCHDOG_S, descendants, files_in, lives, running_program, wait_until

pytestmark = pytest.mark.skipif(
    usable_cores()[0] < 2 or not gil_enabled(), reason="a copy is made where there are two cores, and a GIL"
)
# Promised; the rest of what a test waits is for a machine that is busy with something else.
GONE_S = 1.0
BUSY_S = 4.0


@pytest.fixture(autouse=True)
def computing(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the GIL may be seen wrongly; what follows from it is to be seen here."""
    monkeypatch.setattr(Probe, "gil_held", 1.0)


def compute(seconds: float) -> None:
    """Hold the GIL for so long, by the clock of this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(100))


def compute_until(path: Path) -> None:
    """Compute until somebody has made a file."""
    deadline = time.monotonic() + WATCHDOG_S
    while not path.exists():
        assert time.monotonic() < deadline, f"nobody came to make {path.name}"
        compute(0.001)


def kill(pid: int) -> None:
    """Kill a child of this process and wait until it is dead; whoever started it still has to reap it."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def run(function: Any, items: Any, **options: Any) -> Any:
    """Run with nothing said of how."""
    return poolwise.map(function, items, progress=False, **options)


# --- The copy dies -------------------------------------------------------------------------------------------


def test_a_copy_that_is_killed_before_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no company then while the first item runs; the rest is run as if there had never been a copy."""
    made: list[int] = []
    make = SnapshotStarter.__init__

    def make_and_kill(self: SnapshotStarter, *args: Any) -> None:
        make(self, *args)
        made.append(self._nursery.process.pid)
        kill(made[-1])

    monkeypatch.setattr(SnapshotStarter, "__init__", make_and_kill)
    results = run(lambda item: compute(0.05) or (item, os.getpid()), range(4))
    assert [item for item, _ in results] == [0, 1, 2, 3]
    assert (results[0][1], len(made)) == (os.getpid(), 1)
    assert results.report.failed == 0


def test_a_copy_that_is_killed_after_it_has_forked(tmp_path: Path) -> None:
    """Its worker lives on and gives its result; each item is run once."""

    def function(item: int) -> int:
        with (tmp_path / f"calls-{item}").open("a") as file:
            file.write("x")
        if item == 1:
            (tmp_path / "parent").write_text(str(os.getppid()))
            (tmp_path / "parent").rename(tmp_path / "begun-1")
        if item == 0:
            compute_until(tmp_path / "begun-1")
            kill(int((tmp_path / "begun-1").read_text()))
        compute(0.02)
        return item

    results = run(function, range(5))
    assert results == [0, 1, 2, 3, 4]
    assert [path.read_text() for path in sorted(files_in(tmp_path, "calls-*"))] == ["x"] * 5


# --- Its workers die -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("crash_retries", "deaths"), [(0, 1), (1, 2), (2, 3)])
def test_a_worker_of_the_copy_that_dies_names_its_item(tmp_path: Path, crash_retries: int, deaths: int) -> None:
    """It is tried again as often as was said, and never by the calling thread, which has nothing else to do by then."""
    home = os.getpid()

    def function(item: int) -> int:
        if item == 1:
            (tmp_path / "begun-1").touch()
            assert os.getpid() != home
            os.kill(os.getpid(), signal.SIGKILL)
        if item == 0:
            compute_until(tmp_path / "begun-1")
        compute(0.01)
        return item

    results = run(function, range(6), errors="collect", crash_retries=crash_retries)
    failure = results[1]
    assert isinstance(failure, poolwise.Failure)
    assert isinstance(failure.error, WorkerDiedError)
    assert "SIGKILL" in str(failure.error)
    assert (failure.index, failure.attempts) == (1, deaths)
    assert [results[index] for index in (0, 2, 3, 4, 5)] == [0, 2, 3, 4, 5]
    assert results.report.deaths == deaths


def test_a_worker_that_was_killed_once_costs_nothing_but_time(tmp_path: Path) -> None:
    """Somebody has killed it from outside: the item is run again, elsewhere."""
    home = os.getpid()

    def function(item: int) -> int:
        if item == 1 and not (tmp_path / "begun-1").exists():
            (tmp_path / "begun-1").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if item == 0:
            compute_until(tmp_path / "begun-1")
        if item == 1:
            assert os.getpid() != home
        return item

    results = run(function, range(3))
    assert results == [0, 1, 2]
    assert results.report.deaths == 1


# --- Its parent dies -----------------------------------------------------------------------------------------

PROGRAM = """
    import os, pathlib, time
    import poolwise
    from poolwise.measure.probe import Probe

    Probe.gil_held = 1.0
    folder = pathlib.Path({folder!r})

    def work(item):
        (folder / f"begun-{{item}}").touch()
        {work}

    try:
        poolwise.map(work, range(2), progress=False)
    except KeyboardInterrupt:
        print("interrupted")
"""
# What the items do, and the processes below the program: the copy, and its worker where it was asked for one.
DOING = {"waiting": ("time.sleep(600)", 1), "computing": ("while True: pass", 2)}


@pytest.mark.parametrize("doing", DOING)
def test_nothing_outlives_a_killed_parent(tmp_path: Path, doing: str) -> None:
    """Neither the copy, which waits to be asked, nor its worker."""
    work, processes = DOING[doing]
    with running_program(tmp_path, PROGRAM.format(folder=str(tmp_path), work=work)) as program:
        wait_until(lambda: len(files_in(tmp_path, "begun-*")) == 2, "both items are under way")
        below = descendants(program.pid)
        assert len(below) == processes
        os.kill(program.pid, signal.SIGKILL)
        program.wait()
        wait_until(lambda: not any(map(lives, below)), "all are gone", within_s=GONE_S + BUSY_S)


@pytest.mark.parametrize("whom", ["the program", "its group"])
@pytest.mark.parametrize("doing", DOING)
def test_ctrl_c_while_the_first_item_has_company(tmp_path: Path, doing: str, whom: str) -> None:
    """It comes out of map as KeyboardInterrupt; nothing is left, and nothing is printed by anybody else."""
    work, processes = DOING[doing]
    with running_program(tmp_path, PROGRAM.format(folder=str(tmp_path), work=work)) as program:
        wait_until(lambda: len(files_in(tmp_path, "begun-*")) == 2, "both items are under way")
        below = descendants(program.pid)
        assert len(below) == processes
        (os.kill if whom == "the program" else os.killpg)(program.pid, signal.SIGINT)
        out, err = program.communicate(timeout=GONE_S + BUSY_S)
        assert (program.returncode, out, err) == (0, "interrupted\n", "")
        wait_until(lambda: not any(map(lives, below)), "all are gone", within_s=GONE_S + BUSY_S)
