"""Spans of a worker's life, whatever was written down of it."""

from __future__ import annotations

import itertools
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.model.timeline import Mark
from poolwise.run.lanes import spans_of, timeline_of
from poolwise.run.recorder import Piece, Recorder, WorkerRecord

ZERO = 1000.0
moments = st.floats(ZERO, ZERO + 100)
maybe = st.none() | moments


@st.composite
def pieces(draw: st.DrawFn) -> Piece:
    """Make a piece of work. Clocks agree within a process only in a good world: any moment may be before any other."""
    items = draw(st.integers(1, 5))
    begun_s, work_s = draw(moments), draw(st.floats(0, 20))
    each_s = draw(st.none() | st.lists(st.floats(0, 5, width=32), min_size=items, max_size=items))
    ended_s = begun_s + work_s + draw(st.sampled_from([0.0, 1.5]))
    known = array("f", each_s) if each_s is not None else None
    return Piece(draw(st.integers(0, 99)), items, draw(moments), begun_s, ended_s, draw(moments), work_s, known)


records = st.builds(
    WorkerRecord,
    started_s=moments,
    ready_s=maybe,
    pieces=st.lists(pieces(), max_size=8),
    open=st.dictionaries(st.integers(0, 9), st.tuples(st.integers(0, 99), moments), max_size=2),
    left_s=maybe,
    closing_s=maybe,
    gone_s=maybe,
)


@given(record=records, wall_s=st.floats(0, 120))
def test_spans_follow_each_other_and_lose_nothing(record: WorkerRecord, wall_s: float):
    """Whatever the moments: spans have no gap and no overlap, begin with the start, end in time, and hold all items."""
    spans = spans_of(3, record, ZERO, wall_s)
    assert all(one.end_s == other.begin_s for one, other in itertools.pairwise(spans))
    assert all(span.begin_s <= span.end_s for span in spans)
    assert {span.worker for span in spans} <= {3}
    if spans:
        assert spans[0].begin_s == record.started_s - ZERO
        assert spans[-1].end_s <= max(wall_s, spans[0].begin_s) + 1e-9
    assert sum(span.items for span in spans) == sum(piece.items for piece in record.pieces)


@given(made=st.dictionaries(st.integers(0, 9), records, max_size=4))
def test_a_timeline_is_in_order_and_its_shares_sum_up(made: dict[int, WorkerRecord]):
    """Spans are in the order of their beginning, each on a lane; the shares of a worker's time sum up to 1."""
    recorder = Recorder(str, lambda: ZERO)
    recorder.workers = made
    recorder._clock = lambda: ZERO + 150
    timeline = timeline_of(recorder, dict.fromkeys(made, "threads"))
    begins = [span.begin_s for span in timeline.spans]
    assert begins == sorted(begins)
    assert [lane.worker for lane in timeline.lanes] == sorted(made)
    for insight in timeline.insights:
        shares = [insight.start, insight.wait, insight.ship, insight.work, insight.send, insight.exit]
        assert sum(shares) == pytest.approx(1.0)
        assert min(shares) >= 0.0


def test_lanes_are_called_as_people_call_them():
    """The calling thread is one; all others are numbered."""
    recorder = Recorder(str, lambda: ZERO)
    recorder.workers = {0: WorkerRecord(ZERO), 1: WorkerRecord(ZERO)}
    timeline = timeline_of(recorder, {0: "loop", 1: "processes"})
    assert [lane.name for lane in timeline.lanes] == ["calling thread", "process 1"]


def test_revisions_stand_among_the_marks():
    """What happened to the run is told where it happened."""
    recorder = Recorder(str, lambda: ZERO)
    recorder.marks = [Mark(1.0, "failure", 0, 1), Mark(3.0, "retry", 0, 1)]
    marks = timeline_of(recorder, {}, [Mark(2.0, "revision")]).marks
    assert [mark.kind for mark in marks] == ["failure", "revision", "retry"]
