"""The axis below a picture in a terminal."""

from __future__ import annotations

from poolwise.report.pictures.scale import Scale
from poolwise.report.pictures.text.letters import Letters

# Columns from one tick to the next, at least: their figures must not touch.
APART = 10


def axis_lines(scale: Scale, left: int, length: int, letters: Letters, *, width: int, note: str = "") -> list[str]:
    """Draw an axis that begins after ``left`` columns: its rule, its figures, and what they are."""
    rule, below = [letters.rule] * length, ""
    for value, text in scale.ticks(max(1, length // APART)):
        at = min(length - 1, int(scale.place(value) * length))
        start = max(0, at - len(text) // 2)
        if not below or start > len(below):
            rule[at] = letters.tick
            below = below.ljust(start) + text
    blank = " " * left
    return [blank + "".join(rule), blank + below, *wrapped(scale.axis.label + note, left, width)]


def wrapped(text: str, left: int, width: int) -> list[str]:
    """Break words into lines that begin where the axis does."""
    import textwrap  # noqa: PLC0415 - few draw

    return textwrap.wrap(text, max(width, left + 20), initial_indent=" " * left, subsequent_indent=" " * left)
