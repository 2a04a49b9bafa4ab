"""The hottest line, found by looking at real threads that are known to be where they are."""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import queue
import threading
import time
import weakref

import pytest

from poolwise.measure.cpu import ThreadClock
from poolwise.measure.free_threading import gil_enabled
from poolwise.measure.sampler import MOST_BYTES, MOST_FRAMES, Sampler, Stacks, called_at, called_on, kind_of
from poolwise.work.call import make_call
from poolwise.work.chunk import ChunkRules, run_chunk

pytestmark = pytest.mark.skipif(not gil_enabled(), reason="frames of a thread that runs without the GIL are not read")

PATIENCE_S = 30.0


class Held:
    """A chunk of one item in a thread of its own, whose function waits until it is let go."""

    def __init__(self, function):
        """Start it, and come back once the function is there."""
        self.gate = queue.SimpleQueue()
        self.there = threading.Event()
        call = make_call(lambda _: function(self), spread=False)
        self.thread = threading.Thread(target=run_chunk, args=(call, [0], ChunkRules()))

    def __enter__(self):
        """Start it, and wait until the function says that it is there and then waits."""
        self.thread.start()
        assert self.there.wait(PATIENCE_S)
        return self

    def __exit__(self, *_):
        """Let it go, and see it end."""
        self.gate.put(None)
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


def wait_here(held):
    """Wait in a C function that this very line calls."""
    held.there.set()
    held.gate.get(timeout=PATIENCE_S)


def line_of(function, offset):
    """Give the number of a line of a function's source, counted from its ``def``."""
    return function.__code__.co_firstlineno + offset


@contextlib.contextmanager
def sampling():
    """Have a sampler, which holds nothing afterwards."""
    sampler = Sampler()
    try:
        yield sampler
    finally:
        sampler.rest()


def looked(held, times=4, **how):
    """Look so many times at the thread that is held."""
    with sampling() as sampler:
        for _ in range(times):
            sampler.look(held.thread.ident, **{"waiting": True, **how})
    return sampler


def settled(held, callee):
    """Look until the thread has gone the last step from saying that it is there to waiting."""
    end = time.monotonic() + PATIENCE_S
    while True:
        hot = looked(held).hot()
        if (hot is not None and hot.callee == callee) or time.monotonic() > end:
            return hot


def test_the_line_and_the_c_function_that_it_called():
    """Who waits in C is found by the line that called, and the call is named from the source."""
    with Held(wait_here) as held:
        hot = settled(held, "get")
    assert (hot.file, hot.line, hot.function) == (__file__, line_of(wait_here, 3), "wait_here")
    assert (hot.callee, hot.share, hot.waiting_share, hot.samples) == ("get", 1.0, 1.0, 4)


def test_a_library_in_between_is_walked_through():
    """The line is the user's own; what is called is the innermost that is known."""

    def encode(held):
        return json.JSONEncoder(default=lambda _: library["wait"](held)).encode([object()])

    library = {}
    source = "def wait(held):\n held.there.set()\n return held.gate.get(timeout=30)"
    exec(compile(source, os.__file__, "exec"), library)  # noqa: S102 - code that seems to be the standard library's
    with Held(encode) as held:
        hot = settled(held, "wait")
    assert (hot.line, hot.callee) == (line_of(encode, 1), "wait")


def test_where_all_is_a_librarys_the_innermost_line_stands_for_it():
    """A function of an installed package, given as it is, has no line of the user's own."""
    waited = threading.Event()
    thread = threading.Thread(target=run_chunk, args=(make_call(waited.wait, spread=False), [PATIENCE_S], ChunkRules()))
    thread.start()
    end = time.monotonic() + PATIENCE_S
    try:
        with sampling() as sampler:
            while (hot := sampler.hot()) is None or hot.callee != "acquire":
                assert time.monotonic() < end
                sampler.look(thread.ident, waiting=True)
    finally:
        waited.set()
        thread.join(PATIENCE_S)
    assert hot.file == threading.__file__


def test_waiting_and_computing_are_told_apart_and_weighed_by_time():
    """Each look counts for the time that it stands for."""
    with Held(wait_here) as held, sampling() as sampler:
        settled(held, "get")
        sampler.look(held.thread.ident, waiting=True, seconds=0.0)
        sampler.look(held.thread.ident, waiting=True, seconds=0.001)
        sampler.look(held.thread.ident, waiting=False, seconds=0.003)
    assert sampler.hot().waiting_share == pytest.approx(0.25)


