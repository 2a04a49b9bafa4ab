"""Workers: their initializer, their number, and what the report tells of them."""

from __future__ import annotations

import functools
import traceback
from pathlib import Path

import pytest
from hypothesis import strategies as st

import poolwise
from poolwise.errors import InitializerError
from poolwise.model.timeline import Timeline
from poolwise.testing import Script
from tests.contract import functions
from tests.contract.ways import ALL, FAKE, LOOP, WORKERS, Way, on, on_all, on_all_core


@on(*[way for way in ALL if way.options], core=True)
def test_the_initializer_runs_once_in_each_worker(way: Way, tmp_path: Path):
    """The initializer runs once for each worker, before its first item; an event loop is one for all its slots."""
    path = tmp_path / "initialized"
    results = way.map(functions.see_initialized, range(30), initializer=functions.initialize, initargs=(path, "ready"))
    assert results == [("ready", item) for item in range(30)]
    one_for_all = way.options["backend"] == "asyncio"
    assert len(functions.lines(path)) == (1 if one_for_all else results.report.workers_started)


@on(*[way for way in ALL if not way.options])
def test_the_initializer_runs_where_measuring_begins(way: Way, tmp_path: Path):
    """Measured in this thread, tiny work is done there, after the initializer has run there once."""
    path = tmp_path / "initialized"
    results = way.map(functions.see_initialized, range(30), initializer=functions.initialize, initargs=(path, "ready"))
    assert results == [("ready", item) for item in range(30)]
    assert len(functions.lines(path)) == results.report.workers_started == 1


@on_all
@pytest.mark.parametrize("errors", ["raise", "collect"])
@pytest.mark.parametrize("verb", ["map", "imap"])
def test_an_initializer_that_raises_ends_the_run(way: Way, errors: str, verb: str):
    """Its error comes out once, as InitializerError with the initializer's own error behind it, whatever ``errors``."""
    with pytest.raises(InitializerError, match="initialize_badly raised LookupError: no such database") as caught:
        list(getattr(way, verb)(functions.echo, range(30), initializer=functions.initialize_badly, errors=errors))
    told = "".join(traceback.format_exception(caught.value))
    assert "in initialize_badly" in told


@on_all_core
def test_an_initializer_that_exits_ends_the_run(way: Way):
    """``sys.exit`` in the initializer is an InitializerError too, and no hang."""
    with pytest.raises(InitializerError, match="leave raised SystemExit"):
        way.map(functions.echo, range(30), initializer=functions.leave)


def at_work(timeline: Timeline) -> int:
    """Say how many workers were at work at a time, at most."""
    work = [span for span in timeline.spans if span.kind == "work"]
    return max((sum(each.begin_s <= span.begin_s < each.end_s for each in work) for span in work), default=0)


def replaced(report: poolwise.Report) -> int:
    """Count the company of the first items that went, because the plan is another kind of worker."""
    company = [lane for lane in report.timeline.lanes if lane.worker != 0]
    return sum(lane.backend != report.plan.backend for lane in company)


@on_all
def test_the_report_counts(way: Way):
    """Items, failures and retries are counted; there are no more workers than items, nor than were asked for.

    Where it is decided on the way, beside the one that was measured: on a busy machine its company may be a process and
    the plan threads, which come in its place. At a time there are no more at work then, either.
    """

    @way.for_all(count=st.integers(0, 40), bad=st.frozensets(st.integers(0, 39), max_size=4), retries=st.integers(0, 2))
    def _(count, bad, retries):
        bad = {index for index in bad if index < count}
        function = functools.partial(functions.fail_on, frozenset(bad))
        report = way.map(function, range(count), errors="skip", retries=retries, timeline=not way.options).report
        assert (report.items, report.failed) == (count, len(bad))
        assert report.retried == retries * len(bad)
        assert report.deaths == 0
        most = min(count, WORKERS)
        if way.options:
            assert report.workers_started <= most
        else:
            measured = 1
            assert report.workers_started <= most + measured + replaced(report)
            assert at_work(report.timeline) <= most + measured
        assert report.wall_s >= report.run_s >= 0
        assert report.chunks >= (count > 0)


@on(*[way for way in ALL if way is not LOOP and way.options])
def test_max_workers_is_kept(way: Way):
    """``max_workers=1`` has one worker, and ``max_workers=5`` no more than five."""
    assert way.map(functions.echo, range(40), max_workers=1, chunksize=1).report.workers_started == 1
    assert way.map(functions.echo, range(40), max_workers=5, chunksize=1).report.workers_started <= 5


@on(FAKE)
def test_workers_that_die_at_their_start_are_replaced(way: Way):
    """A worker that dies before it is ready costs nothing but time."""
    way.script = Script(dies_at_start={0, 2})
    results = way.map(functions.double, range(20), errors="collect")
    assert results == [2 * item for item in range(20)]
    assert results.report.deaths == 2
