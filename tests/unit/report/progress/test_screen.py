"""The screen that all runs share: lines at the bottom, prints above, and nothing left when it ends."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.report.progress import screen
from tests.unit.report.progress.glass import Glass


def row(text):
    """Make a line that is cut to the terminal."""
    return lambda width: text[:width]


@pytest.fixture
def terminal(monkeypatch):
    """Put one terminal in the place of both standard streams; in the test itself, since pytest puts its own before."""
    made = []

    def make():
        made.append(Glass())
        monkeypatch.setattr(sys, "stdout", made[0])
        monkeypatch.setattr(sys, "stderr", made[0])
        return made[0]

    yield make
    for each in made:
        each.shut()


def test_prints_go_above_the_lines_and_the_lines_go_in_the_end(terminal):
    """What is printed stays as it was printed; the terminal's own streams are back."""
    glass = terminal()
    print("before")
    screen.show("a", row("run a 1/9"))
    print("one", 1)
    screen.show("b", row("run b 1/5"))
    print("two", file=sys.stderr)
    screen.show("a", row("run a 2/9"))
    assert glass.shown == ["before", "one 1", "two", "run a 2/9", "run b 1/5"]
    screen.remove("a")
    print("three\nfour")
    assert glass.shown == ["before", "one 1", "two", "three", "four", "run b 1/5"]
    screen.remove("b")
    assert glass.shown == ["before", "one 1", "two", "three", "four"]
    assert sys.stdout is sys.stderr is glass


def test_a_prompt_is_seen_before_its_line_ends(terminal):
    """A line that the caller has begun stands above ours once it is flushed, and goes on where it was."""
    glass = terminal()
    screen.show("a", row("run"))
    print("name? ", end="", flush=True)
    assert glass.shown == ["name?", "run"]
    screen.show("a", row("run on"))
    print("Ada")
    assert glass.shown == ["name? Ada", "run on"]
    print("no end", end="")
    screen.remove("a")
    assert glass.shown == ["name? Ada", "no end"]


def test_a_line_that_was_begun_before_is_not_drawn_over(terminal):
    """``print("working ... ", end="")`` before the run: our line comes below, and the text stays."""
    glass = terminal()
    print("working ... ", end="", flush=True)
    screen.show("a", row("run"))
    screen.show("a", row("run on"))
    assert glass.shown == ["working ...", "run on"]
    screen.remove("a")
    print("done")
    assert glass.shown == ["working ...", "done"]


def test_a_window_that_becomes_narrower_leaves_nothing_behind(terminal):
    """The terminal breaks the old line in two: both parts go."""
    glass = terminal()
    print("before")
    screen.show("a", row("x" * 70))
    glass.narrow(40)
    screen.show("a", row("y" * 70))
    assert glass.shown == ["before", "y" * 39]
    screen.remove("a")
    assert glass.shown == ["before"]


def test_a_bar_of_somebody_else_is_seen_as_it_was_last(terminal):
    """What draws over its own line by a carriage return does so above ours."""
    glass = terminal()
    screen.show("a", row("run"))
    print("\r 10 %", end="", flush=True)
    print("\r 20 %", end="", flush=True)
    assert glass.shown == [" 20 %", "run"]
    screen.remove("a")
    assert glass.shown == [" 20 %"]


def test_who_kept_the_stand_in_still_prints(terminal):
    """A handler that took ``sys.stderr`` while lines were shown writes to the terminal afterwards."""
    glass = terminal()
    screen.show("a", row("run"))
    kept = sys.stderr
    screen.remove("a")
    kept.write("late\n")
    assert glass.shown == ["late"]
    assert (kept.isatty(), kept.encoding, kept.write("")) == (True, "utf-8", 0)


def test_log_records_go_above_the_lines(terminal):
    """A handler from before, which has the stream itself, is led above the lines, and back."""
    glass = terminal()
    handler = logging.StreamHandler(glass)
    logger = logging.getLogger("tests.screen")
    logger.addHandler(handler)
    try:
        screen.show("a", row("run"))
        logger.warning("careful")
        assert glass.shown == ["careful", "run"]
        screen.remove("a")
        assert handler.stream is glass
    finally:
        logger.removeHandler(handler)


