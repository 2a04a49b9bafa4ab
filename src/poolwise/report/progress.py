"""Progress while a run is under way: to a person at a terminal or a notebook, or to a function."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Protocol

from poolwise.model.options import ProgressChoice
from poolwise.model.progress import Progress
from poolwise.model.units import Seconds
from poolwise.report import screen
from poolwise.report.notebook import NotebookLine, in_notebook
from poolwise.report.progress_line import line, plain_line
from poolwise.work import role

# A run that ends sooner needs no line: it would only flicker.
SHOW_AFTER_S: Seconds = 1.0
# Where a line cannot be drawn over, a new one comes so often.
PLAIN_EVERY_S: Seconds = 60.0


class Line(Protocol):
    """One run's line, in some place."""

    def show(self, progress: Progress) -> None:
        """Show how far the run is."""
        ...


def make_watch(choice: ProgressChoice) -> Callable[[Progress], object] | None:
    """Choose who is told: nobody, the caller's function, or the person who looks on.

    A process that somebody else has started for its own work (one of our workers, one of ``multiprocessing``) has no
    person of its own, whatever its streams say.
    """
    if callable(choice):
        return choice
    if choice is False or sys.stderr is None or _is_child():
        return None
    after_s = SHOW_AFTER_S if choice == "auto" else 0.0
    if in_notebook():
        return Shown(NotebookLine(), after_s=after_s)
    if screen.is_terminal(sys.stderr):
        return Shown(TerminalLine() if screen.moves_cursor() else PlainLine(last=choice is True), after_s=after_s)
    return Shown(PlainLine(last=True), after_s=after_s) if choice is True else None


def _is_child() -> bool:
    multiprocessing = sys.modules.get("multiprocessing.process")
    return role.is_worker() or (multiprocessing is not None and multiprocessing.parent_process() is not None)


class Shown:
    """Shows a run once it has taken long enough to be worth it, and until it ends."""

    minds_no_thread = True

    def __init__(self, shown: Line, *, after_s: Seconds) -> None:
        """Show nothing yet."""
        self._line = shown
        self._after_s = after_s
        self._begun = self._ended = False

    def __call__(self, progress: Progress) -> None:
        """Show how far the run is."""
        if self._ended or (not self._begun and self._after_s > 0 and self._is_early(progress)):
            return
        # Known before it is shown: a Ctrl-C in between must find a line to end.
        self._begun = True
        self._line.show(progress)
        self._ended = progress.finished

    def _is_early(self, progress: Progress) -> bool:
        return progress.finished or progress.elapsed_s < self._after_s


class TerminalLine:
    """A line on the screen that all runs share."""

    def __init__(self) -> None:
        """Look at what the terminal can do."""
        self._colour = screen.shows_colour()
        self._unicode = screen.speaks_unicode(sys.stderr)

    def show(self, progress: Progress) -> None:
        """Draw it; when the run is finished, take it away."""
        if progress.finished:
            screen.remove(self)
        else:
            screen.show(self, lambda width: line(progress, width, colour=self._colour, unicode=self._unicode))


class PlainLine:
    """A new line now and then, where none can be drawn over: in a log file, on a terminal that only prints."""

    def __init__(self, *, last: bool) -> None:
        """Write nothing yet; a ``last`` one comes in any case, or else only after others."""
        self._next_s = PLAIN_EVERY_S
        self._last = last

    def show(self, progress: Progress) -> None:
        """Write one, if it is time."""
        if progress.finished:
            if not self._last:
                return
        elif progress.elapsed_s < self._next_s:
            return
        self._next_s, self._last = progress.elapsed_s + PLAIN_EVERY_S, True
        # Where standard error is closed, nobody wants to know.
        with contextlib.suppress(OSError, ValueError):
            text = plain_line(progress)
            encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
            sys.stderr.write(text.encode(encoding, "replace").decode(encoding) + "\n")
            sys.stderr.flush()
