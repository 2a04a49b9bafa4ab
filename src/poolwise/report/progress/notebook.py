"""Progress in a notebook: an output of its own for each run, below the cell that began it."""

from __future__ import annotations

import html
from typing import Any

from poolwise.model.progress import Progress
from poolwise.model.units import Seconds
from poolwise.report.progress.line import clean, plain_line

# Each change is a message to the browser, and stored with the notebook only as it was last.
EVERY_S: Seconds = 0.2


class NotebookLine:
    """One run's line and bar; the last state stays, as any output of a cell does."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._handle: Any = None
        self._next_s: Seconds = 0.0

    def show(self, progress: Progress) -> None:
        """Show or renew it."""
        if progress.elapsed_s < self._next_s and not progress.finished:
            return
        self._next_s = progress.elapsed_s + EVERY_S
        if self._handle is None:
            # It is there where a kernel runs, and only there; it has no annotations.
            from IPython import display  # noqa: PLC0415

            self._handle = display.DisplayHandle()  # type: ignore[no-untyped-call]
            self._handle.display(bundle(progress), raw=True)
        else:
            self._handle.update(bundle(progress), raw=True)


def bundle(progress: Progress) -> dict[str, str]:
    """Give both forms: a bar for the browser, whose colours are the browser's (light or dark), and words."""
    words = plain_line(progress)
    label = html.escape(clean(progress.desc) or "poolwise", quote=True)
    state = f' value="{progress.done}" max="{progress.total or 1}"' if progress.total is not None else ""
    if progress.finished and progress.total is None:
        state = ' value="1" max="1"'
    bar = f'<progress aria-label="{label}"{state} style="width: 16em; vertical-align: middle"></progress>'
    return {
        "text/plain": words,
        "text/html": f'<div style="font-variant-numeric: tabular-nums">{bar} {html.escape(words)}</div>',
    }
