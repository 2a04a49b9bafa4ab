"""Progress: who is told, when a line appears, and what it says."""

from __future__ import annotations

import io
import logging
import re
import subprocess
import sys

import pytest
from rich.console import Console
from rich.progress import Progress as Bar

import poolwise
from poolwise.model.progress import Progress
from poolwise.report.progress import brief, places, screen
from poolwise.report.progress.watch import SHOW_AFTER_S, make_watch
from poolwise.run.driver import Driver
from poolwise.run.scheduler import Scheduler
from poolwise.run.terms import Wishes
from poolwise.work import role
from poolwise.work.items import make_items
from tests.unit.report.progress.glass import Glass


class Pipe(io.StringIO):
    """Standard error as a file or a pipe."""

    encoding = "ascii"


@pytest.fixture
def terminal(monkeypatch):
    """Put a terminal in the place of both standard streams; in the test itself, since pytest puts its own before."""
    made = []

    def make(**variables):
        made.append(Glass(columns=100))
        monkeypatch.setattr(sys, "stdout", made[0])
        monkeypatch.setattr(sys, "stderr", made[0])
        for name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm", **variables}.items():
            monkeypatch.setenv(name, value)
        return made[0]

    yield make
    for each in made:
        each.shut()


def moment(elapsed_s, *, done=3, total=10, failed=0, retried=0, workers=2, finished=False, desc="f"):
    """Make a moment of a run."""
    return Progress(done, total, failed, retried, workers, elapsed_s, finished, desc)


ON, OFF = True, False


# --- Who is told ---------------------------------------------------------------------------------------------


def test_false_tells_nobody(terminal):
    """``progress=False`` is silent, terminal or not."""
    terminal()
    assert make_watch(OFF) is None


def test_a_function_is_told_itself():
    """The caller's function takes the place of the line."""
    told = []
    assert make_watch(told.append) == told.append


def test_auto_tells_nobody_in_a_file(monkeypatch):
    """In a log file or a pipe a moving line would only be noise."""
    monkeypatch.setattr(sys, "stderr", Pipe())
    assert make_watch("auto") is None


@pytest.mark.parametrize("choice", ["auto", ON])
def test_without_any_standard_error_nobody_is_told(monkeypatch, choice):
    """A program without a console has nobody to tell."""
    monkeypatch.setattr(sys, "stderr", None)
    assert make_watch(choice) is None


def test_a_shell_that_says_it_is_a_terminal_and_is_none(monkeypatch):
    """Some editors' shells (IDLE) answer ``isatty()`` with True, and would show every escape sequence."""
    shell = Pipe()
    shell.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", shell)
    assert make_watch("auto") is None


def test_worker_processes_never_draw(terminal, monkeypatch):
    """A map within a function that runs in a worker has no line, whatever the worker's streams are."""
    terminal()
    monkeypatch.setattr(role, "_worker", True)
    assert (make_watch("auto"), make_watch(ON)) == (None, None)


def test_a_process_of_multiprocessing_never_draws():
    """Several of them have one terminal, and would draw over each other."""
    # In a program of its own: multiprocessing's tracker of resources lives as long as who started it.
    program = (
        "import multiprocessing\n"
        "from poolwise.report.progress import places\n"
        "def tell():\n"
        "    raise SystemExit(3 if places.is_child() else 4)\n"
        "if __name__ == '__main__':\n"
        "    process = multiprocessing.get_context('fork').Process(target=tell)\n"
        "    process.start()\n"
        "    process.join()\n"
        "    print(process.exitcode, places.is_child())\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=40
    ).stdout
    assert told == "3 False\n"


# --- The line ------------------------------------------------------------------------------------------------


def test_nothing_is_shown_before_its_time(terminal):
    """A run that ends within a second never shows a line, and leaves the streams alone."""
    glass = terminal()
    watch = make_watch("auto")
    watch(moment(0.0))
    watch(moment(SHOW_AFTER_S * 0.99))
    watch(moment(SHOW_AFTER_S, done=10, finished=True))
    assert glass.getvalue() == ""
    assert sys.stderr is glass


def test_true_shows_the_line_at_once(terminal):
    """Who asks for it gets it from the first moment."""
    glass = terminal()
    watch = make_watch(ON)
    watch(moment(0.0))
    assert glass.shown[0].startswith("f  ━━")
    watch(moment(0.1, finished=True))
    assert glass.shown == []


def test_the_line_moves_with_each_moment_and_ends_with_the_run(terminal):
    """Each moment is drawn when it is told (there is no thread that would draw it later), and the last one ends it."""
    glass = terminal()
    watch = make_watch("auto")
    watch(moment(65.0, done=3, desc="f[red]"))
    assert re.fullmatch(r"f\[red\]  ━+─+  3/10  65 s  2 busy", glass.shown[0])
    watch(moment(65.1, done=4, total=None, failed=1, retried=2))
    assert glass.shown == ["f  4 done  65 s  2 busy  1 failed  2 tried again"]
    watch(moment(66.0, done=10, workers=0, finished=True))
    watch(moment(66.1, done=10, workers=0, finished=True))
    assert glass.shown == []
    assert sys.stderr is sys.stdout is glass


def test_no_colour_where_none_is_wanted(terminal):
    """``NO_COLOR`` keeps the line and leaves its colours out."""
    glass = terminal(NO_COLOR="1")
    watch = make_watch(ON)
    watch(moment(0.0))
    assert "━" in glass.getvalue()
    assert "m" not in glass.getvalue()
    watch(moment(0.1, finished=True))


