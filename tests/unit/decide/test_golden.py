"""Named cases, as an expert would decide them: the table to look at when a formula has changed.

One line for each: what an item takes, the share of it that is computing, the share of the computing that holds the GIL,
cores, items, then the choice, and what is special.
"""

from __future__ import annotations

import pytest

from poolwise.decide.choose import decide
from poolwise.model.options import Options
from poolwise.model.profile import Payload
from tests.unit.decide.facts import make_machine, make_profile

US, MS = 1e-6, 1e-3
LOCK = {"result": Payload(0, 0.0, "<lock> cannot be pickled (TypeError: cannot pickle '_thread.lock' object)")}
LARGE = {"result": Payload(40_000_000, 30 * MS)}
COROUTINE = {"coroutine": True}
FORKSERVER = {"python_threads": 2}
SPAWN = {"start_methods": ("spawn",)}
NO_START = {"start_methods": ()}
NO_GIL = {"gil": False}
WORKER = {"in_worker": True}
TWO = {"max_workers": 2}
TIMEOUT = {"timeout": 1.0}

# fmt: off
CASES = [
    # name                                  wall    cpu   gil cores  items  backend     workers    besides
    ("200 sleeps of 10 ms",                   10*MS,   0.0,  1.0,  2,    200, "threads",   "64-128",  {}),
    ("10,000 sleeps of 10 ms",                10*MS,   0.0,  1.0,  2,  10000, "threads",   "120-128", {}),
    ("2 sleeps of a second",                    1.0,   0.0,  1.0,  2,      2, "threads",   "2",       {}),
    ("1 sleep of a second",                     1.0,   0.0,  1.0,  2,      1, "loop",      "1",       {}),
    ("59 pages of 100 ms",                   100*MS, 0.005,  1.0,  2,     59, "threads",   "59",      {}),
    ("sleeps of 100 µs, a thousand",         100*US,   0.0,  1.0,  2,   1000, "threads",   "8-64",    {}),
    ("sleeps inside of a worker",             10*MS,   0.0,  1.0,  1,    200, "threads",   "64-128",  WORKER),
    ("x + 1, 100,000 times",                   1e-7,   1.0,  1.0,  4, 100000, "loop",      "1",       {}),
    ("8 calls of 1 ms that compute",           1*MS,   1.0,  1.0,  2,      8, "loop",      "1",       {}),
    ("100 calls of 1 ms that compute",         1*MS,   1.0,  1.0,  2,    100, "processes", "2",       {}),
    ("the same beside another thread",         1*MS,   1.0,  1.0,  2,    100, "loop",      "1",       FORKSERVER),
    ("1,000 of 10 ms beside another thread",  10*MS,   1.0,  1.0,  2,   1000, "processes", "2",       FORKSERVER),
    ("1,000 of 10 ms on a Mac",               10*MS,   1.0,  1.0,  8,   1000, "processes", "6-8",     SPAWN),
    ("2 calls of a second that compute",        1.0,   1.0,  1.0,  2,      2, "processes", "2",       {}),
    ("3 calls of a second on 64 cores",         1.0,   1.0,  1.0, 64,      3, "processes", "3",       {}),
    ("10,000 of 10 ms on 64 cores",           10*MS,   1.0,  1.0, 64,  10000, "processes", "60-64",   {}),
    ("computing on one core",                 10*MS,   1.0,  1.0,  1,   1000, "loop",      "1",       {}),
    ("computing inside of a worker",          10*MS,   1.0,  1.0,  1,   1000, "loop",      "1",       WORKER),
    ("computing, and the result is a lock",   10*MS,   1.0,  1.0,  4,   1000, "loop",      "1",       LOCK),
    ("computing, and the result has 40 MB",   10*MS,   1.0,  1.0,  4,    100, "loop",      "1",       LARGE),
    ("computing without any start method",    10*MS,   1.0,  1.0,  4,   1000, "loop",      "1",       NO_START),
    ("hashing a megabyte",                     1*MS,   1.0, 0.02,  2,    100, "threads",   "2",       {}),
    ("hashing on 8 cores",                    10*MS,   1.0, 0.02,  8,   1000, "threads",   "8",       {}),
    ("hashing, and the result is a lock",      1*MS,   1.0, 0.02,  2,    100, "threads",   "2",       LOCK),
    ("computing without a GIL",               10*MS,   1.0,  1.0,  4,   1000, "threads",   "4",       NO_GIL),
    ("half waiting, half computing",          10*MS,   0.5,  1.0,  2,   1000, "processes", "2",       {}),
    ("coroutines that wait",                  50*MS,  0.01,  1.0,  2,   1000, "asyncio",   "100-256", COROUTINE),
    ("coroutines that compute",               10*MS,   1.0,  1.0,  2,   1000, "processes", "2",       COROUTINE),
    ("2 workers at most",                     10*MS,   0.0,  1.0,  8,    200, "threads",   "2",       TWO),
    ("computing that must not be late",       10*MS,   1.0,  1.0,  2,   1000, "processes", "2",       TIMEOUT),
    ("an iterator of unknown length",          1*MS,   1.0,  1.0,  2,   None, "processes", "2",       {}),
]
# fmt: on
OF_OPTIONS = {"max_workers", "timeout"}
OF_PROFILE = {"result", "coroutine"}


def pick(more, names):
    """Give those of some keywords that have these names."""
    return {name: value for name, value in more.items() if name in names}


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_an_expert_would_have_decided_so(case):
    """The way, and how many workers."""
    _, wall_s, cpu, gil, cores, items, backend, workers, more = case
    least, _, most = workers.partition("-")
    profile = make_profile(wall_s, cpu=cpu, gil=cpu * gil, **pick(more, OF_PROFILE))
    machine = make_machine(cores, **pick(more, more.keys() - OF_OPTIONS - OF_PROFILE))
    plan = decide(profile, machine, Options(**pick(more, OF_OPTIONS)), items, ships_items=False)
    assert plan.backend == backend
    assert int(least) <= plan.workers <= int(most or least)
