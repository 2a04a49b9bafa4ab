"""Bars as SVG: names at the left and figures at the right of them, or above them where the picture is narrow."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.model.classes import frozen
from poolwise.report.pictures.chart import Bar, Bars
from poolwise.report.pictures.scale import Scale, scale_from_zero
from poolwise.report.pictures.svg.marks import (
    NARROW,
    SMALL,
    Area,
    box,
    clean,
    el,
    hatch,
    line,
    outline,
    picture,
    shorten,
    stroke,
    width_of,
    words,
)

THICK = 18
"""Of a bar."""
FOOT = 44
"""Room for the axis below the bars: its ticks and its title."""
GAP = 12


@frozen
class _Room:
    """Where things stand, in pixels."""

    width: int
    left: float
    """Where bars begin."""
    length: float
    """Of the axis."""
    row: float
    """Height of a row."""
    above: float
    """Of that, the part above the bar, for words."""

    def top(self, place: int) -> float:
        """Give the upper edge of a bar."""
        return place * self.row + self.above


def draw_bars(chart: Bars, width: int) -> str:
    """Draw bars with their whiskers, a grid, an axis with its unit."""
    room = _plan(chart, width)
    scale = scale_from_zero(chart.axis, _ends(chart), 4 if width < NARROW else 6)
    bottom = len(chart.bars) * room.row + 4
    spread = any(bar.low is not None for bar in chart.bars)
    parts = [*_axis(scale, room, bottom, "; the line across a bar: least to most" if spread else "")]
    for place, bar in enumerate(chart.bars):
        parts += [*_names(bar, room, place), *_bar(bar, scale, room, room.top(place))]
    return picture(width, bottom + FOOT, chart.title, chart.about, parts)


def said_of(bar: Bar) -> str:
    """Say the figure and the note of a bar: ``1.20 s · fastest``."""
    return f"{bar.figure} · {bar.note}" if bar.note else bar.figure


def _ends(chart: Bars) -> list[float]:
    return [max(bar.value, bar.high or 0.0) for bar in chart.bars]


def _plan(chart: Bars, width: int) -> _Room:
    if width < NARROW:
        return _Room(width, 2.0, width - 24.0, THICK + 32.0, 22.0)
    names = min(max((width_of(bar.label, bold=_bold(bar)) for bar in chart.bars), default=0.0), width * 0.3)
    figures = min(max((width_of(said_of(bar), bold=_bold(bar)) for bar in chart.bars), default=0.0), width * 0.35)
    return _Room(width, names + GAP, width - names - figures - 3 * GAP, THICK + 14.0, 7.0)


def _names(bar: Bar, room: _Room, place: int) -> Iterator[str]:
    said, bold = said_of(bar), _bold(bar)
    weight = {"font_weight": "600"} if bold else {}
    if room.width < NARROW:
        base, left = room.top(place) - 6, room.width - width_of(said, bold=bold) - GAP
        yield words(room.left, base, shorten(bar.label, left, bold=bold), **weight)
        yield words(room.width - 2.0, base, said, anchor="end", **weight)
        return
    base = room.top(place) + THICK / 2 + 4.5
    yield words(room.left - GAP, base, shorten(bar.label, room.left - GAP, bold=bold), anchor="end", **weight)
    said = shorten(said, room.width * 0.35, bold=bold)
    yield words(room.left + room.length + 2 * GAP, base, said, **weight)


def _bold(bar: Bar) -> bool:
    return bar.kind == "best"


def _bar(bar: Bar, scale: Scale, room: _Room, top: float) -> Iterator[str]:
    length = scale.place(bar.value) * room.length
    area = Area(room.left, top, length, THICK)
    tip = el("title", clean(f"{bar.label}: {said_of(bar)}"))
    if bar.kind == "open":
        yield _open(room.left, top, length, tip)
    elif bar.kind == "choice":
        yield outline(area, "choice", tip, stroke_width=1.5)
        yield hatch(area, "choice")
    elif bar.kind != "none":
        yield box(area, bar.kind, tip)
    if bar.low is not None and bar.high is not None:
        yield from _whisker(bar.low, bar.high, scale, room, top)


def _open(x: float, top: float, length: float, tip: str) -> str:
    """Draw a bar that goes on beyond its end: no right edge, an arrow instead."""
    end = x + length
    body = f"M{end:.1f} {top:.1f}H{x:.1f}V{top + THICK:.1f}H{end:.1f}"
    middle, arm = top + THICK / 2, 5.0
    arrow = f"M{end - arm:.1f} {middle - arm:.1f}l{arm} {arm}l{-arm} {arm}"
    return stroke(body, "open", tip, stroke_width=1.5, stroke_dasharray="5 3") + stroke(arrow, "open", stroke_width=2)


def _whisker(low: float, high: float, scale: Scale, room: _Room, top: float) -> Iterator[str]:
    """Draw the range of what was measured, with a rim of the ground's colour, so that it shows on and off the bar."""
    left, right = (room.left + scale.place(value) * room.length for value in (low, high))
    middle, cap = top + THICK / 2, 4.0
    path = f"M{left:.1f} {middle - cap:.1f}v{2 * cap}M{left:.1f} {middle:.1f}H{right:.1f}"
    path += f"M{right:.1f} {middle - cap:.1f}v{2 * cap}"
    yield stroke(path, "ground", stroke_width=4.5, stroke_linecap="square")
    yield stroke(path, "ink", stroke_width=1.5)


def _axis(scale: Scale, room: _Room, bottom: float, note: str) -> Iterator[str]:
    for value, text in scale.ticks(4 if room.width < NARROW else 6):
        x = room.left + scale.place(value) * room.length
        yield line(x, 0, x, bottom, "rule", stroke_width=1)
        anchor = "start" if not value and room.width < NARROW else "middle"
        yield words(x, bottom + 16, text, ink="muted", anchor=anchor, font_size=SMALL)
    yield line(room.left, 0, room.left, bottom, "muted", stroke_width=1)
    title = scale.axis.label + note
    if width_of(title, SMALL) > room.width - room.left:
        title = scale.axis.label
    yield words(room.left, bottom + 36, title, ink="muted", font_size=SMALL)
