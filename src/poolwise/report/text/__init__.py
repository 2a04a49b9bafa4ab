"""Charts in letters, for a terminal of any width: pure functions from values to lines, with no need of a colour."""

from __future__ import annotations

from poolwise.report.chart import Bars, Chart
from poolwise.report.text.bars import draw_bars


def draw(chart: Chart, width: int, *, plain: bool = False) -> list[str]:
    """Draw a chart in lines of at most ``width`` columns; ``plain``: for a terminal that knows ASCII only."""
    if isinstance(chart, Bars):
        return draw_bars(chart, width, plain=plain)
    raise TypeError(type(chart).__name__)
