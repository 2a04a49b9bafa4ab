"""The live lines at the bottom of a terminal: one for each run of this process, and what is printed goes above them.

One screen is shared by all runs, in whatever threads, under one lock. While there are lines, stand-ins take the place
of ``sys.stdout`` and ``sys.stderr`` where these lead to the terminal: what is written there erases the lines, writes,
and draws them again. A line that the caller has begun and not ended (``print("...", end="")``, a prompt) stands above
ours until it is ended, and is drawn anew with them.

No thread draws: where a process has a second thread, workers cannot be forked from it. Lines are drawn when a run
tells that it has got further. (rich's Live was used before: it rewraps what is printed, its stand-ins are one for each
Live and not for threads, and it takes 60 ms to import.)

In a forked child the stand-ins know that they are not at home, draw nothing, and hand on what is written.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import math
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from poolwise.report.progress import places
from poolwise.report.progress.line import columns

Row = Callable[[int], str]
"""Gives a line that is no wider than so many columns."""

# More lines than this are counted and not shown: a page of them tells nothing that a person can follow.
MOST_ROWS = 8
# A width for terminals that tell none.
WIDTH = 80

# What colours a text and takes no column.
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

_lock = threading.RLock()
_screen: Screen | None = None
_leaving = False


def _begin_anew() -> None:
    """Be a forked child: the lines are the parent's, and the lock may be held by a thread that is not here."""
    global _lock, _screen
    _lock, _screen = threading.RLock(), None


@atexit.register
def _leave() -> None:
    """Be a program that ends, maybe with streams that nobody has closed: their lines are not left on the terminal."""
    global _leaving, _screen
    with _lock:
        # Runs that go on in threads which nobody waits for draw no more.
        ended, _screen, _leaving = _screen, None, True
        if ended is not None:
            ended.end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def show(key: object, row: Row) -> None:
    """Show or renew the line of a run."""
    global _screen  # noqa: PLW0603 - a process has one terminal
    with _lock:
        if _leaving:
            return
        if _screen is None:
            _screen = Screen(sys.stderr)
            _screen.begin()
        _screen.rows[key] = row
        _screen.draw()


def remove(key: object) -> None:
    """Take the line of a run away; with the last one the terminal is as it was."""
    global _screen
    with _lock:
        if _screen is None:
            return
        _screen.rows.pop(key, None)
        if _screen.rows:
            _screen.draw()
            return
        ended, _screen = _screen, None
        ended.end()