def test_output_that_is_no_terminal_is_left_alone(terminal, monkeypatch):
    """``program > file``: the prints go to the file as ever."""
    glass = terminal()
    file = io.StringIO()
    monkeypatch.setattr(sys, "stdout", file)
    screen.show("a", row("run"))
    assert sys.stdout is file
    print("to the file")
    screen.remove("a")
    assert (file.getvalue(), glass.shown) == ("to the file\n", [])


def test_more_runs_than_a_person_can_follow_are_counted(terminal):
    """A page of lines would push what is printed off the screen."""
    glass = terminal()
    for each in range(screen.MOST_ROWS + 3):
        screen.show(each, row(f"run {each}"))
    assert glass.shown[-2:] == [f"run {screen.MOST_ROWS - 1}", "and 3 more runs"]
    for each in range(screen.MOST_ROWS + 3):
        screen.remove(each)
    assert glass.shown == []


def test_a_line_fits_the_window_as_it_is_now(terminal):
    """The width is asked for each time, and the last column stays free: some terminals break the line there."""
    glass = terminal()
    widths = []
    screen.show("a", lambda width: widths.append(width) or "x" * width)
    glass.resize(120)
    print("again")
    screen.remove("a")
    assert widths == [79, 119]


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # that is what is tested
def test_a_forked_child_draws_nothing_and_prints_as_it_is(terminal):
    """A child that the function forks has the lines of its parent in its memory, and must not draw them."""
    glass = terminal()
    screen.show("a", row("run"))
    reading, writing = os.pipe()
    with glass_lock_held():
        child = os.fork()
        if child == 0:
            before = len(glass.getvalue())
            sys.stdout.write("child\n")
            os.write(writing, glass.getvalue()[before:].encode())
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    os.close(writing)
    with os.fdopen(reading) as said:
        assert said.read() == "child\n"
    screen.remove("a")


class glass_lock_held:  # noqa: N801 - reads as a context
    """Another thread draws at this moment."""

    def __enter__(self):
        self._end, begun = threading.Event(), threading.Event()

        def hold():
            with screen._lock:
                begun.set()
                self._end.wait()

        self._thread = threading.Thread(target=hold)
        self._thread.start()
        begun.wait()

    def __exit__(self, *error):
        self._end.set()
        self._thread.join()


def test_threads_that_draw_and_print_do_not_tear_lines(terminal):
    """Four runs and their prints at once: every printed line is whole, and every one is there."""
    glass = terminal()

    def run(name):
        for turn in range(50):
            screen.show(name, row(f"run {name} {turn}"))
            sys.stdout.write(f"{name} says {turn}\n")
        screen.remove(name)

    threads = [threading.Thread(target=run, args=(name,)) for name in "abcd"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(glass.shown) == sorted(f"{name} says {turn}" for name in "abcd" for turn in range(50))


ACTIONS = st.one_of(
    st.tuples(st.just("show"), st.integers(0, 3), st.text("abc 0123456789", min_size=1, max_size=100)),
    st.tuples(st.just("remove"), st.integers(0, 3), st.just("")),
    st.tuples(st.just("print"), st.just(0), st.text("xyz\n", min_size=1, max_size=30)),
)


@settings(deadline=None)
@given(st.lists(ACTIONS, max_size=30))
def test_whatever_happens_the_prints_are_whole_and_the_lines_are_below(actions):
    """Any story of lines that come, change and go, and of prints: what is seen is the prints, and the lines now."""
    glass, streams = Glass(), (sys.stdout, sys.stderr)
    printed, rows = "", {}
    sys.stdout = sys.stderr = glass
    try:
        for action, key, text in actions:
            if action == "show":
                if not rows and not printed.endswith("\n") and printed:
                    printed += "\n"
                rows[key] = text
                screen.show(key, row(text))
            elif action == "remove":
                rows.pop(key, None)
                screen.remove(key)
            else:
                printed += text
                print(text, end="", flush=True)
            expected = printed.split("\n") if printed else []
            if rows and expected and not expected[-1]:
                expected.pop()
            expected += [text[:79] for text in rows.values()]
            expected = [line.rstrip() for line in expected]
            while expected and not expected[-1]:
                expected.pop()
            assert glass.shown == expected
    finally:
        for key in list(rows):
            screen.remove(key)
        sys.stdout, sys.stderr = streams
        glass.shut()
