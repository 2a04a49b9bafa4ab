"""Cores that others keep busy: believed only where every look agrees, and never by mistake for our own work."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolwise.measure.load import Load, cores_busy, own_running, read_load


@pytest.fixture
def proc(tmp_path):
    """Make up what the system tells: the running threads at each look, and the states of our own and our children's."""

    class Proc:
        path = str(tmp_path)
        naps = 0

        def say(self, *running, average="3.00"):
            self.running = list(running)
            self.average = average
            self.nap(0)

        def nap(self, _seconds):
            self.naps += 1
            running = self.running.pop(0) if len(self.running) > 1 else self.running[0]
            (tmp_path / "loadavg").write_text(f"{self.average} 1.00 1.00 {running}/200 4242\n")

        def thread(self, pid, thread, state, children=""):
            folder = tmp_path / pid / "task" / thread
            folder.mkdir(parents=True)
            (folder / "stat").write_text(f"{thread} (a) R) {state} 1 1 1")
            (folder / "children").write_text(children)

        def busy(self, installed=4, allowed=4):
            return cores_busy(installed, allowed, proc=self.path, nap=self.nap)

    made = Proc()
    made.thread("self", "10", "R", children="20 ")
    made.thread("self", "11", "S")
    made.thread("20", "20", "S")
    return made


def test_an_idle_machine_needs_one_look(proc):
    """Whoever asks is running, and nobody else is."""
    proc.say(1)
    assert (proc.busy(), proc.naps) == (0, 1)


def test_what_runs_in_every_look_keeps_cores_busy(proc):
    """The least of all looks counts."""
    proc.say(4, 3, 5, 3)
    assert proc.busy() == 2


@pytest.mark.parametrize("looks", [(2, 1, 2, 2), (2, 2, 2, 1)])
def test_one_look_that_finds_nobody_ends_it(proc, looks):
    """What runs for a moment is no load."""
    proc.say(*looks)
    assert proc.busy() == 0


def test_who_only_began_is_not_believed(proc):
    """The minute's average must show half a thread for each."""
    proc.say(4, average="0.49")
    assert proc.busy() == 0
    proc.say(4, average="1.10")
    assert proc.busy() == 2


def test_our_own_threads_and_children_are_no_others(proc):
    """A worker that starts, or a library's thread that spins, is our own work."""
    proc.thread("self", "12", "R")
    proc.thread("20", "21", "R")
    assert own_running(proc.path) == 3
    proc.say(3)
    assert proc.busy() == 0
    proc.say(5)
    assert proc.busy() == 2


def test_a_host_that_is_busy_elsewhere_leaves_us_our_cores(proc):
    """Of 64 cores this process may use 2: what the 62 others can hold is thought to be there."""
    proc.say(60, average="60.00")
    assert proc.busy(installed=64, allowed=2) == 0
    proc.say(64, average="64.00")
    assert proc.busy(installed=64, allowed=2) == 1


def test_never_more_than_there_are(proc):
    """A long queue keeps no more cores busy than there are."""
    proc.say(50, average="50.00")
    assert proc.busy() == 4


@pytest.mark.parametrize("text", ["", "garbage", "0.00 0.00 0.00 0/0 1", "0.0 0.0 0.0 x/1 1", "1 2 3"])
def test_where_nothing_sensible_is_told_nobody_is_busy(proc, text):
    """Other systems, and sandboxes that make the file up."""
    Path(proc.path, "loadavg").write_text(text)
    assert cores_busy(4, 4, proc=proc.path, nap=lambda _: None) == 0
    assert cores_busy(4, 4, proc="/nowhere") == 0


def test_the_file_is_read_as_it_is(proc):
    """Average of the last minute, and threads that want a core now."""
    proc.say(7, average="2.50")
    assert read_load(proc.path) == Load(2.5, 7)
