"""Real runs of the judgement: each in a process of its own, one with a server."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.judgement.process import Place, run, served

pytestmark = pytest.mark.slow


def runs(folder, url, module, case, *ways):
    """Run a case in these ways."""
    place = Place(Path(sys.executable), folder, url)
    return [run(place, module, case, way, 30) for way in ways]


def test_every_kind_of_way_gives_the_same_results(tmp_path):
    """By hand, by a peer and by Poolwise, which also tells what it chose."""
    found = runs(tmp_path, "", "computing", "compute 2 ms, 10 items", "loop", "fork 2, quarters", "poolwise")
    assert [each.get("failed") for each in found] == [None, None, None]
    assert len({each["digest"] for each in found}) == 1
    assert all(each["seconds"] > 0 for each in found)
    assert found[-1]["chose"]


def test_a_server_is_there_while_its_case_is_measured(tmp_path):
    """It refuses what is beyond its limit, serves a client that tries again, and ends with the case."""
    with served({"latency_s": 0.02, "beyond": "503", "limit": 1}) as url:
        patient = runs(tmp_path, url, "web", "HTTP 30 ms, 429 beyond 6", "threads 2")
        hasty = runs(tmp_path, url, "web", "HTTP 300 ms, 4 items", "threads 4")
    late = runs(tmp_path, url, "web", "HTTP 300 ms, 4 items", "loop")
    assert [each.get("failed") for each in patient] == [None]
    assert ["503" in each["failed"] for each in hasty] == [True]
    assert ["Connection refused" in each["failed"] for each in late] == [True]


def test_a_wrong_place_for_side_effects_is_found(tmp_path):
    """Processes cannot fill a list of this one."""
    threads, processes = runs(tmp_path, "", "awkward", "side effects, tiny", "threads 2", "inherit 2, quarters")
    assert threads.get("failed") is None
    assert processes["failed"] == "0 items remembered of 50000"


def test_a_run_that_takes_too_long_is_ended(tmp_path):
    """The kernel ends it at the limit, and what it had started goes with it."""
    place = Place(Path(sys.executable), tmp_path)
    assert run(place, "waiting", "sleep 100 ms", "inherit 2, quarters", 0.3) == {"slow": 0.3}
