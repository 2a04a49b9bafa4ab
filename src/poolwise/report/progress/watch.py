"""Progress while a run is under way: to a person at a terminal or a notebook, or to a function."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

from poolwise.model.options import ProgressChoice
from poolwise.model.progress import Progress
from poolwise.model.units import Seconds
from poolwise.report.progress import places

# A run that ends sooner needs no line: it would only flicker.
SHOW_AFTER_S: Seconds = 1.0


class Line(Protocol):
    """One run's line, in some place."""

    def show(self, progress: Progress) -> None:
        """Show how far the run is."""
        ...


def make_watch(choice: ProgressChoice) -> Callable[[Progress], object] | None:
    """Choose who is told: nobody, the caller's function, or the person who looks on.

    A process that somebody else has started for its own work has no person of its own, whatever its streams say.
    """
    if callable(choice):
        return choice
    if choice is False or sys.stderr is None or places.is_child():
        return None
    after_s = SHOW_AFTER_S if choice == "auto" else 0.0
    if places.in_notebook():
        return Shown(_notebook_line, after_s=after_s)
    if not places.is_terminal(sys.stderr):
        return Shown(_plain_line_with_last, after_s=after_s) if choice is True else None
    if places.moves_cursor():
        return Shown(_terminal_line, after_s=after_s)
    return Shown(_plain_line_with_last if choice is True else _plain_line, after_s=after_s)


class Shown:
    """Shows a run once it has taken long enough to be worth it, and until it ends."""

    minds_no_thread = True

    def __init__(self, make_line: Callable[[], Line], *, after_s: Seconds) -> None:
        """Show nothing yet."""
        self._make_line = make_line
        self._line: Line | None = None
        self._after_s = after_s
        self._ended = False

    def __call__(self, progress: Progress) -> None:
        """Show how far the run is."""
        if self._ended or (self._line is None and self._is_early(progress)):
            return
        if self._line is None:
            # Known before it is shown: a Ctrl-C in between must find a line to end.
            self._line = self._make_line()
        self._line.show(progress)
        self._ended = progress.finished

    def _is_early(self, progress: Progress) -> bool:
        return self._after_s > 0 and (progress.finished or progress.elapsed_s < self._after_s)


# Each is imported when it is first shown: most runs end before, and ``import poolwise`` is for them, too.


def _terminal_line() -> Line:
    from poolwise.report.progress.lines import TerminalLine  # noqa: PLC0415 - see above

    return TerminalLine()


def _plain_line(*, last: bool = False) -> Line:
    from poolwise.report.progress.lines import PlainLine  # noqa: PLC0415 - see above

    return PlainLine(last=last)


def _plain_line_with_last() -> Line:
    return _plain_line(last=True)


def _notebook_line() -> Line:
    from poolwise.report.progress.notebook import NotebookLine  # noqa: PLC0415 - see above

    return NotebookLine()