def test_one_look_says_nothing():
    """A single look may have come at an odd moment."""
    with Held(wait_here) as held:
        assert looked(held, 1).hot() is None


def test_what_is_not_in_the_users_function_is_not_counted():
    """A thread that does something else, or has ended, is not looked at."""
    ended = threading.Thread(target=lambda: None)
    ended.start()
    ended.join()
    with sampling() as sampler:
        for _ in range(4):
            sampler.look(ended.ident, waiting=True)
            sampler.look(-1, waiting=True)
    assert sampler.hot() is None


def test_a_deep_recursion_of_a_library_is_given_up():
    """A look is short, whatever the stack."""
    library = {}
    source = """
def down(depth, held):
    if depth:
        return down(depth - 1, held)
    held.there.set()
    held.gate.get(timeout=30)
"""
    exec(compile(source, os.__file__, "exec"), library)  # noqa: S102 - see above
    with Held(lambda held: library["down"](MOST_FRAMES, held)) as held:
        assert looked(held).hot() is None
    with Held(lambda held: library["down"](MOST_FRAMES // 2, held)) as held:
        assert looked(held).hot() is not None


def test_no_frame_is_held():
    """What a function keeps in its variables is let go when it ends, looked at or not."""

    class Big:
        pass

    kept = {}

    def keep(held):
        big = Big()
        kept["ref"] = weakref.ref(big)
        wait_here(held)

    with Held(keep) as held:
        sampler = looked(held)
    del held
    gc.collect()
    assert kept["ref"]() is None
    assert sampler.hot() is not None


def test_a_look_is_short():
    """The fastest of many takes less than 20 µs, in a stack of some depth."""
    times = []
    with Held(wait_here) as held, sampling() as sampler:
        for _ in range(200):
            begun = time.perf_counter()
            sampler.look(held.thread.ident, waiting=True)
            times.append(time.perf_counter() - begun)
    assert min(times) < 20e-6


# --- Where no frame can be held -----------------------------------------------------------------------------------

WITHOUT_FRAMES = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="stacks are read into a file in memory")


@pytest.fixture
def stacks():
    """Make what reads stacks."""
    stacks = Stacks()
    yield stacks
    stacks.close()


@WITHOUT_FRAMES
def test_a_stack_is_read_without_frames(stacks):
    """Innermost first, of this thread and no other; of one that is gone there is none."""
    with Held(wait_here) as held:
        stack = stacks.of(held.thread.ident)
    places = [(file, name) for file, _, name, *_ in stack]
    mine = (__file__, "wait_here")
    assert mine in places
    assert places.index(mine) < places.index((run_chunk.__code__.co_filename, "run_chunk"))
    assert stacks.of(held.thread.ident) == []
    assert stacks.of(threading.get_ident())[0][2] == "of"


@WITHOUT_FRAMES
def test_no_more_is_read_than_there_is_room_for(stacks):
    """A run that lasts for days is not seen to its end."""
    mine, times = threading.get_ident(), 0
    while stacks.of(mine):
        times += 1
        assert times * 100 < MOST_BYTES
    assert times > 20


@WITHOUT_FRAMES
def test_what_is_written_in_other_letters_is_read(tmp_path, stacks):
    """A file's name may hold any; a function's too."""
    there, gate, library = threading.Event(), queue.SimpleQueue(), {}
    file = str(tmp_path / "späße €" / "grüße.py")
    source = "def wait(there, gate):\n there.set()\n gate.get(timeout=30)"
    exec(compile(source, file, "exec"), library)  # noqa: S102 - a file that need not be there
    thread = threading.Thread(target=library["wait"], args=(there, gate))
    thread.start()
    try:
        assert there.wait(PATIENCE_S)
        files = {place[0] for place in stacks.of(thread.ident)}
    finally:
        gate.put(None)
        thread.join(PATIENCE_S)
    assert file in files


@WITHOUT_FRAMES
def test_where_no_file_can_be_had_nothing_is_seen(monkeypatch):
    """A program that has all its files open is run none the less."""

    def refuse(_name):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", refuse)
    with Held(wait_here) as held, sampling() as sampler:
        sampler._frames, sampler._dumps = False, True
        for _ in range(4):
            sampler.look(held.thread.ident, waiting=True)
    assert sampler.hot() is None


@WITHOUT_FRAMES
def test_stacks_are_read_seldom(monkeypatch):
    """Each takes longer than to hold a frame: of 200 looks seven, each for the time since the last one."""
    read, of = [], Stacks.of
    monkeypatch.setattr(Stacks, "of", lambda stacks, thread: read.append(thread) or of(stacks, thread))
    with Held(wait_here) as held, sampling() as sampler:
        sampler._frames, sampler._dumps = False, True
        for _ in range(200):
            sampler.look(held.thread.ident, waiting=True, seconds=2**-11)
    hot = sampler.hot()
    assert (len(read), hot.samples) == (7, 7)
    assert 2**-5 < sampler._seconds < 200 * 2**-11
    assert (hot.file, hot.function, hot.waiting_share) == (__file__, "wait_here", 1.0)


@pytest.mark.parametrize(
    ("line", "name", "function"),
    [
        ("return session.get(url(1))", "get", "f"),
        ("total += 1", "", "f"),
        ("for page in fetch(urls):", "fetch", "f"),
        ("if ready(x):", "ready", "f"),
        ("else: work(1)", "", "f"),
        ("elif not done(x):", "done", "f"),
        ("await asyncio.sleep(1)", "sleep", "f"),
        ("(tables[0])(1)", "", "f"),
        ("text = '", "", "f"),
        ("", "", "f"),
        ("run(lambda: sleep(1))", "run", "f"),
        ("run(lambda: sleep(1))", "sleep", "<lambda>"),
        ("done = [read(each) for each in find(1)]", "read", "<listcomp>"),
    ],
    ids=str,
)
def test_a_call_is_found_in_a_line(tmp_path, line, name, function):
    """The outermost one, which is called last; nothing where the line alone is no statement."""
    file = tmp_path / "program.py"
    file.write_text(f"def f():\n    {line}\n")
    assert called_on(str(file), 2, function) == name


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        (__file__, "own"),
        ("<stdin>", "own"),
        ("/home/ada/ipykernel_7/1.py", "own"),
        (threading.__file__, "library"),
        ("<frozen importlib._bootstrap>", "library"),
        ("/opt/venv/lib/python3.11/site-packages/requests/api.py", "library"),
        ("/usr/lib/python3/dist-packages/requests/api.py", "library"),
        (run_chunk.__code__.co_filename, "caller"),
        (Sampler.__init__.__code__.co_filename, "ours"),
    ],
)
def test_whose_code_a_file_is(file, kind):
    """The user's own is what nobody else has installed."""
    assert kind_of(file) == kind


