import hashlib
import os
import subprocess
import sys
import threading
import time
import warnings

import pytest

from poolwise.measure.free_threading import gil_enabled
from poolwise.measure.gil_meter import GilMeter, Reading
from poolwise.work.threads import gone_at_fork

pytestmark = pytest.mark.skipif(not gil_enabled(), reason="there is no GIL to look at")


@pytest.fixture
def meter():
    """Give a meter that looks; it is ended behind the test."""
    made = GilMeter()
    made.enter()
    yield made
    made.leave()


def busy(seconds):
    """Compute with the GIL for so long on the clock."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def share(meter, work):
    """Measure some work."""
    before, begun = meter.reading(), time.perf_counter()
    work()
    return meter.reading().share_since(before, time.perf_counter() - begun)


def test_who_computes_in_python_holds_the_gil(meter):
    """All the time, but for what is lost to others."""
    assert share(meter, lambda: busy(0.3)) > 0.7


def test_who_sleeps_does_not(meter):
    """Hardly ever."""
    assert share(meter, lambda: time.sleep(0.3)) < 0.3


def test_who_hashes_lets_it_go(meter):
    """A core is busy, and the GIL is free."""
    data = bytes(50_000_000)

    def work():
        for _ in range(6):
            hashlib.sha256(data)

    assert share(meter, work) < 0.4


def test_of_next_to_nothing_nothing_is_told(meter):
    """A look or two may have come at an odd moment."""
    assert Reading(0.001, 0.003).share_since(Reading(), 0.003) is None
    assert Reading(1.0, 1.0).share_since(Reading(), 10.0) is None
    assert Reading(1.0, 2.0).share_since(Reading(), 2.0) == 0.5


def test_computing_that_ends_within_the_first_look_is_seen(meter):
    """Who asks has held the GIL since the look was due."""
    meter.enter()
    try:
        assert meter.reading().seen_s >= 0
        before = meter.reading()
        busy(0.02)
        after = meter.reading()
    finally:
        meter.leave()
    assert after.held_s > before.held_s


def until_it_looks():
    """Wait for the thread: on a busy machine it may take a while to begin."""
    deadline = time.monotonic() + 30
    while not gone_at_fork:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_when_the_last_has_left_its_thread_is_gone():
    """Nobody is left that a fork could miss."""
    meter = GilMeter()
    threads = len(sys._current_frames())
    meter.enter()
    meter.enter()
    meter.leave()
    until_it_looks()
    assert len(sys._current_frames()) == threads + 1
    meter.leave()
    assert len(sys._current_frames()) == threads
    assert not gone_at_fork


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_it_hinders_no_fork():
    """Its thread ends before, so that Python does not warn of threads, and the child can measure anew."""
    program = (
        "import os, sys, time, warnings\n"
        "warnings.simplefilter('error')\n"
        "from poolwise.measure.gil_meter import GilMeter\n"
        "meter = GilMeter()\n"
        "meter.enter()\n"
        "time.sleep(0.05)\n"
        "pid = os.fork()\n"
        "threads = len(os.listdir('/proc/self/task')) if os.path.exists('/proc/self/task') else 1\n"
        "meter.enter(); time.sleep(0.05); meter.leave()\n"
        "if pid: sys.exit(os.waitpid(pid, 0)[1] or (threads != 1))\n"
        "os._exit(threads != 1)\n"
    )
    subprocess.run([sys.executable, "-X", "dev", "-c", program], check=True)


def test_many_may_ask_at_once(meter):
    """Threads enter and leave in any order, and there is one that looks."""
    threads = [threading.Thread(target=lambda: [meter.enter(), time.sleep(0.01), meter.leave()]) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    until_it_looks()
    assert len(gone_at_fork) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert share(meter, lambda: busy(0.1)) is not None
