"""What is measured of a task while it runs in a thread, beside others."""

from __future__ import annotations

import threading
import time

import pytest

from poolwise.measure.trial import TrialWatch, with_payloads


def compute(cpu_s):
    """Compute for so long, however long it takes."""
    until = time.thread_time() + cpu_s
    while time.thread_time() < until:
        sum(range(1_000))


def watched(deed):
    """Measure it in this thread."""
    watch = TrialWatch()
    deed()
    return watch.end()


def test_computing_is_no_waiting():
    """All of its time is its own CPU, or was taken by others."""
    profile = watched(lambda: compute(0.03))
    assert profile.thread_cpu_s == pytest.approx(0.03, rel=0.2)
    assert profile.waiting < 0.7


def test_waiting_needs_next_to_no_cpu():
    """Nor the GIL."""
    profile = watched(lambda: time.sleep(0.05))
    assert profile.thread_cpu_s < 0.02
    assert profile.cpu_s <= profile.wall_s


def test_what_other_threads_compute_meanwhile_is_not_its_own_waiting():
    """Half of the time the other one has the GIL; alone, it would take half as long."""
    ended = threading.Event()

    def compute_until_the_end():
        while not ended.is_set():
            sum(range(1_000))

    other = threading.Thread(target=compute_until_the_end)
    other.start()
    profile = watched(lambda: compute(0.05))
    ended.set()
    other.join()
    assert profile.waiting < 0.7


def test_another_thread_may_ask_meanwhile():
    """Where the system tells it the CPU of a thread."""
    begun, told = threading.Event(), threading.Event()
    watches = []

    def work():
        watches.append(TrialWatch())
        compute(0.01)
        begun.set()
        told.wait(20)
        watches[0].end()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(20)
    so_far = watches[0].so_far()
    told.set()
    thread.join()
    assert so_far is None or so_far.thread_cpu_s >= 0.01


class Exits:
    """Ends whoever pickles it."""

    def __reduce__(self):
        raise SystemExit(3)


def test_what_cannot_be_pickled_is_told():
    """Also where pickling wants to end the program."""
    profile = with_payloads(watched(lambda: None), Exits(), threading.Lock())
    assert "SystemExit" in profile.argument.problem
    assert "cannot pickle" in profile.result.problem
