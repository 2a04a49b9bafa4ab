"""Timelines as values: their insights, and their form as a trace."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import pytest

from poolwise.model.timeline import Insight, Lane, Mark, SlowItem, Span, Timeline

TIMELINE = Timeline(
    wall_s=4.0,
    lanes=(Lane(0, "loop", "calling thread"), Lane(1, "processes", "process 1"), Lane(2, "threads", "thread 2")),
    spans=(
        Span(0, "work", 0.0, 1.0, 0, 2),
        Span(1, "start", 0.5, 1.0),
        Span(1, "ship", 1.0, 1.25),
        Span(1, "work", 1.25, 2.25, 2, 1),
        Span(1, "work", 2.25, 2.5, 3, 0),
    ),
    marks=(
        Mark(1.0, "failure", 0, 1, "ValueError: no"),
        Mark(2.0, "revision", text="threads instead"),
        Mark(2.5, "death", 1),
    ),
    slowest=(SlowItem(2, 1.0, 1, "'a'"),),
)


def test_insights_are_shares_of_each_workers_life():
    """Each worker that lived has its shares; what was begun and did not end is no item."""
    assert TIMELINE.insights == (
        Insight(0, 2, 1.0, start=0.0, wait=0.0, ship=0.0, work=1.0, send=0.0, exit=0.0),
        Insight(1, 1, 2.0, start=0.25, wait=0.0, ship=0.125, work=0.625, send=0.0, exit=0.0),
    )


def test_it_goes_through_json_and_back():
    """Reading what was written gives the equal value; insights are figures that follow."""
    data = json.loads(json.dumps(TIMELINE.to_dict()))
    assert Timeline.from_dict(data) == TIMELINE
    assert data["insights"][1]["work"] == 0.625


def test_the_trace_has_a_named_lane_for_each_worker():
    """Metadata name the process and each lane, in order; the run's own lane comes first."""
    events = TIMELINE.to_trace()["traceEvents"]
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert names == {1: "run", 2: "calling thread", 3: "process 1", 4: "thread 2"}
    order = {event["tid"]: event["args"]["sort_index"] for event in events if event["name"] == "thread_sort_index"}
    assert order == {1: 1, 2: 2, 3: 3, 4: 4}


def test_spans_are_complete_events_in_microseconds():
    """Each span is one ``X`` event with a beginning and a duration, on its worker's lane."""
    events = [event for event in TIMELINE.to_trace()["traceEvents"] if event["ph"] == "X"]
    told = [(each["tid"], each["name"], each["ts"], each["dur"]) for each in events]
    assert told == [
        (2, "items 0–1", 0.0, 1e6),
        (3, "start", 0.5e6, 0.5e6),
        (3, "ship", 1e6, 0.25e6),
        (3, "item 2", 1.25e6, 1e6),
        (3, "item 3 …", 2.25e6, 0.25e6),
    ]
    assert events[0]["args"] == {"first": 0, "items": 2}


def test_marks_are_instants():
    """A worker's marks are on its lane, the run's are the process's; each tells what is known."""
    events = [event for event in TIMELINE.to_trace()["traceEvents"] if event["ph"] == "i"]
    assert [(each["name"], each["s"], each["tid"], each["ts"], each["args"]) for each in events] == [
        ("failure", "t", 2, 1e6, {"item": 1, "text": "ValueError: no"}),
        ("revision", "p", 1, 2e6, {"text": "threads instead"}),
        ("death", "t", 3, 2.5e6, {}),
    ]


def test_every_event_has_what_the_format_demands():
    """Phase, name, process and lane in all; times in all but metadata; none is negative."""
    trace = TIMELINE.to_trace()
    assert trace["displayTimeUnit"] == "ms"
    for event in trace["traceEvents"]:
        assert {"ph", "name", "pid", "tid", "args"} <= event.keys()
        assert event["ph"] == "M" or event["ts"] >= 0
        assert event["ph"] != "X" or event["dur"] >= 0
    assert Counter(event["ph"] for event in trace["traceEvents"]) == {"M": 9, "X": 5, "i": 3}


def test_neighbours_stay_neighbours_where_times_are_rounded():
    """What follows without a gap does so in the trace too: viewers stack what overlaps."""
    cuts = [number / 3 * 1e-4 for number in range(100)]
    spans = tuple(Span(0, "work", begin, end, place, 1) for place, (begin, end) in enumerate(itertools.pairwise(cuts)))
    events = [each for each in Timeline(wall_s=1.0, spans=spans).to_trace()["traceEvents"] if each["ph"] == "X"]
    for one, other in itertools.pairwise(events):
        assert one["ts"] + one["dur"] == pytest.approx(other["ts"], abs=1e-6)


def test_saving_writes_the_trace(tmp_path):
    """The file is the trace as JSON, and one that is there is replaced."""
    path = tmp_path / "run.json"
    path.write_text("x" * 100_000)
    TIMELINE.save(path)
    assert json.loads(path.read_text(encoding="utf-8")) == TIMELINE.to_trace()
