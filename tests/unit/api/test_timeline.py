"""The option ``timeline``: what may be written, where it goes, and what it leaves alone."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import threading
import time
from pathlib import Path

import pytest

import poolwise
from poolwise.errors import OptionError
from poolwise.model.options import Options


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "timeline=None: write True, False, or the name of a file"),
        (1, "timeline=1: write True"),
        ("", "timeline='': write True"),
        (b"x", "timeline=b'x': write True"),
        (".", "is a folder: write the name of a file in it"),
        ("no/such/run.json", "there is no folder 'no/such'; make it first"),
    ],
)
def test_a_wrong_name_is_refused_before_anything_runs(value, says):
    """The error says what to write, and no item was run."""
    ran = []
    with pytest.raises(OptionError) as caught:
        poolwise.map(ran.append, [1], timeline=value)
    assert says in str(caught.value)
    assert ran == []


def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path, monkeypatch):
    """Not after an hour."""
    path = tmp_path / "run.json"
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(OptionError, match="its permissions do not allow it"):
        Options(timeline=path)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_gets_the_trace_of_the_report(tmp_path, kind):
    """The file is the report's timeline as a trace."""
    path = kind(tmp_path / "run.json")
    results = poolwise.map(abs, [-1, -2], timeline=path)
    trace = json.loads(Path(path).read_text(encoding="utf-8"))
    assert trace == json.loads(json.dumps(results.report.timeline.to_trace()))


def test_a_file_that_cannot_be_written_in_the_end_costs_no_results(tmp_path, caplog):
    """The folder has gone meanwhile: that is logged, and the results are there."""
    folder = tmp_path / "gone"
    folder.mkdir()

    def remove(item):
        folder.rmdir()
        return item

    with caplog.at_level(logging.WARNING, "poolwise"):
        assert poolwise.map(remove, [1], timeline=folder / "run.json") == [1]
    assert "the timeline could not be written" in caplog.text


def test_it_decides_nothing():
    """It is the caller's own affair: what a decision is made by does not hold it, and saved options leave it out."""
    options = Options(timeline="run.json")
    assert options.without_objects() == Options()
    assert "timeline" not in options.to_dict()
    assert Options.from_dict(options.to_dict()) == Options()


def test_why_writes_the_timeline_of_its_sample(tmp_path):
    """The sample is a run too."""
    path = tmp_path / "sample.json"
    assert poolwise.why(abs, [-1], timeline=path).plan.backend == "loop"
    assert [each["name"] for each in json.loads(path.read_text())["traceEvents"] if each.get("cat") == "work"]


def test_amap_has_it_too():
    """In an event loop, too."""

    async def main():
        return await poolwise.amap(abs, [-1, -2], timeline=True)

    timeline = asyncio.run(main()).report.timeline
    assert sum(insight.items for insight in timeline.insights) == 2


def test_a_report_with_a_timeline_goes_through_json():
    """Report and timeline come back equal."""
    report = poolwise.map(abs, range(-50, 50), timeline=True).report
    assert poolwise.Report.from_json(report.to_json()) == report


def test_company_is_told_beside_the_calling_thread():
    """The first items run in the calling thread, and threads come beside it: each has a lane of its kind."""
    timeline = poolwise.map(time.sleep, [0.02] * 30, timeline=True).report.timeline
    kinds = [lane.backend for lane in timeline.lanes]
    assert kinds[0] == "loop"
    assert set(kinds[1:]) == {"threads"}
    assert timeline.lanes[0].name == "calling thread"


def test_a_plan_that_is_made_anew_is_marked():
    """Where the run has to go on in another way, the mark says when and why, as the report does."""
    home = threading.get_ident()

    def work(item):
        time.sleep(0.005)
        if item >= 500 and threading.get_ident() != home:
            raise sqlite3.ProgrammingError("SQLite objects created in a thread can only be used in that same thread")
        return item

    report = poolwise.map(work, range(560), timeline=True).report
    marks = [mark for mark in report.timeline.marks if mark.kind == "revision"]
    assert [(mark.at_s, mark.worker) for mark in marks] == [(each.at_s, None) for each in report.revisions]
    assert "a plain loop" in marks[-1].text
    # Those that came beside the calling thread have nothing to wait for any more.
    threads = {lane.worker for lane in report.timeline.lanes if lane.backend == "threads"}
    assert threads
    assert max(span.end_s for span in report.timeline.spans if span.worker in threads) < report.timeline.wall_s