def test_a_line_that_was_interrupted_while_it_began_is_ended(terminal, monkeypatch):
    """A Ctrl-C at the worst moment leaves a line that the end of the run can find, and gives the streams back."""
    glass = terminal()
    watch = make_watch("auto")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(screen.Screen, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            watch(moment(2.0))
    assert sys.stderr is not glass
    watch(moment(2.1, finished=True))
    assert sys.stderr is sys.stdout is glass
    assert glass.shown == []


# --- Where no line can be drawn over ---------------------------------------------------------------------------


def test_in_a_file_true_writes_a_line_a_minute_and_one_at_the_end(monkeypatch):
    """Each stands for itself, in the characters that the file takes."""
    pipe = Pipe()
    monkeypatch.setattr(sys, "stderr", pipe)
    watch = make_watch(ON)
    for tick in range(1300):
        watch(moment(tick / 10, done=tick // 200, desc="é"))
    watch(moment(130.0, done=10, finished=True))
    watch(moment(130.1, done=10, finished=True))
    assert pipe.getvalue().splitlines() == [
        "?: 3/10, 60 s, 2 busy",
        "?: 6/10, 2 min 0 s, 2 busy",
        "f: 10/10, done after 2 min 10 s",
    ]


@pytest.mark.parametrize(("choice", "until_s", "lines"), [("auto", 30, 0), ("auto", 70, 2), (ON, 30, 1)])
def test_a_terminal_that_only_prints_gets_whole_lines(terminal, choice, until_s, lines):
    """``TERM=dumb``: nothing for a short run, unless it is asked for, and no escape sequence."""
    glass = terminal(TERM="dumb")
    watch = make_watch(choice)
    for second in range(until_s):
        watch(moment(float(second)))
    watch(moment(float(until_s), finished=True))
    assert len(glass.shown) == lines
    assert "\x1b" not in glass.getvalue()


def test_auto_writes_nothing_where_nobody_looks(monkeypatch):
    """A run in a pipe leaves standard error empty, however long it takes."""
    pipe = Pipe()
    monkeypatch.setattr(sys, "stderr", pipe)
    poolwise.map(abs, [-1, -2], progress="auto")
    assert pipe.getvalue() == ""


# --- A function that raises ----------------------------------------------------------------------------------


def test_a_hook_that_raises_is_switched_off_and_logged(caplog):
    """The caller's progress function may fail; the run goes on, and the function is not called again."""
    calls = []

    def hook(progress):
        calls.append(progress)
        raise RuntimeError("broken hook")

    items = make_items(([1, 2, 3],))
    driver = Driver(Scheduler(Wishes(), items.total, items.known), items, watch=hook)
    with caplog.at_level(logging.ERROR, logger="poolwise"):
        driver.finish()
        driver.finish()
    assert len(calls) == 1
    assert [record.message for record in caplog.records] == ["the progress function raised and was switched off"]
    assert "broken hook" in caplog.text


def test_a_run_outlives_its_broken_hook(caplog):
    """The results are those of a run without a hook."""

    def hook(progress):
        raise RuntimeError("broken hook")

    with caplog.at_level(logging.ERROR, logger="poolwise"):
        assert poolwise.map(abs, [-1, -2], progress=hook) == [1, 2]


def test_a_hook_is_told_the_end():
    """The last call of a run says so, with everything done."""
    told = []
    poolwise.map(abs, [-1, -2, 3], progress=told.append)
    assert (told[-1].done, told[-1].total, told[-1].finished) == (3, 3, True)
    assert [each.finished for each in told[:-1]] == [False] * (len(told) - 1)


def test_nothing_is_drawn_over_a_bar_of_rich(monkeypatch):
    """Rich takes what is drawn through its stand-in for lines of text, and would show each drawing anew."""
    glass = Glass(columns=80)
    monkeypatch.setattr(sys, "stderr", glass)
    assert places.is_terminal(sys.stderr)
    with Bar(console=Console(file=io.StringIO(), force_terminal=True)):
        assert sys.stderr is not glass
        assert not places.is_terminal(sys.stderr)
        assert make_watch("auto") is None


def test_a_race_runs_where_standard_error_is_closed(monkeypatch):
    """Nobody wants to know what it is at."""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert poolwise.race(abs, [1], backends=["loop"], repeats=1).winner is not None


def test_what_is_measured_stands_below_what_the_function_prints(terminal, monkeypatch):
    """A race's or sweep's line moves down with each line that is printed, and is gone at the end."""
    monkeypatch.setattr(brief, "SHOW_AFTER_S", 0.0)
    glass = terminal()
    with brief.show_briefly("race") as show:
        show("loop")
        print("one")
        show("threads:2")
        print("two")
        assert glass.shown == ["one", "two", "race: threads:2 …"]
    assert glass.shown == ["one", "two"]
    assert sys.stdout is glass


def test_what_is_measured_is_not_drawn_where_no_line_can_be_drawn_over(terminal, monkeypatch):
    """A terminal that only prints would keep them all."""
    monkeypatch.setattr(brief, "SHOW_AFTER_S", 0.0)
    glass = terminal(TERM="dumb")
    with brief.show_briefly("race") as show:
        show("loop")
    assert glass.getvalue() == ""
