"""A recorded run in words."""

from __future__ import annotations

from poolwise.model.classes import replace
from poolwise.model.plan import Plan
from poolwise.model.report import Report
from poolwise.model.timeline import Lane, Mark, SlowItem, Span, Timeline
from poolwise.report import teach_words
from poolwise.report.timeline import timeline_lines

TIMELINE = Timeline(
    wall_s=4.0,
    lanes=(Lane(0, "processes", "process 0"), Lane(1, "processes", "process 1")),
    spans=(
        Span(0, "start", 0.0, 1.0),
        Span(0, "work", 1.0, 3.0, 0, 1000),
        Span(0, "wait", 3.0, 4.0),
        Span(1, "work", 0.0, 3.999, 2000, 1),
        Span(1, "send", 3.999, 4.0),
    ),
    slowest=(SlowItem(2000, 3.999, 1), SlowItem(0, 0.002, 0)),
)


def test_each_worker_is_told_with_its_shares():
    """The most first; what is below 1 % is left out. The slowest items stand below."""
    assert list(timeline_lines(TIMELINE)) == [
        "process 0: 1,000 items in 4.00 s, 50 % work, 25 % waiting for work, 25 % starting",
        "process 1: 1 item in 4.00 s, over 99 % work",
        "slowest: item 2000 (4.00 s), item 0 (2.00 ms)",
    ]


def test_many_workers_are_told_together():
    """Nobody reads a line for each of forty workers."""
    lanes = tuple(Lane(number, "threads", f"thread {number}") for number in range(40))
    spans = tuple(
        Span(number, kind, begin_s, begin_s + 1.0, None if kind == "wait" else number, int(kind == "work"))
        for begin_s, kind in ((0.0, "work"), (1.0, "wait"))
        for number in range(40)
    )
    timeline = Timeline(wall_s=2.0, lanes=lanes, spans=spans)
    assert list(timeline_lines(timeline)) == ["40 workers: 50 % work, 50 % waiting for work"]


def test_a_run_of_nothing_has_nothing_to_say():
    """No worker, no item, no line."""
    assert list(timeline_lines(Timeline(wall_s=0.0))) == []


def test_a_report_says_it_where_it_was_recorded():
    """The lines stand in the report's column; without a timeline there are none."""
    teach_words()
    report = Report(plan=Plan(backend="processes", workers=2), profile=None, machine=None, items=1001)
    assert "workers" not in str(report)
    told = str(replace(report, timeline=TIMELINE)).splitlines()
    assert "  workers   process 0: 1,000 items in 4.00 s, 50 % work, 25 % waiting for work, 25 % starting" in told
    assert "            slowest: item 2000 (4.00 s), item 0 (2.00 ms)" in told


def test_marks_have_no_line():
    """Troubles are told by the report's own figures; marks are for the picture."""
    marked = replace(TIMELINE, marks=(Mark(1.0, "failure", 0, 3, "ValueError: no"),))
    assert list(timeline_lines(marked)) == list(timeline_lines(TIMELINE))
