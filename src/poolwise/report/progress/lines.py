"""A run's line on a terminal, or its lines where none can be drawn over."""

from __future__ import annotations

import contextlib
import sys

from poolwise.model.progress import Progress
from poolwise.model.units import Seconds
from poolwise.report.progress import places, screen
from poolwise.report.progress.line import line, plain_line

# Where a line cannot be drawn over, a new one comes so often.
PLAIN_EVERY_S: Seconds = 60.0


class TerminalLine:
    """A line on the screen that all runs share."""

    def __init__(self) -> None:
        """Look at what the terminal can do."""
        self._colour = places.shows_colour()
        self._unicode = places.speaks_unicode(sys.stderr)

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