class Screen:
    """The lines, and the stand-ins that keep them apart from what is printed."""

    def __init__(self, terminal: Any) -> None:  # noqa: ANN401 - whatever stands for standard error
        """Draw nothing yet."""
        self.rows: dict[object, Row] = {}
        self._terminal = terminal
        self._drawn: list[str] = []
        self._written: tuple[int, list[str]] = (0, [])
        """The lines as they were last made, and for what width."""
        self._begun: dict[int, str] = {}
        """What was written to a stream after its last line break."""
        self._home = os.getpid()
        self._over = False

    def is_here(self) -> bool:
        """Tell whether this is the process that draws, and still does."""
        return not self._over and os.getpid() == self._home

    def begin(self) -> None:
        """Put the stand-ins in their places, and go to the beginning of a line.

        Where the cursor stands nobody knows: so many spaces as a line has columns fill the line that it stands at the
        beginning of, and break one in which the caller has written already (as zsh does before its prompt).
        """
        self._say(self._terminal, " " * _width(self._terminal) + "\r\x1b[2K")
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if places.is_terminal(stream):
                setattr(sys, name, stand_in := StandIn(stream, self))
                _move_log_handlers(stream, stand_in)

    def end(self) -> None:
        """Erase the lines and take the stand-ins away; who still has one writes through it to the stream itself."""
        self._erase()
        self._over = True
        for name in ("stdout", "stderr"):
            stand_in = getattr(sys, name)
            if isinstance(stand_in, StandIn) and stand_in.screen is self:
                setattr(sys, name, stand_in.stream)
                _move_log_handlers(stand_in, stand_in.stream)
                self._say(stand_in.stream, self._begun.pop(id(stand_in.stream), ""))

    def print(self, stream: Any, text: str) -> None:  # noqa: ANN401 - a text stream
        """Write a text above the lines."""
        with _lock:
            if not self.is_here():
                stream.write(text)
                return
            ended, line_break, begun = (self._begun.pop(id(stream), "") + text).rpartition("\n")
            if begun:
                self._begun[id(stream)] = begun
            if line_break:
                self._erase()
                stream.write(ended + line_break)
                stream.flush()
                self.draw(anew=False)

    def flush(self) -> None:
        """Show what was begun and not ended, such as a prompt."""
        with _lock:
            if self._begun and self.is_here():
                self.draw(anew=False)

    def draw(self, *, anew: bool = True) -> None:
        """Draw the lines, all at once, so that they do not flicker; what is printed in between does not change them."""
        width = _width(self._terminal)
        if anew or width != self._written[0]:
            self._written = (width, self._write(width - 1))
        shown = [_last_columns(text, width - 1) for text in self._begun.values()] + self._written[1]
        erased, self._drawn = self._erasing(width), shown
        self._say(self._terminal, erased + "\n".join(shown))

    def _write(self, width: int) -> list[str]:
        lines = [row(width) for row in [*self.rows.values()][:MOST_ROWS]]
        if len(self.rows) > MOST_ROWS:
            lines.append(f"and {len(self.rows) - MOST_ROWS} more runs"[:width])
        return lines

    def _erase(self) -> None:
        erased, self._drawn = self._erasing(_width(self._terminal)), []
        self._say(self._terminal, erased)

    def _erasing(self, width: int) -> str:
        """Go back over what was drawn, which a window that has become narrower has broken into more lines."""
        if not self._drawn:
            return ""
        lines = sum(max(1, math.ceil(columns(ESCAPES.sub("", text)) / width)) for text in self._drawn)
        return "\r\x1b[2K" + "\x1b[1A\x1b[2K" * (lines - 1)

    @staticmethod
    def _say(stream: Any, text: str) -> None:  # noqa: ANN401 - see print
        """Where the terminal is gone (a window was closed), nobody wants to know."""
        if text:
            with contextlib.suppress(OSError, ValueError):
                stream.write(text)
                stream.flush()


class StandIn:
    """Stands for a stream that leads to the terminal, and is it in every other respect."""

    def __init__(self, stream: Any, screen: Screen) -> None:  # noqa: ANN401 - whatever stands for standard output
        """Stand for ``stream``."""
        self.stream: Final = stream
        self.screen: Final = screen

    def write(self, text: str) -> int:
        """Write above the lines."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self.screen.print(self.stream, text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write them above the lines, together."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Have all shown that was written."""
        self.screen.flush()
        self.stream.flush()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        """Give what the stream itself has."""
        return getattr(self.stream, name)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the stream itself, which says what it has to say."""
        return iter(self.stream)


def _move_log_handlers(before: object, after: Any) -> None:  # noqa: ANN401 - see StandIn
    """Have the handlers that write to a stream write to what now stands for it."""
    loggers = [
        logging.root,
        *(each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)),
    ]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        if isinstance(handler, logging.StreamHandler) and handler.stream is before:
            handler.setStream(after)


def _width(terminal: Any) -> int:  # noqa: ANN401 - see Screen
    """Ask each time: windows change, and ``COLUMNS`` says what one was when a program began."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        if (width := os.get_terminal_size(terminal.fileno()).columns) > 0:
            return width
    return shutil.get_terminal_size((WIDTH, 24)).columns


def _last_columns(text: str, width: int) -> str:
    """Give what is seen of a line that is not ended: of what was drawn over itself the last, of a long one the end."""
    shown = [part for part in text.split("\r") if part]
    return shown[-1][-width:] if shown else ""