def test_what_is_no_call_has_no_name():
    """An instruction that only computes calls nothing; code without source has no names either."""

    def add(a, b):
        return a + b

    width = len(add.__code__.co_code)
    assert {called_at(add.__code__, offset) for offset in range(0, width, 2)} == {""}
    assert called_at(add.__code__, -1) == ""
    unseen = compile("f(1)", "<nowhere>", "eval")
    assert {called_at(unseen, offset) for offset in range(0, len(unseen.co_code), 2)} == {""}


def test_a_call_is_named_as_it_is_written():
    """A method by its own name, an awaited call by the call's, letters beyond ASCII before it or not."""

    def calls(thing, box):
        box.get("späße" + str(len(thing)))
        return (thing[0])()

    names = {called_at(calls.__code__, offset) for offset in range(0, len(calls.__code__.co_code), 2)}
    assert {"get", "len", "str", ""} == names


def test_the_clock_of_a_thread_is_read_by_another():
    """It tells what that thread computed; once the thread has ended, nothing."""
    clocks, go = queue.SimpleQueue(), threading.Event()

    def work():
        clocks.put(ThreadClock())
        end = time.thread_time() + 0.01
        while time.thread_time() < end:
            pass
        go.wait(PATIENCE_S)

    thread = threading.Thread(target=work)
    thread.start()
    clock, end = clocks.get(timeout=PATIENCE_S), time.monotonic() + PATIENCE_S
    if clock.cpu_s() is None:
        go.set()
        pytest.skip("this system does not tell")
    while clock.cpu_s() < 0.01:
        assert time.monotonic() < end
    go.set()
    thread.join(PATIENCE_S)
    assert clock.thread_id == thread.ident
