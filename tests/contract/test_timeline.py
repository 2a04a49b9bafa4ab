"""A recorded run says who worked on what and when, on every backend, and what happened to it."""

from __future__ import annotations

import functools
import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

import poolwise
from poolwise.model.timeline import Timeline
from tests.contract import functions
from tests.contract.ways import (
    ALL,
    AUTO,
    AUTO_COROUTINES,
    FAKE,
    FORK,
    FORK_THREADS,
    LOOP,
    PROCESSES,
    THREADS,
    Way,
    on,
    on_all,
    on_all_core,
)

COUNT = 60
LONG_S = 0.2


def worked_on(timeline: Timeline) -> Counter[int]:
    """Count how often each item was worked on to its end."""
    spans = [span for span in timeline.spans if span.kind == "work" and span.first is not None]
    return Counter(index for span in spans for index in range(span.first, span.first + span.items))


def check(timeline: Timeline) -> None:
    """See that spans are within the run, and that those of a worker have no gap and no overlap."""
    lanes = [lane.worker for lane in timeline.lanes]
    assert {span.worker for span in timeline.spans} <= set(lanes)
    for worker in lanes:
        spans = [span for span in timeline.spans if span.worker == worker]
        assert all(one.end_s == other.begin_s for one, other in itertools.pairwise(spans))
    assert all(0 <= span.begin_s <= span.end_s <= timeline.wall_s + 1e-6 for span in timeline.spans)
    assert all(0 <= mark.at_s <= timeline.wall_s + 1e-6 for mark in timeline.marks)


@on_all_core
@pytest.mark.parametrize("chunksize", [None, 7])
def test_every_item_is_worked_on_once(way: Way, chunksize: int | None):
    """The work on the lanes is each item once, by workers of the backend, and the run's own figures agree."""
    report = way.map(functions.double, range(COUNT), timeline=True, chunksize=chunksize).report
    check(report.timeline)
    assert worked_on(report.timeline) == Counter(range(COUNT))
    assert len(report.timeline.lanes) == report.workers_started
    backends = {lane.backend for lane in report.timeline.lanes}
    assert backends == {way.options["backend"]} if "backend" in way.options else backends
    assert sum(insight.items for insight in report.timeline.insights) == COUNT


@on(*(way for way in ALL if not way.faked))  # in virtual time nothing is slow
def test_the_slowest_item_is_named(way: Way):
    """The one item that takes long is the slowest, with what it took and its repr; the others are told, too."""
    slow = functools.partial(functions.linger, LONG_S, frozenset({13}))
    if way.coroutines:
        slow = functools.partial(functions.linger_async, LONG_S, frozenset({13}))
    timeline = poolwise.map(slow, range(COUNT), timeline=True, **way._all({"chunksize": 5})).report.timeline
    first, *others = timeline.slowest
    assert (first.index, first.item) == (13, "13")
    assert first.seconds >= LONG_S * 0.9
    assert len(others) == 4


@on_all
def test_failures_and_second_tries_are_marked(way: Way, tmp_path: Path):
    """Each time that an item raises is a mark with its error, and each time that it is sent again is one."""
    function = functools.partial(functions.fail_first, tmp_path, 2)
    timeline = way.map(function, [3], retries=2, timeline=True).report.timeline
    check(timeline)
    kinds = [mark.kind for mark in timeline.marks]
    assert kinds == ["failure", "retry", "failure", "retry"]
    assert {mark.item for mark in timeline.marks} == {0}
    assert "LookupError" in timeline.marks[0].text


@on(*PROCESSES, FORK_THREADS, core=True)
def test_a_killed_worker_is_seen_to_die(way: Way, tmp_path: Path):
    """Its lane ends at its death, the mark says of what; another is started, and all items are worked on."""
    function = functools.partial(functions.die_once, tmp_path, functions.kill_self, frozenset({5}))
    report = way.map(function, range(COUNT), timeline=True).report
    timeline = report.timeline
    check(timeline)
    deaths = [mark for mark in timeline.marks if mark.kind == "death"]
    assert len(deaths) == report.deaths >= 1
    assert "SIGKILL" in deaths[0].text
    for death in deaths:
        assert max(span.end_s for span in timeline.spans if span.worker == death.worker) <= death.at_s + 1e-6
    # What had not come back from the one that died was run again.
    assert worked_on(timeline) == Counter(range(COUNT))


@on(LOOP, THREADS, FORK, AUTO, FAKE)
def test_nothing_is_recorded_where_nobody_asks(way: Way):
    """By default there is no timeline, nor any time of items on its way."""
    assert way.map(functions.double, range(COUNT)).report.timeline is None


@on(LOOP, THREADS, FORK, AUTO, AUTO_COROUTINES)
def test_a_file_is_written_whatever_ends_the_run(way: Way, tmp_path: Path):
    """An error that ends the run is raised, and the trace of what was done until then is there."""
    path = tmp_path / "run.json"
    with pytest.raises(ValueError, match="bad item"):
        way.map(functools.partial(functions.fail_on, frozenset({40})), range(COUNT), timeline=path)
    events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    assert [event["args"]["item"] for event in events if event["name"] == "failure"] == [40]


@on(LOOP, THREADS, FORK, AUTO)
def test_a_stream_that_is_left_early_has_its_timeline(way: Way, tmp_path: Path):
    """``imap`` tells what was done so far; when it is left, the file is written."""
    path = tmp_path / "run.json"
    with way.imap(functions.double, itertools.count(), timeline=str(path)) as results:
        assert next(results) == 0
        check(results.report.timeline)
        assert worked_on(results.report.timeline)[0] == 1
        assert not path.exists()
    check(results.report.timeline)
    trace = json.loads(path.read_text(encoding="utf-8"))
    assert trace == json.loads(json.dumps(results.report.timeline.to_trace()))
