"""The ruler for fetching: its server does what its modes say, and its table compares what may be compared."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial

import pytest

from benchmarks.fetch import pages, table
from benchmarks.fetch.measure import Figures
from benchmarks.fetch.server import Settings, Site, Status


class FakeLoop:
    """A loop whose time stands still until it is told."""

    def __init__(self):
        self.now = 100.0
        self.timers = deque()

    def time(self):
        return self.now

    def call_at(self, when, call):
        self.timers.append((when, call))

    def run_until(self, end):
        while self.timers and self.timers[0][0] <= end:
            self.now, call = self.timers.popleft()
            call()
        self.now = end


@pytest.fixture
def site(monkeypatch):
    """Make sites on one fake loop, and give both."""
    loop = FakeLoop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    return lambda mode: (Site(Settings(mode=mode, latency_s=0.05, limit=2)), loop)


def ask_for(site, loop, count):
    """Ask for so many pages at once; list what is written, with the time of each."""
    answers = []
    for number in range(count):
        site.ask(
            lambda answer, n=number: answers.append((n, round(loop.now - 100, 3), answer[9:12])), b"/page/%d" % number
        )
    loop.run_until(200.0)
    return answers


def test_a_steady_server_answers_all_after_its_latency(site):
    """However many ask."""
    assert ask_for(*site("steady"), 4) == [(number, 0.05, b"200") for number in range(4)]


@pytest.mark.parametrize(("mode", "code"), [("refuses", b"429"), ("refuses-after", b"429"), ("unavailable", b"503")])
def test_a_server_that_refuses_does_so_at_once_beyond_its_limit(site, mode, code):
    """Those that it has taken on are answered; the status counts both."""
    refusing, loop = site(mode)
    assert ask_for(refusing, loop, 3) == [(2, 0.0, code), (0, 0.05, b"200"), (1, 0.05, b"200")]
    assert refusing.status == Status(requests=3, refused=1, most_at_once=2)


def test_a_server_that_slows_down_has_few_places_and_a_queue(site):
    """With two places, each pair waits for the pair before it."""
    slow, loop = site("slows")
    assert [when for _, when, _ in ask_for(slow, loop, 6)] == [0.05, 0.05, 0.1, 0.1, 0.15, 0.15]


def test_robots_and_status_are_not_counted(site):
    """They are answered at once."""
    steady, _ = site("steady")
    answers = []
    for path in (b"/robots.txt", b"/-/status", b"/nothing"):
        steady.ask(answers.append, path)
    assert [answer[9:12] for answer in answers] == [b"200", b"200", b"404"]
    assert steady.status.requests == 0


def test_pages_are_compared_with_what_they_should_be(tmp_path):
    """One that is cut short, one that is there twice, and one of another number do not count."""
    for name, body in {
        "a": pages.page(0),
        "b": pages.page(1)[:-1],
        "c": pages.page(2),
        "d": pages.page(2),
        "e": pages.page(99),
        "f": b"{}",
    }.items():
        (tmp_path / name).write_bytes(body)
    assert pages.count_right(tmp_path, 4) == 1


def test_the_best_has_every_page():
    """A way that is quick and misses pages is not what others are compared with."""
    run = partial(Figures, client_cpu_s=1.0, peak_bytes=1, status=Status(requests=10, refused=5))
    found = {
        "hasty": [run(wall_s=1.0, right=9)],
        "slow": [run(wall_s=4.0, right=10)],
        "good": [run(wall_s=2.0, right=10)],
    }
    assert table.best_of(found, list(found), 10) == "good"
    assert table.ratios(found["slow"], found["good"]) == [2.0]
    assert table.wasted(found["slow"][0]) == 0.5
