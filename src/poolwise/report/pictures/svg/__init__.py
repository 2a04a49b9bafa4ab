"""Charts as SVG: small pure functions from values to text.

No element has an id (several pictures share a page or a notebook, some of them hidden), no script, no link. Colours are
written twice: as attributes, for a reader of mail that drops style sheets, and as classes, which the page's style sheet
colours for light and dark.
"""

from __future__ import annotations

from poolwise.report.pictures.chart import Bars, Chart, Lines
from poolwise.report.pictures.svg.bars import draw_bars
from poolwise.report.pictures.svg.lanes import draw_lanes
from poolwise.report.pictures.svg.lines import draw_lines


def draw(chart: Chart, width: int) -> str:
    """Draw a chart, so many pixels wide, as an ``<svg>`` element that scales."""
    if isinstance(chart, Bars):
        return draw_bars(chart, width)
    if isinstance(chart, Lines):
        return draw_lines(chart, width)
    return draw_lanes(chart, width)
