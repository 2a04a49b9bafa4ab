"""The GIL watch on real work of some 30 ms a piece: nothing else tells whether it is right."""

from __future__ import annotations

import _thread
import contextvars
import hashlib
import queue
import signal
import threading
import time

import pytest

from poolwise.measure.free_threading import gil_enabled
from poolwise.measure.gil import MOST_IDLE_NAPS, NAP_S, GilWatch, _Look

needs_gil = pytest.mark.skipif(not gil_enabled(), reason="this interpreter runs without the GIL: nobody holds it")

WORK_S = 0.03
# On a busy machine a thread may wake late for want of a core: one good try of five shows what the watch can see.
TRIES = 5
BLOCK = b"x" * (1 << 20)


def compute(seconds):
    """Hold the GIL as pure Python does."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(100))


def digest(seconds):
    """Compute without the GIL, as large hashes do."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        hashlib.sha256(BLOCK).digest()


def look_at(work):
    """Give the share of the time in which ``work`` was seen to hold the GIL; None where there were too few looks."""
    watch = GilWatch()
    watch.resume()
    work()
    watch.stop()
    return watch.held


def seen(work, *, least=0.0, most=1.0, look=look_at):
    """Tell whether the watch sees what it should in one try at least."""
    tries = (look(work) for _ in range(TRIES))
    return any(held is not None and least <= held <= most for held in tries)


@needs_gil
def test_pure_python_holds_the_gil():
    """A loop of Python code holds the GIL nearly all the time."""
    assert seen(lambda: compute(WORK_S), least=0.7)


@needs_gil
def test_sleeping_does_not_hold_the_gil():
    """Who sleeps has let the GIL go."""
    assert seen(lambda: time.sleep(WORK_S), most=0.3)


def hot_line(work):
    """Give the line in which ``work`` was seen most."""
    watch = GilWatch()
    watch.resume()
    work()
    watch.stop()
    return watch.hot()


@needs_gil
def test_who_sleeps_is_seen_waiting_in_the_line_that_sleeps():
    """The watch looks at the thread that it was resumed in, and at its CPU clock."""
    tries = [hot_line(lambda: time.sleep(WORK_S)) for _ in range(TRIES)]
    assert {(hot.file, hot.callee) for hot in tries if hot is not None} == {(__file__, "sleep")}
    assert max(hot.waiting_share for hot in tries if hot is not None) > 0.7


@needs_gil
def test_who_computes_is_seen_computing():
    """Also on a busy machine: who keeps the GIL and has no core is in the queue for one, and does not wait."""
    tries = [hot_line(lambda: compute(WORK_S)) for _ in range(TRIES)]
    assert {hot.function for hot in tries if hot is not None} == {"compute"}
    assert min(hot.waiting_share for hot in tries if hot is not None) < 0.3


@needs_gil
def test_hashing_large_blocks_does_not_hold_the_gil():
    """SHA-256 of a megabyte computes without the GIL."""
    assert seen(lambda: digest(WORK_S), most=0.3)


@needs_gil
def test_half_and_half_is_seen_as_such():
    """A held GIL is looked at less often than a free one, which must not count: looks weigh by their time."""

    def work():
        compute(WORK_S)
        time.sleep(WORK_S)

    assert seen(work, least=0.35, most=0.65)


@needs_gil
def test_a_paused_watch_counts_nothing():
    """What happens between pause and resume is not the work's."""

    def look(work):
        watch = GilWatch()
        watch.resume()
        time.sleep(WORK_S)
        watch.pause()
        work()
        watch.resume()
        time.sleep(WORK_S)
        watch.stop()
        return watch.held

    assert seen(lambda: compute(WORK_S), most=0.3, look=look)


@pytest.mark.parametrize(("queued_s", "held"), [(0.0, 0.5), (0.0015, 0.25), (0.003, 0.0), (1.0, 0.0)])
def test_what_was_late_for_want_of_a_core_is_not_held(queued_s: float, held: float):
    """On a busy machine a look comes late though nobody holds the GIL."""
    watch = GilWatch()
    watch._stretches = [(0.0, 1.0)]
    watch._looks = [_Look(0.1, 0.101, 0.104), _Look(0.2, 0.204, 0.204)]
    watch._queued_s = queued_s
    assert watch.held == pytest.approx(held)


def test_looks_count_by_the_time_of_the_work_that_they_stand_for():
    """Of 9 ms of work in two stretches, late looks cover 2 and 4 ms, and prompt ones the rest."""
    watch = GilWatch()
    watch._stretches = [(0.0, 0.006), (0.1, 0.103)]
    watch._looks = [
        _Look(-0.5, 0.001, 0.002),
        _Look(0.002, 0.0025, 0.05),
        _Look(0.05, 0.06, 0.09),
        _Look(0.09, 0.1002, 0.1003),
        _Look(0.1003, 0.1029, 0.103),
    ]
    assert watch.naps == 4
    assert watch.held == pytest.approx(0.006 / 0.009)


