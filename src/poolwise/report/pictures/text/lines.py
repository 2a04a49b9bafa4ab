"""Points and curves in a terminal: curves in braille dots, eight to a letter; measured points as letters over them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from poolwise.model.classes import frozen
from poolwise.report.pictures.chart import Curve, Lines, Point
from poolwise.report.pictures.scale import Scale, scale_around, scale_from_zero
from poolwise.report.pictures.text.axis import axis_lines, wrapped
from poolwise.report.pictures.text.letters import ASCII, BLOCKS, Letters, fit

# Lines of the picture, and columns beyond which it only grows flat.
HEIGHT = 12
LONGEST = 100
# Dots of a braille letter, by column and row, as bits over U+2800.
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
BRAILLE = 0x2800


@frozen
class _Canvas:
    """Letters over dots; what is drawn later lies on top."""

    length: int
    dots: dict[tuple[int, int], int]
    """Bits by column and line."""
    letters: dict[tuple[int, int], str]

    def dot(self, right: float, up: float) -> None:
        """Set the dot at a place, each part between 0 and 1."""
        column, row = round(right * (2 * self.length - 1)), round((1 - up) * (4 * HEIGHT - 1))
        cell = column // 2, row // 4
        self.dots[cell] = self.dots.get(cell, 0) | DOTS[column % 2][row % 4]

    def letter(self, right: float, up: float, letter: str) -> tuple[int, int]:
        """Set a letter at a place; give its column and line."""
        cell = min(self.length - 1, int(right * self.length)), min(HEIGHT - 1, int((1 - up) * HEIGHT))
        self.letters[cell] = letter
        return cell


def draw_lines(chart: Lines, width: int, *, plain: bool = False) -> list[str]:
    """Draw the curves, the points with their notes, and the flags, over an axis from zero upwards."""
    letters = ASCII if plain else BLOCKS
    points = [point for curve in chart.curves for point in curve.points]
    y = scale_from_zero(chart.y, [max(point.y, point.high or 0.0) for point in points], 4)
    x = scale_around(chart.x, [*(point.x for point in points), *(flag.x for flag in chart.flags)])
    figures = {min(HEIGHT - 1, int((1 - y.place(value)) * HEIGHT)): text for value, text in y.ticks(4)}
    left = max(map(len, figures.values())) + 2
    canvas = _Canvas(min(LONGEST, max(10, width - left)), {}, {})
    _paint(chart, canvas, x, y, letters)
    lines = [
        f"{figures.get(line, '').rjust(left - 2)} {letters.side}{_line(canvas, line, letters)}".rstrip()
        for line in range(HEIGHT)
    ]
    keys = "; ".join(_keys(chart, letters))
    return [
        fit(chart.y.label, width).rstrip(),
        *lines,
        *axis_lines(x, left, canvas.length, letters, width=width),
        *wrapped(keys, left, width),
    ]


def _paint(chart: Lines, canvas: _Canvas, x: Scale, y: Scale, letters: Letters) -> None:
    for flag in chart.flags:
        for line in range(HEIGHT):
            canvas.letter(x.place(flag.x), 1 - (line + 0.5) / HEIGHT, letters.flag)
    for curve in chart.curves:
        if not curve.measured or len(chart.curves) == 1:
            _trace(curve, canvas, x, y)
    measured = [point for curve in chart.curves if curve.measured for point in curve.points]
    for point in measured:
        _whisker(point, canvas, x, y, letters)
    cells = []
    for point in measured:
        letter = letters.beyond if point.beyond else letters.point
        cells.append(canvas.letter(x.place(point.x), y.place(point.y), letter))
    for point, (column, line) in zip(measured, cells, strict=True):
        _note(canvas, point.note, column, line, set(cells))


def _whisker(point: Point, canvas: _Canvas, x: Scale, y: Scale, letters: Letters) -> None:
    if point.low is None or point.high is None:
        return
    least, most = (round(y.place(value) * 4 * HEIGHT) for value in (point.low, point.high))
    for step in range(least, most + 1):
        canvas.letter(x.place(point.x), step / (4 * HEIGHT), letters.whisker)


def _trace(curve: Curve, canvas: _Canvas, x: Scale, y: Scale) -> None:
    """Draw a curve dot by dot, straight between its points."""
    places = [(x.place(point.x), y.place(point.y)) for point in curve.points]
    for (left, low), (right, high) in pairwise(places):
        steps = max(1, round(abs(right - left) * 2 * canvas.length), round(abs(high - low) * 4 * HEIGHT))
        for step in range(steps + 1):
            part = step / steps
            canvas.dot(left + part * (right - left), low + part * (high - low))


def _note(canvas: _Canvas, note: str, column: int, line: int, points: set[tuple[int, int]]) -> None:
    """Write a note beside its point, or above or below it: where it fits and hides no other."""
    beside = ((column + 2, line), (column - 1 - len(note), line))
    centre = max(0, min(column - len(note) // 2, canvas.length - len(note)))
    for start, row in (*beside, (centre, line - 1), (centre, line + 1), (centre, line - 2), (centre, line + 2)):
        spot = {(start + place, row): letter for place, letter in enumerate(note)}
        edges = {(start - 1, row): " ", (start + len(note), row): " "}
        if 0 <= start <= canvas.length - len(note) and 0 <= row < HEIGHT and not points & spot.keys():
            canvas.letters.update(spot | {cell: blank for cell, blank in edges.items() if cell not in points})
            return


def _line(canvas: _Canvas, line: int, letters: Letters) -> str:
    def cell(column: int) -> str:
        bits = canvas.dots.get((column, line), 0)
        letter = canvas.letters.get((column, line), "")
        if bits and letter in {"", letters.flag}:
            return letters.dot or chr(BRAILLE + bits)
        return letter or " "

    return "".join(map(cell, range(canvas.length)))


def _keys(chart: Lines, letters: Letters) -> Iterator[str]:
    """Say what the letters mean."""
    for curve in chart.curves:
        yield f"{letters.point if curve.measured else letters.dot or '⠒⠒'} {curve.label}"
    if any(point.beyond for curve in chart.curves for point in curve.points):
        yield f"{letters.beyond} stopped: at most this"
    for flag in chart.flags:
        yield f"{letters.flag} {flag.label}"
