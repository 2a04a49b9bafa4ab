"""What a long measurement is at, in one line of the terminal that is gone at the end."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from poolwise.model.units import Seconds
from poolwise.report.progress import places, screen

# What ends sooner needs no line.
SHOW_AFTER_S: Seconds = 1.0


@contextlib.contextmanager
def show_briefly(verb: str) -> Iterator[Callable[[str], object]]:
    """Give a function that says what is being measured, to a person at a terminal and to nobody else.

    A line that stands still: one that moves would need a thread, beside which workers could not be forked.
    """
    if not places.is_terminal(sys.stderr) or not places.moves_cursor():
        yield lambda _: None
        return
    line = _Line(verb)
    try:
        yield line.show
    finally:
        line.clear()


class _Line:
    """A line of the screen that all runs share: what the function prints meanwhile stands above it."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._begun = time.monotonic()
        self._more = "…" if places.speaks_unicode(sys.stderr) else "..."

    def show(self, text: str) -> None:
        if time.monotonic() - self._begun >= SHOW_AFTER_S:
            line = f"{self._verb}: {text} {self._more}"
            screen.show(self, lambda width: line[:width])

    def clear(self) -> None:
        screen.remove(self)
