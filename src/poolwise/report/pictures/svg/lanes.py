"""Lanes as SVG: what a worker does is told by the form of its blocks, with a colour beside it.

Work fills its lane; starting and ending are hatched, one way and the other; waiting is a thin line; what is on its way
to a worker lies along the upper edge of its lane, what comes from it along the lower one.
"""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.model.classes import frozen
from poolwise.report.pictures.chart import BLOCK_WORDS, Block, BlockKind, Lanes, Tick
from poolwise.report.pictures.scale import Scale
from poolwise.report.pictures.svg.legend import legend
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

# More lanes than this are not looked at one by one; a page need not be as long as a pool is large.
MOST = 64
ROOMY, THICK, THIN = 12, 18.0, 9.0
"""Up to so many lanes are thick, more are thin."""


@frozen
class _Room:
    """Where lanes stand, in pixels."""

    left: float
    length: float
    thick: float
    row: float
    top: float
    above: float
    """Of a row: the words above the lane."""

    def area(self, lane: int, begin: float, end: float) -> Area:
        """Give the box of a stretch of a lane; its ends are parts of the whole."""
        y = self.top + lane * self.row + self.above
        return Area(self.left + begin * self.length, y, max(0.6, (end - begin) * self.length), self.thick)


def draw_lanes(chart: Lanes, width: int) -> str:
    """Draw the lanes over an axis of time, with a legend."""
    names = chart.lanes[:MOST]
    room = _plan(names, width)
    scale = Scale(chart.axis, 0.0, chart.end)
    bottom = room.top + len(names) * room.row + 4
    parts = [*_axis(scale, room, bottom, 4 if width < NARROW else 8), *_names(names, room, width)]
    blocks = [block for block in chart.blocks if block.lane < len(names)]
    for block in blocks:
        area = room.area(block.lane, scale.place(block.begin), scale.place(block.end))
        parts.append(_block(block.kind, area, el("title", clean(f"{names[block.lane]}: {block.label}"))))
    ticks = (tick for tick in chart.ticks if tick.lane is None or tick.lane < len(names))
    parts += [_tick(room, scale.place(tick.at), tick, len(names)) for tick in ticks]
    if len(chart.lanes) > MOST:
        more = f"and {len(chart.lanes) - MOST} more workers"
        parts.append(words(width - 2.0, bottom + 36, more, ink="muted", anchor="end", font_size=SMALL))
    keys, end = legend(_keys(chart, blocks), bottom + 46, width)
    return picture(width, end, chart.title, chart.about, [*parts, *keys])


def _plan(names: tuple[str, ...], width: int) -> _Room:
    thick = THICK if len(names) <= ROOMY else THIN
    if width < NARROW:
        return _Room(2.0, width - 16.0, thick, thick + 20, 4.0, 16.0)
    left = min(max((width_of(name, SMALL) for name in names), default=0.0), width * 0.25) + 12
    return _Room(left, width - left - 16.0, thick, max(thick + 6, 15.0), 4.0, 3.0)


def _names(names: tuple[str, ...], room: _Room, width: int) -> Iterator[str]:
    for place, name in enumerate(names):
        area = room.area(place, 0.0, 1.0)
        if width < NARROW:
            yield words(room.left, area.y - 4, shorten(name, room.length, SMALL), font_size=SMALL)
        else:
            base = area.y + area.height / 2 + 4
            yield words(room.left - 8, base, shorten(name, room.left - 8, SMALL), anchor="end", font_size=SMALL)


def _axis(scale: Scale, room: _Room, bottom: float, count: int) -> Iterator[str]:
    for value, text in scale.ticks(count):
        x = room.left + scale.place(value) * room.length
        yield line(x, 0, x, bottom, "rule", stroke_width=1)
        anchor = "middle" if value else "start"
        yield words(x, bottom + 16, text, ink="muted", anchor=anchor, font_size=SMALL)
    yield words(room.left, bottom + 36, scale.axis.label, ink="muted", font_size=SMALL)


def _block(kind: BlockKind, area: Area, tip: str = "") -> str:
    if kind == "work":
        return box(area, "work", tip)
    if kind in {"start", "exit"}:
        return outline(area, kind, tip, stroke_width=1) + hatch(area, kind, falling=kind == "exit")
    if kind == "wait":
        y = area.y + area.height / 2 - 0.75
        return box(Area(area.x, y, area.width, 1.5), "wait", tip)
    half = area.height * 0.4
    y = area.y if kind == "ship" else area.y + area.height - half
    return box(Area(area.x, y, area.width, half), kind, tip)


def _tick(room: _Room, at: float, tick: Tick, lanes: int) -> str:
    """Mark an instant: a pointer above its lane, or a line through all of them."""
    x, tip = room.left + at * room.length, el("title", clean(tick.label))
    if tick.lane is None:
        path = f"M{x:.1f} 0V{room.top + lanes * room.row:.1f}"
        return stroke(path, "alarm", tip, stroke_width=2, stroke_dasharray="4 3")
    return _pointer(x, room.area(tick.lane, 0.0, 0.0).y, tip)


def _pointer(x: float, y: float, tip: str = "") -> str:
    path = f"M{x - 4.5:.1f} {y - 4:.1f}h9l-4.5 8z"
    return el("path", tip, d=path, class_="pw-f-alarm pw-rim", fill="#cf222e", stroke="#ffffff")


def _keys(chart: Lanes, blocks: list[Block]) -> Iterator[tuple[str, str]]:
    kinds = {block.kind for block in blocks}
    for kind, text in BLOCK_WORDS.items():
        if kind in kinds:
            yield _block(kind, Area(0.0, -7.0, 26.0, 14.0)), text
    if any(tick.lane is not None for tick in chart.ticks):
        yield _pointer(12, 0), "something happened"
    if any(tick.lane is None for tick in chart.ticks):
        yield stroke("M12 -8V8", "alarm", stroke_width=2, stroke_dasharray="4 3"), "something happened to all"
