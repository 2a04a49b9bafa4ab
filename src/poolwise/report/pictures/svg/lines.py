"""Points and curves as SVG: measured points with their spread, computed curves, bands, flags on the x axis."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.model.classes import frozen
from poolwise.report.pictures.chart import Band, Curve, Lines, Point
from poolwise.report.pictures.scale import Scale, scale_around, scale_from_zero
from poolwise.report.pictures.svg.legend import legend
from poolwise.report.pictures.svg.marks import NARROW, SMALL, Area, clean, el, line, picture, stroke, width_of, words

TALL, LOW = 280.0, 220.0
FLAG_ROW = 17.0
"""Height of a row of words above the picture."""
DOT = 4.5
"""Radius of a measured point."""


@frozen
class _Field:
    """Where the picture is, and how values come to their places in it."""

    area: Area
    x: Scale
    y: Scale

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Give the place of a pair of values; what lies outside is brought to the edge."""
        right, up = (min(1.0, max(0.0, part)) for part in (self.x.place(x), self.y.place(y)))
        return self.area.x + right * self.area.width, self.area.y + (1 - up) * self.area.height

    @property
    def bottom(self) -> float:
        """Give the lower edge."""
        return self.area.y + self.area.height


def draw_lines(chart: Lines, width: int) -> str:
    """Draw points and curves over an axis, from zero upwards."""
    field = _plan(chart, width)
    parts = [*_grid(chart, field), *_bands(chart.bands, field), *_flags(chart, field, width)]
    for curve in chart.curves:
        parts += [*_curve(curve, field)]
    for curve in chart.curves:
        parts += [*_notes(curve, field, width)]
    top = field.bottom + 48
    keys, bottom = legend(_keys(chart), top, width)
    return picture(width, bottom, chart.title, chart.about, [*parts, *keys])


def _plan(chart: Lines, width: int) -> _Field:
    points = [point for curve in chart.curves for point in curve.points]
    reaching = [*points, *(point for band in chart.bands for point in band.points)]
    values = [max(point.y, point.high or 0.0) for point in reaching]
    y = scale_from_zero(chart.y, values, 5)
    x = scale_around(chart.x, [*(point.x for point in points), *(flag.x for flag in chart.flags)])
    left = max(width_of(text, SMALL) for _, text in y.ticks(5)) + 14
    above = 12 + FLAG_ROW * (1 + len(chart.flags))
    return _Field(Area(left, above, width - left - 16, LOW if width < NARROW else TALL), x, y)


def _grid(chart: Lines, field: _Field) -> Iterator[str]:
    area = field.area
    for value, text in field.y.ticks(5):
        _, y = field.at(field.x.least, value)
        yield line(area.x, y, area.x + area.width, y, "rule", stroke_width=1)
        yield words(area.x - 8, y + 4, text, ink="muted", anchor="end", font_size=SMALL)
    taken = 0.0
    for value, text in field.x.ticks(8):
        x, _ = field.at(value, 0)
        half = width_of(text, SMALL) / 2
        if x - half < taken:
            continue
        taken = x + half + 8
        yield line(x, field.bottom, x, field.bottom + 5, "muted", stroke_width=1)
        yield words(x, field.bottom + 18, text, ink="muted", anchor="middle", font_size=SMALL)
    yield line(area.x, field.bottom, area.x + area.width, field.bottom, "muted", stroke_width=1)
    yield words(2, 12, chart.y.label, ink="muted", font_size=SMALL)
    yield words(area.x + area.width, field.bottom + 36, chart.x.label, ink="muted", anchor="end", font_size=SMALL)


def _flags(chart: Lines, field: _Field, width: int) -> Iterator[str]:
    """Draw a line at each place that has a name, and the names in rows of their own above."""
    for row, flag in enumerate(chart.flags, 1):
        x, _ = field.at(flag.x, 0)
        base = 12 + row * FLAG_ROW
        yield line(x, base + 4, x, field.bottom, "muted", stroke_width=1.5, stroke_dasharray="2 3")
        half = width_of(flag.label, SMALL) / 2 + 2
        yield words(min(max(x, half), width - half), base, flag.label, anchor="middle", font_size=SMALL)


