"""What the system lets this process have."""

from __future__ import annotations

import os
import sys

import pytest

from poolwise.measure import growth, limits
from poolwise.measure.growth import MemoryWatch
from poolwise.measure.limits import open_files, threads_left
from tests.memory import fill, fresh_pages

MIB = 1 << 20
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the system tells it on Linux only")


def test_open_files_are_counted():
    """One more is one more, and the limit is the one that ``ulimit -n`` shows."""
    resource = pytest.importorskip("resource")
    limit, before = open_files()
    reading, writing = os.pipe()
    try:
        assert open_files() == (limit, before + 2)
    finally:
        os.close(reading)
        os.close(writing)
    assert limit in (resource.getrlimit(resource.RLIMIT_NOFILE)[0], None)


@pytest.fixture
def pids(tmp_path, monkeypatch):
    """Make up control groups, and a user who is not the superuser and has no limit."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def write(files, membership="0::/a/b\n"):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return threads_left(str(tmp_path), membership)

    return write


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"a/b/pids.max": "100\n", "a/b/pids.current": "30\n"}, 70),
        ({"a/b/pids.max": "max\n", "a/b/pids.current": "30\n"}, None),
        ({"a/pids.max": "50\n", "a/pids.current": "48\n", "a/b/pids.max": "100\n", "a/b/pids.current": "3\n"}, 2),
        ({"a/b/pids.max": "10\n", "a/b/pids.current": "30\n"}, 0),
        ({"pids/pids.max": "10\n", "pids/pids.current": "4\n"}, 6),
        ({}, None),
    ],
    ids=["a limit", "none", "an outer one", "more than allowed", "version 1", "no groups"],
)
def test_threads_that_control_groups_leave(pids, files, left):
    """The least that any of the groups has left."""
    assert pids(files) == left


def test_the_users_own_limit_holds_too(pids, monkeypatch):
    """``ulimit -u``, but not for the superuser."""
    monkeypatch.setattr(limits, "_soft_limit", lambda _: 40)
    files = {"a/b/pids.max": "100\n", "a/b/pids.current": "30\n"}
    assert pids(files) == 70
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert pids(files) == 40


@on_linux
def test_what_is_kept_is_growth():
    """Memory that is written to and kept is seen, within what the kernel rounds."""
    with fresh_pages(40 * MIB) as kept:
        watch = MemoryWatch()
        fill(kept)
        assert 39 * MIB <= watch.grown() < 60 * MIB
        assert len(kept) == 40 * MIB


def test_a_peak_that_is_gone_is_seen_where_it_was_the_highest_ever(monkeypatch):
    """From what was resident before to the highest since; an older peak that was higher hides it."""
    resident, peak = [100 * MIB, 102 * MIB, 102 * MIB], [110 * MIB, 150 * MIB, 110 * MIB]
    monkeypatch.setattr(growth, "resident", lambda: resident.pop(0))
    monkeypatch.setattr(growth, "peak", lambda: peak.pop(0))
    watch = MemoryWatch()
    assert watch.grown() == 50 * MIB
    assert watch.grown() == 2 * MIB


@pytest.mark.parametrize(("before", "after"), [(100 * MIB, 100 * MIB + 5000), (100 * MIB, 90 * MIB), (0, 0)])
def test_too_little_to_see_is_nothing(monkeypatch, before, after):
    """Less than the kernel's rounding, or what the system does not tell."""
    monkeypatch.setattr(growth, "peak", lambda: 0)
    monkeypatch.setattr(growth, "resident", lambda: before)
    watch = MemoryWatch()
    monkeypatch.setattr(growth, "resident", lambda: after)
    assert watch.grown() == 0
