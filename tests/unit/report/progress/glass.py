"""A terminal to test with: interprets what is written to it, and shows what a person would see."""

from __future__ import annotations

import io
import os
import pty
import re
import termios

TOKENS = re.compile(r"\x1b\[(\d*)([AKm])|\r|\n|[^\x1b\r\n]+", re.DOTALL)


class Glass(io.StringIO):
    """As much of a terminal as progress lines need; an escape that it does not know fails the test."""

    def __init__(self, columns=80, encoding="utf-8"):
        super().__init__()
        self._master, self._slave = pty.openpty()
        self._encoding = encoding
        self._lines, self._row, self._column = [""], 0, 0
        self.resize(columns)

    encoding = property(lambda self: self._encoding)

    def isatty(self):
        return True

    def fileno(self):
        return self._slave

    def resize(self, columns):
        self.columns = columns
        termios.tcsetwinsize(self._slave, (24, columns))

    def narrow(self, columns):
        """Become narrower: too long lines are broken, as most terminals do, and the cursor stays at the end."""
        self._lines = [line[at : at + columns] for line in self._lines for at in range(0, max(1, len(line)), columns)]
        self._row, self._column = len(self._lines) - 1, len(self._lines[-1])
        self.resize(columns)

    def shut(self):
        os.close(self._master)
        os.close(self._slave)

    def write(self, text):
        text.encode(self._encoding)
        end = 0
        for match in TOKENS.finditer(text):
            assert match.start() == end, f"an unknown escape in {text!r}"
            end = match.end()
            self._take(match[0], match[1], match[2])
        assert end == len(text), f"an unknown escape in {text!r}"
        return super().write(text)

    def _take(self, piece, count, code):
        if code == "A":
            self._row -= int(count or 1)
            assert self._row >= 0
        elif code == "K":
            self._lines[self._row] = ""
        elif piece == "\r":
            self._column = 0
        elif piece == "\n":
            self._row, self._column = self._row + 1, 0
            if self._row == len(self._lines):
                self._lines.append("")
        elif code != "m":
            for letter in piece:
                self._put(letter)

    def _put(self, letter):
        if self._column == self.columns:
            # As terminals do it: the line is broken by the next letter, not by the one that fills it.
            self._take("\n", None, None)
        before = self._lines[self._row].ljust(self._column)
        self._lines[self._row] = before[: self._column] + letter + before[self._column + 1 :]
        self._column += 1

    @property
    def shown(self):
        """The lines that a person sees, without spaces and empty lines at the end."""
        lines = [line.rstrip() for line in self._lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines
