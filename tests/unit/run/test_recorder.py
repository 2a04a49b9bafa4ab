"""What is written down of a run, told event by event by a clock that is set by hand."""

from __future__ import annotations

import pytest

from poolwise.errors import WorkerDiedError
from poolwise.model.events import (
    NOTHING_BEGUN,
    Chunk,
    ChunkDone,
    End,
    Outcome,
    Send,
    Start,
    TaskError,
    WorkerLost,
    WorkerReady,
    WorkerRetired,
)
from poolwise.model.timeline import Mark, SlowItem, Span
from poolwise.run import recorder as module
from poolwise.run.lanes import timeline_of
from poolwise.run.recorder import Recorder


class Stage:
    """A recorder and its clock; the run begins at 100 s, and is told from 0."""

    def __init__(self):
        self.now_s = 100.0
        self.recorder = Recorder(lambda index: f"<{index}>", lambda: self.now_s)

    def at(self, second):
        self.now_s = 100.0 + second
        return self.recorder

    def start(self, second, worker=0):
        self.at(second).tell(Start(worker))

    def ready(self, second, worker=0):
        self.at(second).hear([WorkerReady(worker)])

    def send(self, second, chunk, worker=0):
        self.at(second).tell(Send(worker, chunk))

    def done(self, second, chunk, outcome, worker=0, *, more=False):
        self.at(second).hear([ChunkDone(worker, chunk.id, outcome, more)])

    def timeline(self, second):
        self.at(second)
        return timeline_of(self.recorder, dict.fromkeys(self.recorder.workers, "processes"))

    def told(self, second):
        return [(each.kind, each.begin_s, each.end_s, each.first, each.items) for each in self.timeline(second).spans]


def ran(count, wall_s, ended_s, errors=None, each_s=()):
    """Give an outcome of so many items; the moments are told from 0."""
    return Outcome([None] * count, errors or {}, wall_s, ended_s=100.0 + ended_s, each_s=each_s)


@pytest.fixture
def stage():
    """Give a recorder of a run that has just begun."""
    return Stage()


def test_a_life_from_its_start_to_its_end(stage):
    """A worker starts, waits, gets items, works, sends, and ends: each is a span, in order."""
    stage.start(1)
    stage.ready(2)
    stage.send(3, Chunk(1, 0, 4))
    stage.done(9, Chunk(1, 0, 4), ran(4, 4.0, 8.0))
    with stage.at(10).closing():
        stage.at(12)
    assert stage.told(20) == [
        ("start", 1, 2, None, 0),
        ("wait", 2, 3, None, 0),
        ("ship", 3, 4, None, 0),
        ("work", 4, 8, 0, 4),
        ("send", 8, 9, None, 0),
        ("wait", 9, 10, None, 0),
        ("exit", 10, 12, None, 0),
    ]


def test_what_is_on_its_way_while_it_works_is_no_span(stage):
    """A chunk that was sent ahead, and results that are heard of late, keep nobody waiting."""
    stage.start(0)
    stage.ready(1)
    stage.send(1, Chunk(1, 0, 2))
    stage.send(1, Chunk(2, 2, 4))
    stage.done(6, Chunk(1, 0, 2), ran(2, 2.0, 3.0))
    stage.done(6, Chunk(2, 2, 4), ran(2, 2.0, 5.0))
    assert stage.told(6) == [
        ("start", 0, 1, None, 0),
        ("work", 1, 3, 0, 2),
        ("work", 3, 5, 2, 2),
        ("send", 5, 6, None, 0),
    ]


def test_parts_of_a_chunk_are_pieces_of_their_own(stage):
    """What comes back by and by is told with the items that came; taking items away shortens the chunk only."""
    stage.start(0)
    stage.ready(0)
    stage.send(0, Chunk(1, 10, 20))
    stage.done(2, Chunk(1, 10, 20), ran(3, 2.0, 2.0), more=True)
    stage.done(4, Chunk(1, 10, 20), ran(4, 2.0, 4.0))
    assert [span[3:] for span in stage.told(4)] == [(10, 3), (13, 4)]


def test_ready_is_heard_after_it_has_begun(stage):
    """A worker that was sent its first chunk with its start has started when it begins it."""
    stage.start(0)
    stage.send(0, Chunk(1, 0, 1))
    stage.ready(5)
    stage.done(5, Chunk(1, 0, 1), ran(1, 2.0, 4.0))
    assert [span[:3] for span in stage.told(5)] == [("start", 0, 2), ("work", 2, 4), ("send", 4, 5)]


