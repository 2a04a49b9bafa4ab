"""Charts with matplotlib, by its conventions; the only place that imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolwise.errors import MissingExtraError
from poolwise.report.chart import Bar, Bars, Chart
from poolwise.report.colours import LIGHT
from poolwise.report.scale import scale_from_zero

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of a bar, in that of its row.
THICK = 0.6


def draw(chart: Chart, ax: Axes | None) -> Axes:
    """Draw a chart into ``ax``, or into a new figure; give the Axes."""
    ax = ax if ax is not None else _new_axes(chart)
    if isinstance(chart, Bars):
        _draw_bars(chart, ax)
    ax.set_title(chart.title)
    return ax


def _new_axes(chart: Chart) -> Axes:
    try:
        import matplotlib.pyplot as plt  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("plots need matplotlib: pip install 'poolwise[plot]' brings it") from error
    rows = len(chart.bars) if isinstance(chart, Bars) else 8
    _, ax = plt.subplots(figsize=(8.0, 1.6 + 0.4 * rows), layout="constrained")
    return ax


def _draw_bars(chart: Bars, ax: Axes) -> None:
    size = chart.axis.unit_size
    for place, bar in enumerate(chart.bars):
        _draw_bar(ax, place, bar, size)
    ax.set_yticks(range(len(chart.bars)), [bar.label for bar in chart.bars])
    ax.set_ylim(len(chart.bars) - 0.5, -0.5)
    scale = scale_from_zero(chart.axis, (max(bar.value, bar.high or 0.0) for bar in chart.bars))
    # Room for the words behind the longest bar.
    ax.set_xlim(0, scale.most / size * 1.35)
    ax.set_xticks([value / size for value, _ in scale.ticks()])
    ax.set_xlabel(chart.axis.label)


def _draw_bar(ax: Axes, place: int, bar: Bar, size: float) -> None:
    value, end = bar.value / size, bar.value / size
    if bar.kind == "open":  # it goes on: no right edge, an arrow instead
        top, bottom = place - THICK / 2, place + THICK / 2
        ax.plot([value, 0, 0, value], [top, top, bottom, bottom], color=LIGHT["open"], linestyle="--")
        ax.plot([value], [place], color=LIGHT["open"], marker=">", clip_on=False)
    elif bar.kind == "choice":
        ax.barh(place, value, height=THICK, facecolor="none", edgecolor=LIGHT["choice"], hatch="////")
    elif bar.kind != "none":
        ax.barh(place, value, height=THICK, facecolor=LIGHT[bar.kind])
    if bar.low is not None and bar.high is not None:
        end = bar.high / size
        reach = [[value - bar.low / size], [end - value]]
        ink = ax.xaxis.label.get_color()
        ax.errorbar([value], [place], xerr=reach, fmt="none", ecolor=ink, capsize=3, elinewidth=1.2)
    said = f"{bar.figure} · {bar.note}" if bar.note else bar.figure
    weight = "bold" if bar.kind == "best" else "normal"
    ax.annotate(said, (end, place), xytext=(6, 0), textcoords="offset points", va="center", weight=weight)
