"""Charts with matplotlib, by its conventions; the only place that imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from poolwise.errors import MissingExtraError
from poolwise.report.pictures.chart import BLOCK_WORDS, Bar, Bars, BlockKind, Chart, Curve, Lanes, Lines
from poolwise.report.pictures.colours import LIGHT
from poolwise.report.pictures.scale import scale_from_zero

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of a bar, in that of its row.
THICK = 0.6
# Of lines at places that have a name.
FLAGS: Final[tuple[str, ...]] = (":", "-.", "--")
# A figure does not grow taller than for so many bars or lanes.
MOST_ROWS = 24
# Where a block lies in its lane, from its upper edge (0) down, and how it is hatched: colour says nothing alone.
FORMS: Final[dict[BlockKind, tuple[float, float, str]]] = {
    "start": (0.0, 1.0, "////"),
    "wait": (0.45, 0.55, ""),
    "ship": (0.0, 0.4, ""),
    "work": (0.0, 1.0, ""),
    "send": (0.6, 1.0, ""),
    "exit": (0.0, 1.0, "\\\\\\\\"),
}


def draw(chart: Chart, ax: Axes | None) -> Axes:
    """Draw a chart into ``ax``, or into a new figure; give the Axes."""
    ax = ax if ax is not None else _new_axes(chart)
    if isinstance(chart, Bars):
        _draw_bars(chart, ax)
    elif isinstance(chart, Lines):
        _draw_lines(chart, ax)
    else:
        _draw_lanes(chart, ax)
    # The function's name is no formula, whatever is in it.
    ax.set_title(chart.title, parse_math=False)
    return ax


def _new_axes(chart: Chart) -> Axes:
    try:
        import matplotlib.pyplot as plt  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("plots need matplotlib: pip install 'poolwise[plot]' brings it") from error
    rows = len(chart.bars) if isinstance(chart, Bars) else len(chart.lanes) if isinstance(chart, Lanes) else 8
    _, ax = plt.subplots(figsize=(8.0, 1.8 + 0.4 * min(rows, MOST_ROWS)), layout="constrained")
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


def _draw_lines(chart: Lines, ax: Axes) -> None:
    if chart.x.doubling:
        ax.set_xscale("log", base=2)
    for band in chart.bands:
        low, high = [point.low or 0.0 for point in band.points], [point.high or point.y for point in band.points]
        xs = [point.x for point in band.points]
        ax.fill_between(xs, low, high, alpha=0.25, color=LIGHT["choice"], label=band.label)
    for curve in chart.curves:
        _draw_curve(curve, ax)
    for flag, style in zip(chart.flags, FLAGS, strict=False):
        ax.axvline(flag.x, linestyle=style, color=ax.xaxis.label.get_color(), linewidth=1, label=flag.label)
    places = sorted({point.x for curve in chart.curves if curve.measured for point in curve.points})
    ax.set_xticks(places, [f"{place:g}" for place in places])
    ax.minorticks_off()
    ax.margins(y=0.15)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(chart.x.label)
    ax.set_ylabel(chart.y.label)
    ax.legend()


def _draw_curve(curve: Curve, ax: Axes) -> None:
    xs, ys = [point.x for point in curve.points], [point.y for point in curve.points]
    if not curve.measured:
        ax.plot(xs, ys, linestyle="--" if curve.dashed else "-", color=LIGHT["choice"], label=curve.label)
        return
    lows = [point.y - point.low if point.low is not None else 0.0 for point in curve.points]
    highs = [point.high - point.y if point.high is not None else 0.0 for point in curve.points]
    ax.errorbar(xs, ys, yerr=[lows, highs], marker="o", capsize=3, color=LIGHT["plain"], label=curve.label)
    beyond = [point for point in curve.points if point.beyond]
    if beyond:
        looks: dict[str, Any] = {"markersize": 9, "markerfacecolor": "white", "color": LIGHT["open"]}
        xs, ys = [point.x for point in beyond], [point.y for point in beyond]
        ax.plot(xs, ys, linestyle="none", marker="v", label="stopped: at most this", **looks)
    for point in curve.points:
        top = (point.x, point.high if point.high is not None else point.y)
        ax.annotate(point.note, top, xytext=(0, 6), textcoords="offset points", ha="center", weight="bold")


def _draw_lanes(chart: Lanes, ax: Axes) -> None:
    size = chart.axis.unit_size
    for kind in FORMS:
        _draw_kind(chart, kind, ax)
    happened = [tick for tick in chart.ticks if tick.lane is not None]
    places = (
        [tick.at / size for tick in happened],
        [tick.lane - THICK / 2 for tick in happened if tick.lane is not None],
    )
    if happened:
        ax.plot(*places, linestyle="none", marker="v", color=LIGHT["alarm"], label="something happened")
    for place, tick in enumerate(tick for tick in chart.ticks if tick.lane is None):
        label = "_nolegend_" if place else "something happened to all"
        ax.axvline(tick.at / size, color=LIGHT["alarm"], linestyle="--", label=label)
    ax.set_yticks(range(len(chart.lanes)), chart.lanes)
    ax.set_ylim(len(chart.lanes) - 0.5, -0.5)
    ax.set_xlim(0, chart.end / size)
    ax.set_xlabel(chart.axis.label)
    if chart.blocks:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))


def _draw_kind(chart: Lanes, kind: BlockKind, ax: Axes) -> None:
    """Draw all blocks of a kind, lane by lane; the legend names it once."""
    upper, lower, hatch = FORMS[kind]
    size, label = chart.axis.unit_size, BLOCK_WORDS[kind]
    blocks = [block for block in chart.blocks if block.kind == kind]
    for lane in sorted({block.lane for block in blocks}):
        spans = [(block.begin / size, (block.end - block.begin) / size) for block in blocks if block.lane == lane]
        rows = (lane - THICK / 2 + upper * THICK, (lower - upper) * THICK)
        looks: dict[str, Any] = {"edgecolor": LIGHT[kind], "hatch": hatch} if hatch else {"linewidth": 0}
        ax.broken_barh(spans, rows, label=label, facecolor="none" if hatch else LIGHT[kind], **looks)
        label = "_nolegend_"