def test_a_worker_that_is_never_ready_only_starts(stage):
    """Until it is told to end, it starts."""
    stage.start(1)
    with stage.at(3).closing():
        stage.at(4)
    assert [span[:3] for span in stage.told(9)] == [("start", 1, 3), ("exit", 3, 4)]


def test_long_items_are_spans_of_their_own(stage):
    """Items whose times are known, that took a millisecond or more one after another, are told one by one."""
    stage.start(0)
    stage.ready(0)
    stage.send(0, Chunk(1, 5, 8))
    stage.done(6, Chunk(1, 5, 8), ran(3, 6.0, 6.0, each_s=[1.0, 2.0, 3.0]))
    assert stage.told(6) == [("work", 0, 1, 5, 1), ("work", 1, 3, 6, 1), ("work", 3, 6, 7, 1)]


@pytest.mark.parametrize("each_s", [[2.0, 2.0, 2.0], [0.0002, 0.0003, 0.0004]], ids=["side by side", "short"])
def test_other_items_are_told_together(stage, each_s):
    """Items that ran side by side, or are too short to be seen, are one span."""
    wall_s = max(each_s)
    stage.start(0)
    stage.ready(0)
    stage.send(0, Chunk(1, 5, 8))
    stage.done(2, Chunk(1, 5, 8), ran(3, wall_s, 2.0, each_s=each_s))
    assert [span[3:] for span in stage.told(2) if span[0] == "work"] == [(5, 3)]


def test_who_dies_was_at_work(stage):
    """The item that a worker died on is told, with no item that ended; its life ends there."""
    stage.start(0)
    stage.ready(1)
    stage.send(1, Chunk(1, 0, 5))
    stage.at(4).hear([WorkerLost(0, WorkerDiedError("it was killed by SIGKILL"), 3)])
    stage.start(5, worker=1)
    stage.send(6, Chunk(2, 3, 4), worker=1)
    timeline = stage.timeline(9)
    assert timeline.spans[1] == Span(0, "work", 1, 4, 0, 0)
    death, retry = timeline.marks
    assert death == Mark(4.0, "death", 0, 3, "WorkerDiedError: it was killed by SIGKILL")
    assert retry == Mark(6.0, "retry", 1, 3)


def test_who_dies_between_two_items_was_at_nothing(stage):
    """Where a worker had begun nothing, no item is told."""
    stage.start(0)
    stage.ready(1)
    stage.send(1, Chunk(1, 0, 5))
    stage.at(4).hear([WorkerLost(0, WorkerDiedError("killed"), NOTHING_BEGUN)])
    timeline = stage.timeline(9)
    assert [each.kind for each in timeline.spans] == ["start", "wait"]
    assert timeline.marks[0].item is None


def test_who_has_grown_too_large_was_at_nothing(stage):
    """A worker that retires has begun nothing of what was sent ahead to it."""
    stage.start(0)
    stage.ready(1)
    stage.send(1, Chunk(1, 0, 5))
    stage.at(4).hear([WorkerRetired(0)])
    timeline = stage.timeline(9)
    assert [each.kind for each in timeline.spans] == ["start", "wait"]
    assert [each.kind for each in timeline.marks] == ["recycled"]


def test_errors_and_second_tries_are_marks(stage):
    """An item that raises is a failure at the end of its chunk; one that is sent again is a retry."""
    stage.start(0)
    stage.ready(0)
    stage.send(0, Chunk(1, 0, 3))
    stage.done(5, Chunk(1, 0, 3), ran(3, 4.0, 4.0, {1: TaskError(ValueError("no\nsuch thing"))}))
    stage.send(6, Chunk(2, 1, 2))
    stage.send(6, Chunk(3, 7, 8))
    assert stage.timeline(7).marks == (
        Mark(4.0, "failure", 0, 1, "ValueError: no such thing"),
        Mark(6.0, "retry", 0, 1),
    )


def test_values_before_an_error_need_not_have_come(stage):
    """Where values before the error are not kept, the items up to it have run all the same."""
    stage.start(0)
    stage.ready(0)
    stage.send(0, Chunk(1, 0, 9))
    stage.done(5, Chunk(1, 0, 9), ran(0, 4.0, 4.0, {3: TaskError(ValueError("no"))}))
    assert stage.told(5)[0] == ("work", 0, 4, 0, 4)


