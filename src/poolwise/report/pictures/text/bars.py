"""Bars in a terminal: the name, the bar, its figure and what is to be said of it."""

from __future__ import annotations

from poolwise.report.pictures.chart import Bar, Bars
from poolwise.report.pictures.scale import Scale, scale_from_zero
from poolwise.report.pictures.text.axis import axis_lines
from poolwise.report.pictures.text.letters import ASCII, BLOCKS, Letters, cells, fit

# A bar shorter than this tells nothing; names and notes are cut before.
SHORTEST = 10
# A bar longer than this makes the eye lose its figure.
LONGEST = 80


def draw_bars(chart: Bars, width: int, *, plain: bool = False) -> list[str]:
    """Draw bars from zero, with their figures behind them and an axis below."""
    letters = ASCII if plain else BLOCKS
    said = [f"{bar.figure}  {bar.note}".rstrip() for bar in chart.bars]
    words = min(max(map(cells, said), default=0), max(8, width // 3))
    names = min(max((cells(bar.label) for bar in chart.bars), default=0), max(8, width * 2 // 3 - words - 4))
    length = min(LONGEST, max(SHORTEST, width - names - words - 4))
    scale = scale_from_zero(chart.axis, (max(bar.value, bar.high or 0.0) for bar in chart.bars), tight=True)
    lines = [
        f"{fit(bar.label, names)}  {_bar(bar, scale, length, letters)}  {fit(text, words)}".rstrip()
        for bar, text in zip(chart.bars, said, strict=True)
    ]
    spread = letters.lower in "".join(lines) or letters.upper in "".join(lines)
    note = f";  {letters.lower} from the least, {letters.upper} to the most" if spread else ""
    return [*lines, *axis_lines(scale, names + 2, length, letters, width=width, note=note)]


def _bar(bar: Bar, scale: Scale, length: int, letters: Letters) -> str:
    if bar.kind == "none":
        return " " * length
    return (_spread(bar, scale, length, letters) or _solid(bar, scale.place(bar.value) * length, letters)).ljust(length)


def _spread(bar: Bar, scale: Scale, length: int, letters: Letters) -> str:
    """Draw a bar with its least and its most; nothing where they are in the same column."""
    if bar.low is None or bar.high is None:
        return ""
    low, middle, high = (round(scale.place(value) * length) for value in (bar.low, bar.value, bar.high))
    if low == high:
        return ""
    fill = letters.choice if bar.kind == "choice" else letters.full
    return fill * low + letters.lower * (middle - low) + letters.upper * (high - middle)


def _solid(bar: Bar, columns: float, letters: Letters) -> str:
    if bar.kind == "open":
        return letters.open * (round(columns) - 1) + letters.arrow
    if bar.kind == "choice" or not letters.eighths:
        return (letters.choice if bar.kind == "choice" else letters.full) * max(1, round(columns))
    whole, rest = divmod(round(columns * 8), 8)
    # What is there at all shows.
    return letters.full * whole + (letters.eighths[rest - 1] if rest else "") or letters.eighths[0]
