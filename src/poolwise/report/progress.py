"""Progress while a run is under way: to a person at a terminal, or to a function."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from poolwise.model.options import ProgressChoice
from poolwise.model.progress import Progress
from poolwise.model.units import Seconds

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

# A run that ends sooner needs no bar: it would only flicker.
SHOW_AFTER_S: Seconds = 1.0


def make_watch(choice: ProgressChoice, name: str) -> Callable[[Progress], object] | None:
    """Choose who is told: nobody, the caller's function, or the person at the terminal."""
    if callable(choice):
        return choice
    if choice is False:
        return None
    # sys.stderr is None in programs without a console.
    watched = sys.stderr is not None and sys.stderr.isatty()
    if choice == "auto" and not watched:
        return None
    return TerminalProgress(name, after_s=SHOW_AFTER_S if choice == "auto" else 0.0)


class TerminalProgress:
    """A line on standard error: done, total, rate, time left, failures."""

    def __init__(self, name: str, *, after_s: Seconds) -> None:
        """Show nothing yet."""
        self._name = name
        self._after_s = after_s
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __call__(self, progress: Progress) -> None:
        """Show how far the run is, once it has taken long enough to be worth it."""
        if self._bar is None:
            if progress.finished or progress.elapsed_s < self._after_s:
                return
            # Known before it is shown: a Ctrl-C in between must find a line to end.
            self._bar = _make_bar()
            self._task = self._bar.add_task(self._name, total=progress.total, note="")
            # Its clock tells the time of the run, not of the bar.
            self._bar.tasks[0].start_time = self._bar.get_time() - progress.elapsed_s
            self._bar.start()
        if self._task is not None:
            done, total = progress.done, progress.total
            self._bar.update(self._task, completed=done, total=total, note=_note(progress), refresh=True)
        if progress.finished:
            self._bar.stop()
            self._bar = None


def _make_bar() -> Bar:
    # rich takes 60 ms to import; only a run that is watched and long pays for it.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    # What the function prints goes above the line, and to where it belongs if standard output is not the terminal.
    return Bar(
        *columns,
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
    )


def _note(progress: Progress) -> str:
    parts = [f"{progress.workers} busy"]
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if progress.retried:
        parts.append(f"{progress.retried} tried again")
    return ", ".join(parts)
