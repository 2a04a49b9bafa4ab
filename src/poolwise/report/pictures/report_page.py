"""What a page says of a run: what it took beside what was estimated, why, and who did what when."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.model.report import Report
from poolwise.model.timeline import Timeline
from poolwise.report.explain import how, summary_line
from poolwise.report.figures import counted, duration, number
from poolwise.report.pictures.chart import Bar, BarKind, Bars, Chart
from poolwise.report.pictures.machine_words import report_pairs
from poolwise.report.pictures.scale import time_axis
from poolwise.report.pictures.section import Pairs, Section, Titled, Words
from poolwise.report.pictures.timeline_chart import insights_table, mark_text, timeline_chart
from poolwise.report.table import Column, table_of

# Of marks; all of them are in the picture and in ``Report.timeline``.
MOST_MARKS = 20
SLOW = (Column("item"), Column("time", figures=True), Column("worker"), Column("its value"))


def report_title(report: Report) -> str:
    """Name it: ``Run: 200 items in 1.2 s``."""
    return f"Run: {counted(report.items, 'item')} in {duration(report.wall_s)}"


def report_charts(report: Report) -> tuple[Chart, ...]:
    """Give the pictures of a run: who did what when, where that was recorded; what was estimated and what it took."""
    ways = ways_chart(report)
    if report.timeline is None or not report.timeline.lanes:
        return (ways,)
    # One bar alone says no more than the axis of the lanes.
    return (timeline_chart(report.timeline), *((ways,) if len(ways.bars) > 1 else ()))


def report_sections(report: Report) -> tuple[Section, ...]:
    """Give the sections of a run."""
    return tuple(_sections(report))


def ways_chart(report: Report) -> Bars:
    """Draw what the chosen way took, what it had been estimated to take, and what was estimated of the others."""
    bars = tuple(_ways(report))
    return Bars(
        title="What the items after the first ones took, and what was estimated" if len(bars) > 1 else "What it took",
        about=summary_line(report),
        axis=time_axis("wall time", max(bar.value for bar in bars)),
        bars=bars,
    )


def _ways(report: Report) -> Iterator[Bar]:
    plan = report.plan
    took_s = report.run_s or report.wall_s
    yield Bar(label=how(plan), value=took_s, kind="best", figure=duration(took_s), note="took")
    if plan.estimate is not None and plan.items:
        yield _estimated(how(plan), plan.estimate.total_s, chosen=True)
    for each in plan.rejected:
        if each.estimate is not None and plan.items:
            yield _estimated(how(each), each.estimate.total_s)


def _estimated(label: str, seconds: float, *, chosen: bool = False) -> Bar:
    kind: BarKind = "choice" if chosen else "plain"
    return Bar(label=label, value=seconds, kind=kind, figure=duration(seconds), note="estimated")


def _sections(report: Report) -> Iterator[Section]:
    yield Section(report_title(report), (*report_charts(report), Pairs(report_pairs(report))))
    if report.timeline is not None:
        yield from _happenings(report.timeline)


def _happenings(timeline: Timeline) -> Iterator[Section]:
    """Say what the picture marks, and which items were the slowest."""
    if timeline.marks:
        shown = timeline.marks[:MOST_MARKS]
        rows = tuple((duration(mark.at_s), mark_text(mark)) for mark in shown)
        more = len(timeline.marks) - len(shown)
        left_out = (Words(f"and {counted(more, 'more mark')}"),) if more else ()
        yield Section("What happened when", (Pairs(rows), *left_out), level=3)
    if timeline.insights:
        caption = "How each worker's time went, from its start to its end"
        yield Section("Workers", (Titled(caption, insights_table(timeline)),), level=3)
    if timeline.slowest:
        names = {lane.worker: lane.name for lane in timeline.lanes}
        slow = (
            (number(each.index), duration(each.seconds), names.get(each.worker, number(each.worker)), each.item)
            for each in timeline.slowest
        )
        yield Section("The slowest items", (Titled("The slowest first", table_of(SLOW, slow)),), level=3)
