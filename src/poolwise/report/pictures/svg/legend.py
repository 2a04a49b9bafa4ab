"""The legend below a picture: samples with their words, in as many rows as they need."""

from __future__ import annotations

from collections.abc import Iterable

from poolwise.report.pictures.svg.marks import SMALL, el, width_of, words

SAMPLE = 34.0
"""Room for a sample, before its words."""
ROW = 22.0
APART = 18.0


def legend(keys: Iterable[tuple[str, str]], top: float, width: int) -> tuple[list[str], float]:
    """Lay out samples (drawn from 0 to 26, around a line at 0) with their words; give them and where they end."""
    parts, x, y = [], 0.0, top + ROW / 2
    for sample, text in keys:
        needed = SAMPLE + width_of(text, SMALL)
        if x and x + needed > width:
            x, y = 0.0, y + ROW
        parts.append(el("g", sample, transform=f"translate({x + 2:.1f} {y:.1f})"))
        parts.append(words(x + 2 + SAMPLE, y + 4, text, font_size=SMALL))
        x += needed + APART
    return parts, y + ROW / 2
