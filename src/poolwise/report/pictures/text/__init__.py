"""Charts in letters, for a terminal of any width: pure functions from values to lines, with no need of a colour."""

from __future__ import annotations

from poolwise.report.pictures.chart import Bars, Chart, Lines
from poolwise.report.pictures.text.bars import draw_bars
from poolwise.report.pictures.text.lanes import draw_lanes
from poolwise.report.pictures.text.lines import draw_lines


def draw(chart: Chart, width: int, *, plain: bool = False) -> list[str]:
    """Draw a chart in lines of at most ``width`` columns; ``plain``: for a terminal that knows ASCII only."""
    if isinstance(chart, Bars):
        return draw_bars(chart, width, plain=plain)
    if isinstance(chart, Lines):
        return draw_lines(chart, width, plain=plain)
    return draw_lanes(chart, width, plain=plain)