def _bands(bands: tuple[Band, ...], field: _Field) -> Iterator[str]:
    for band in bands:
        upper = [field.at(point.x, point.high or point.y) for point in band.points]
        lower = [field.at(point.x, point.low or 0.0) for point in reversed(band.points)]
        yield el("path", d=_path([*upper, *lower]) + "z", class_="pw-f-band", fill="#b6d7f8", fill_opacity="0.8")


def _path(places: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _curve(curve: Curve, field: _Field) -> Iterator[str]:
    places = [field.at(point.x, point.y) for point in curve.points]
    if len(places) > 1:
        dashes = {"stroke_dasharray": "7 4"} if curve.dashed else {}
        colour = "choice" if curve.dashed else "plain"
        yield stroke(_path(places), colour, stroke_width=2, **dashes)
    if curve.measured:
        for point, place in zip(curve.points, places, strict=True):
            yield from _dot(point, place, field)


def _dot(point: Point, place: tuple[float, float], field: _Field) -> Iterator[str]:
    x, y = place
    if point.low is not None and point.high is not None:
        (_, high), (_, low) = field.at(point.x, point.high), field.at(point.x, point.low)
        path = f"M{x - 4:.1f} {high:.1f}h8M{x:.1f} {high:.1f}V{low:.1f}M{x - 4:.1f} {low:.1f}h8"
        yield stroke(path, "ground", stroke_width=4.5)
        yield stroke(path, "ink", stroke_width=1.5)
    said = f"{point.x:g}: {point.y:.4g} {point.note}".rstrip()
    tip = el("title", clean(said))
    if point.beyond:  # it is no more than this: an open triangle that points down
        path = f"M{x - DOT:.1f} {y - DOT:.1f}h{2 * DOT}l{-DOT} {1.6 * DOT}z"
        yield stroke(path, "open", tip, stroke_width=1.8)
    else:
        looks = {"class_": "pw-f-ink", "fill": "#1f2328", "stroke_width": 0}
        yield el("circle", tip, cx=x, cy=y, r=DOT, **looks)


def _notes(curve: Curve, field: _Field, width: int) -> Iterator[str]:
    """Write notes above their points, below them, or where there is room."""
    taken: list[Area] = []
    for point in curve.points:
        if not point.note:
            continue
        x, high = field.at(point.x, point.high if point.high is not None else point.y)
        _, low = field.at(point.x, point.low if point.low is not None else point.y)
        half = width_of(point.note, SMALL, bold=True) / 2 + 3
        centre = min(max(x, field.area.x + half), width - half)
        for base in (high - 10, low + 20, high - 25, low + 35, high - 40):
            spot = Area(centre - half, base - 12, 2 * half, 15)
            if field.area.y - 4 <= spot.y and base < field.bottom and not any(_touch(spot, each) for each in taken):
                taken.append(spot)
                yield words(centre, base, point.note, anchor="middle", font_size=SMALL, font_weight="600")
                break


def _touch(one: Area, other: Area) -> bool:
    aside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not (aside or one.y + one.height <= other.y or other.y + other.height <= one.y)


def _keys(chart: Lines) -> Iterator[tuple[str, str]]:
    """Give what the legend explains: a small picture and its words."""
    for curve in chart.curves:
        if curve.measured:
            dot = el("circle", cx=12, cy=0, r=DOT, class_="pw-f-ink", fill="#1f2328")
            yield stroke("M12 -8V8M8 -8h8M8 8h8", "ink", stroke_width=1.5) + dot, curve.label
        else:
            dashes = {"stroke_dasharray": "7 4"} if curve.dashed else {}
            yield stroke("M0 0H26", "choice" if curve.dashed else "plain", stroke_width=2, **dashes), curve.label
    for band in chart.bands:
        yield el("rect", x=0, y=-6, width=26, height=12, class_="pw-f-band", fill="#b6d7f8"), band.label
    if any(point.beyond for curve in chart.curves for point in curve.points):
        path = f"M{12 - DOT} {-DOT}h{2 * DOT}l{-DOT} {1.6 * DOT}z"
        yield stroke(path, "open", stroke_width=1.8), "stopped: at most this"
