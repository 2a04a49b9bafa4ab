"""Progress: who is told, when a line appears, and what it says."""

from __future__ import annotations

import io
import logging
import sys
from types import SimpleNamespace

import pytest

import poolwise
from poolwise.model.progress import Progress
from poolwise.report import progress as progress_module
from poolwise.report.progress import SHOW_AFTER_S, TerminalProgress, make_watch
from poolwise.run.driver import Driver
from poolwise.run.scheduler import Scheduler
from poolwise.run.terms import Wishes
from poolwise.work.items import make_items


class Screen(io.StringIO):
    """Standard error as a terminal, or not."""

    def __init__(self, *, terminal):
        super().__init__()
        self._terminal = terminal

    def isatty(self):
        return self._terminal


@pytest.fixture
def screen(monkeypatch):
    """Put a screen in the place of standard error."""

    def make(*, terminal):
        made = Screen(terminal=terminal)
        monkeypatch.setattr(sys, "stderr", made)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "100")
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            monkeypatch.delenv(name, raising=False)
        return made

    return make


class FakeBar:
    """A bar that only takes notes, in the place of rich's."""

    def __init__(self):
        self.notes = []
        self.tasks = []

    def add_task(self, name, *, total, note):
        self.notes.append(("added", name, total))
        self.tasks.append(SimpleNamespace(start_time=None))
        return 1

    def get_time(self):
        return 1000.0

    def start(self):
        self.notes.append("started")

    def update(self, task, **fields):
        self.notes.append(fields)

    def stop(self):
        self.notes.append("stopped")


@pytest.fixture
def bar(monkeypatch):
    """Have the line drawn by a fake bar."""
    made = FakeBar()
    monkeypatch.setattr(progress_module, "_make_bar", lambda: made)
    return made


def moment(elapsed_s, *, done=3, total=10, failed=0, retried=0, workers=2, finished=False):
    """Make a moment of a run."""
    return Progress(done, total, failed, retried, workers, elapsed_s, finished)


# --- Who is told ---------------------------------------------------------------------------------------------


def test_false_tells_nobody(screen):
    """``progress=False`` is silent, terminal or not."""
    screen(terminal=True)
    assert make_watch(False, "f") is None  # noqa: FBT003 - the option's own value


def test_a_function_is_told_itself():
    """The caller's function takes the place of the line."""
    told = []
    assert make_watch(told.append, "f") == told.append


@pytest.mark.parametrize(("terminal", "shown"), [(True, True), (False, False)])
def test_auto_tells_a_person_only(screen, terminal, shown):
    """In a log file or a pipe a moving line would only be noise."""
    screen(terminal=terminal)
    assert isinstance(make_watch("auto", "f"), TerminalProgress) is shown


def test_auto_without_any_standard_error(monkeypatch):
    """A program without a console has nobody to tell."""
    monkeypatch.setattr(sys, "stderr", None)
    assert make_watch("auto", "f") is None


# --- The line ------------------------------------------------------------------------------------------------


def test_nothing_is_shown_before_its_time(screen, bar):
    """A run that ends within a second never shows a line."""
    screen(terminal=True)
    watch = make_watch("auto", "f")
    watch(moment(0.0))
    watch(moment(SHOW_AFTER_S * 0.99))
    watch(moment(SHOW_AFTER_S, done=10, finished=True))
    assert bar.notes == []


def test_true_shows_the_line_at_once(screen, bar):
    """Who asks for it gets it from the first moment."""
    screen(terminal=True)
    make_watch(True, "f")(moment(0.0))  # noqa: FBT003 - the option's own value
    assert bar.notes[:2] == [("added", "f", 10), "started"]


def test_the_line_moves_with_each_moment_and_ends_with_the_run(bar):
    """Each moment is drawn when it is told (there is no thread that would draw it later), and the last one ends it."""
    watch = TerminalProgress("f", after_s=1.0)
    watch(moment(1.0, done=3))
    watch(moment(1.1, done=4, total=None, failed=1, retried=2))
    watch(moment(1.2, done=10, workers=0, finished=True))
    watch(moment(1.3, done=10, workers=0, finished=True))
    assert bar.notes == [
        ("added", "f", 10),
        "started",
        {"completed": 3, "total": 10, "note": "2 busy", "refresh": True},
        {"completed": 4, "total": None, "note": "2 busy, 1 failed, 2 tried again", "refresh": True},
        {"completed": 10, "total": 10, "note": "0 busy", "refresh": True},
        "stopped",
    ]


def test_the_lines_clock_is_the_runs(bar):
    """A line that appears after 65 s says that 65 s have passed."""
    TerminalProgress("f", after_s=1.0)(moment(65.0))
    assert bar.tasks[0].start_time == 1000.0 - 65.0


def test_a_line_that_was_interrupted_while_it_began_is_ended(bar):
    """A Ctrl-C at the worst moment leaves a line that the end of the run can find, so that the cursor comes back."""

    def interrupted():
        bar.notes.append("started")
        raise KeyboardInterrupt

    bar.start = interrupted
    watch = TerminalProgress("f", after_s=1.0)
    with pytest.raises(KeyboardInterrupt):
        watch(moment(2.0))
    watch(moment(2.1, finished=True))
    assert bar.notes[-1] == "stopped"


def test_the_real_line_on_a_terminal(screen):
    """A person sees the name (whatever is in it), how many are done, since when, and gets the cursor back."""
    terminal = screen(terminal=True)
    watch = TerminalProgress("f[red]", after_s=1.0)
    watch(moment(65.0, done=3))
    assert "f[red]" in terminal.getvalue()
    assert "3/10" in terminal.getvalue()
    assert "0:01:05" in terminal.getvalue()
    watch(moment(66.0, done=10, finished=True))
    assert "10/10" in terminal.getvalue()
    assert terminal.getvalue().count("\x1b[?25l") == terminal.getvalue().count("\x1b[?25h") == 1


def test_auto_writes_nothing_where_nobody_looks(screen):
    """A run in a pipe leaves standard error empty, however long it takes."""
    pipe = screen(terminal=False)
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