def test_who_gets_nothing_more_does_not_wait(stage):
    """A worker that others stand in for has a life up to there; one that is needed after all waited meanwhile."""
    stage.start(0)
    stage.ready(0)
    stage.send(0, Chunk(1, 0, 1))
    stage.done(1, Chunk(1, 0, 1), ran(1, 1.0, 1.0))
    stage.at(2).leave([0])
    assert stage.told(10)[-1] == ("wait", 1, 2, None, 0)
    stage.send(11, Chunk(2, 1, 2))
    stage.done(12, Chunk(2, 1, 2), ran(1, 1.0, 12.0))
    assert [span[:3] for span in stage.told(12)][-2:] == [("wait", 1, 11), ("work", 11, 12)]


def test_a_thread_that_is_ended_is_gone(stage):
    """Who is told to end while others go on has no long end."""
    stage.start(0)
    stage.ready(0)
    stage.at(2).tell(End(0))
    with stage.at(8).closing():
        stage.at(9)
    assert [span[:3] for span in stage.told(10)] == [("wait", 0, 2)]


def test_the_slowest_items_are_kept(stage):
    """Five of them, the slowest first, with their repr and who ran them; a second try counts once."""
    stage.start(0)
    stage.ready(0)
    for number in range(20):
        stage.send(10 * number, Chunk(number, number, number + 1))
        wall_s = (number * 7) % 20 / 2 + 0.25
        stage.done(10 * number + 10, Chunk(number, number, number + 1), ran(1, wall_s, 10 * number + 10))
    stage.send(200, Chunk(50, 17, 18))
    stage.done(212, Chunk(50, 17, 18), ran(1, 12.0, 212))
    slowest = stage.timeline(212).slowest
    assert slowest[0] == SlowItem(17, 12.0, 0, "'<17>'")
    assert [each.index for each in slowest] == [17, 14, 11, 8, 5]


def test_of_items_that_were_not_timed_the_mean_counts(stage):
    """The first item of a chunk stands for all, with their mean."""
    stage.start(0)
    stage.ready(0)
    stage.send(0, Chunk(1, 100, 200))
    stage.done(5, Chunk(1, 100, 200), ran(100, 5.0, 5.0))
    assert stage.timeline(5).slowest == (SlowItem(100, 0.05, 0, "'<100>'"),)


def test_memory_is_bounded_and_sums_stay(stage, monkeypatch):
    """When there are too many pieces, neighbours become one: all items and all the work are still there."""
    monkeypatch.setattr(module, "MOST_PIECES", 10)
    stage.start(0)
    stage.ready(0)
    for number in range(101):
        stage.send(number, Chunk(number, number, number + 1))
        stage.done(number + 1, Chunk(number, number, number + 1), ran(1, 0.5, number + 1))
    timeline = stage.timeline(101)
    (insight,) = timeline.insights
    assert len(stage.recorder.workers[0].pieces) <= 10
    assert (insight.items, insight.work * insight.seconds) == (101, pytest.approx(50.5))


def test_items_one_by_one_are_given_up_before_neighbours_become_one(stage, monkeypatch):
    """When there are too many, chunks are told instead of their items, those that follow too; none is merged yet."""
    monkeypatch.setattr(module, "MOST_PIECES", 10)
    stage.start(0)
    stage.ready(0)
    for number in range(5):
        chunk = Chunk(number, 4 * number, 4 * number + 4)
        stage.send(10 * number, chunk)
        stage.done(10 * number + 8, chunk, ran(4, 8.0, 10 * number + 8, each_s=[2.0] * 4))
    assert [span[3:] for span in stage.told(48) if span[0] == "work"] == [(4 * number, 4) for number in range(5)]


def test_after_its_end_a_run_is_told_as_it_was(stage):
    """However late somebody looks, the run ended when it ended."""
    stage.start(1)
    stage.at(3).end()
    stage.at(4).end()
    timeline = stage.timeline(1000)
    assert (timeline.wall_s, timeline.spans) == (3.0, (Span(0, "start", 1.0, 3.0),))


def test_marks_are_bounded(stage, monkeypatch):
    """Of a million failures the first are marks."""
    monkeypatch.setattr(module, "MOST_MARKS", 3)
    stage.start(0)
    stage.ready(0)
    stage.send(0, Chunk(1, 0, 9))
    stage.done(9, Chunk(1, 0, 9), ran(9, 9.0, 9.0, {place: TaskError(ValueError("no")) for place in range(9)}))
    assert [mark.item for mark in stage.timeline(9).marks] == [0, 1, 2]
