"""What a page says of a run: what it took beside what was estimated, why, and who did what when."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from poolwise.model.report import Report
from poolwise.report.chart import Bar, BarKind, Bars, Chart
from poolwise.report.explain import how, summary_line
from poolwise.report.figures import counted, duration
from poolwise.report.machine_words import machine_pairs, report_pairs
from poolwise.report.scale import time_axis
from poolwise.report.section import Pairs, Section


def report_title(report: Report) -> str:
    """Name it: ``Run: 200 items in 1.2 s``."""
    return f"Run: {counted(report.items, 'item')} in {duration(report.wall_s)}"


def report_charts(report: Report) -> tuple[Chart, ...]:
    """Give the picture of a run: what its ways were estimated to take, and what the chosen one took."""
    return (ways_chart(report),)


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
    yield Section(report_title(report), (Pairs(report_pairs(report)), *report_charts(report)))
    if report.machine is not None:
        # The package's own __init__ is above this room: it is not imported from here.
        version = sys.modules["poolwise"].__version__
        yield Section("Machine and versions", (Pairs(machine_pairs(report.machine, version, "")),), level=3)