def test_one_look_says_nothing():
    """A single look is a coin that was thrown once, but for one that waited for as long as no accident takes."""
    watch = GilWatch()
    watch._stretches = [(0.0, 1.0)]
    watch._looks = [_Look(0.1, 0.101, 0.102)]
    assert (watch.naps, watch.held) == (1, None)
    watch._looks = [_Look(0.1, 0.2, 0.9)]
    assert (watch.naps, watch.held) == (1, 1.0)


def test_who_watches_looks_at_the_work_too_but_only_while_it_runs():
    """The callback is called by the watching thread between two naps, and not in a pause."""
    seen_by, enough = [], threading.Event()

    def look():
        seen_by.append(_thread.get_ident())
        if len(seen_by) >= 3:
            enough.set()

    watch = GilWatch(look)
    watch.resume()
    assert enough.wait(10)
    watch.pause()
    watch.stop()
    assert set(seen_by) != {_thread.get_ident()}
    assert len(set(seen_by)) == 1
    count = len(seen_by)
    watch.stop()
    assert len(seen_by) == count


def test_the_watching_thread_has_the_context_of_who_began_it():
    """Threads that it starts for the caller see the caller's context variables, as they would in a loop."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="lost")
    found: queue.SimpleQueue[str] = queue.SimpleQueue()
    watch = GilWatch(lambda: found.put(variable.get()))
    variable.set("kept")
    watch.resume()
    assert found.get(timeout=10) == "kept"
    watch.stop()


def test_an_interrupted_stop_can_be_repeated():
    """A Ctrl-C in the middle of stop() comes out of it as itself, and the next stop() ends what is left."""
    hold = threading.Event()
    at_it = threading.Event()

    def look():
        at_it.set()
        hold.wait(10)

    watch = GilWatch(look)
    watch.resume()
    assert at_it.wait(10)
    with pytest.raises(InterruptedHere):
        interrupted(watch.stop)
    hold.set()
    watch.stop()
    watch.stop()


class InterruptedHere(BaseException):
    """Stands for a Ctrl-C."""


def interrupted(act):
    """Call ``act``, and interrupt it by a signal once it waits."""

    def stop_here(_number, _frame):
        raise InterruptedHere

    before = signal.signal(signal.SIGALRM, stop_here)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        act()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_stop_leaves_no_thread():
    """After stop() the watching thread is gone, so that the process may fork."""
    before = _thread._count()
    watch = GilWatch()
    watch.resume()
    began = eventually(lambda: _thread._count() == before + 1)
    watch.stop()
    assert began
    assert eventually(lambda: _thread._count() == before)


def test_the_thread_is_not_one_of_threading():
    """The watch does not look like a thread of the user's."""
    watch = GilWatch()
    before = threading.active_count()
    watch.resume()
    during = threading.active_count()
    watch.stop()
    assert during == before


def test_an_idle_watch_ends_by_itself_and_can_be_resumed():
    """A consumer that never comes back does not leave a thread that wakes 2000 times a second for ever."""
    watch = GilWatch()
    before = _thread._count()
    watch.resume()
    watch.pause()
    assert eventually(lambda: _thread._count() == before + 1)
    assert eventually(lambda: _thread._count() == before)
    watch.resume()
    time.sleep(4 * NAP_S)
    watch.stop()
    assert watch.naps >= 1


def test_a_watch_that_never_ran_can_be_stopped_and_says_nothing():
    """Nothing seen is None, not zero."""
    watch = GilWatch()
    watch.pause()
    watch.stop()
    watch.stop()
    assert (watch.held, watch.naps, watch.cpu_s) == (None, 0, 0.0)


def test_watching_tells_what_it_cost():
    """The CPU of the watching is known, so that it is not taken for the work's."""
    watch = GilWatch()
    watch.resume()
    time.sleep(10 * NAP_S)
    watch.stop()
    assert 0 < watch.cpu_s < 0.01


def eventually(true):
    """Wait until ``true()``, for a second at most: threads end when the system gets to it."""
    deadline = time.monotonic() + 1 + 2 * MOST_IDLE_NAPS * NAP_S
    while not true() and time.monotonic() < deadline:
        time.sleep(NAP_S)
    return true()


@needs_gil
def test_work_elsewhere_is_not_looked_for_here():
    """Where another thread runs it, this one's lines say nothing of it."""
    watch = GilWatch(here=False)
    watch.resume()
    time.sleep(WORK_S)
    watch.stop()
    assert watch.hot() is None
    assert watch.naps > 0
