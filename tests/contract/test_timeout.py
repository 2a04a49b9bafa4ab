"""A late item is told as late, and costs no other item."""

from __future__ import annotations

import functools
import time

import pytest

from poolwise.backends.protocol import CAPABILITIES
from poolwise.errors import TaskTimeoutError
from poolwise.model.options import CLUSTERS
from poolwise.testing import Script
from tests.contract import functions
from tests.contract.conftest import leftovers
from tests.contract.ways import ALL, FORK, Way, on

COUNT = 12
LATE = frozenset({4, 9})
LIMIT_S = 0.2
# Where nothing can be done before the late item ends, it had better end soon.
A_LITTLE_S = 0.25
BEFORE_IT_ENDS_S = 15.0

CUTTING = [way for way in ALL if way.timeout != "tells"]


def late_function(way: Way, late: frozenset = LATE):
    """Give a function that is late on some items, by the script where the way is faked."""
    way.script = Script(item_s=dict.fromkeys(late, way.forever_s))
    seconds = {"tells": A_LITTLE_S}.get(way.timeout, way.forever_s)
    return functools.partial(functions.linger, 0 if way.faked else seconds, late)


@on(*ALL, core=True)
def test_a_late_item_is_told_and_the_others_arrive(way: Way):
    """A late item is a TaskTimeoutError in its place; all others have their results."""
    results = way.map(late_function(way), range(COUNT), timeout=LIMIT_S, errors="collect")
    assert [offset for offset, each in enumerate(results) if each != offset] == sorted(LATE)
    assert [(each.index, type(each.error), each.attempts) for each in results.failures] == [
        (index, TaskTimeoutError, 1) for index in sorted(LATE)
    ]
    assert all(f"longer than timeout={LIMIT_S:g} s" in str(each.error) for each in results.failures)


@on(*ALL)
def test_a_late_item_is_raised(way: Way):
    """With ``errors="raise"`` a late item ends the run with a TimeoutError that names it, long before it ends."""
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match="longer than timeout") as caught:
        way.map(late_function(way), range(COUNT), timeout=LIMIT_S)
    assert time.monotonic() - begun < BEFORE_IT_ENDS_S
    assert type(caught.value) is TaskTimeoutError
    assert caught.value.__notes__[0] in {f"poolwise: on item {index}: {index}" for index in LATE}


@on(*CUTTING)
def test_imap_goes_on_past_late_items(way: Way):
    """``imap`` gives everything else in order, from lazy input too."""
    results = list(way.imap(late_function(way), iter(range(COUNT)), timeout=LIMIT_S, errors="skip"))
    assert results == [item for item in range(COUNT) if item not in LATE]


@on(*CUTTING)
def test_late_items_are_tried_again(way: Way):
    """``retries`` counts for late items too."""
    function = late_function(way, frozenset({2}))
    results = way.map(function, range(4), timeout=LIMIT_S, retries=1, errors="collect")
    assert [(each.index, each.attempts) for each in results.failures] == [(2, 2)]
    assert results.report.retried == 1


@on(*CUTTING)
def test_more_late_items_than_workers(way: Way):
    """Late items one after another use up no workers: each has its place taken."""
    function = late_function(way, frozenset(range(8)))
    results = way.map(function, range(10), timeout=LIMIT_S, errors="collect")
    assert [type(each.error) for each in results.failures] == [TaskTimeoutError] * 8
    assert results[8:] == [8, 9]


@on(*[way for way in ALL if not way.faked])
def test_in_time_is_not_late(way: Way, tmp_path):
    """With a timeout that nobody reaches, every result comes and each item is called once."""
    path = tmp_path / "calls"
    function = functools.partial(functions.noted, path)
    assert way.map(function, range(40), timeout=60) == list(range(40))
    assert sorted(map(int, functions.lines(path))) == list(range(40))


@on(*CUTTING)
def test_a_late_item_costs_no_other_a_second_call(way: Way, tmp_path):
    """Items that came to their end before a late one are not called again, measuring included."""
    path = tmp_path / "calls"
    seconds = 0 if way.faked else way.forever_s
    way.script = Script(item_s={25: way.forever_s})
    function = functools.partial(functions.note_and_linger, path, seconds, frozenset({25}))
    way.map(function, range(40), timeout=LIMIT_S, errors="skip")
    assert sorted(map(int, functions.lines(path))) == [item for item in range(40) if item != 25 or not way.faked]


@on(FORK)
def test_a_process_that_computes_is_killed(way: Way):
    """A late item that never lets go of the interpreter is ended with its worker."""
    results = way.map(functools.partial(functions.spin, way.forever_s, LATE), range(COUNT), timeout=0.1, errors="skip")
    assert results == [item for item in range(COUNT) if item not in LATE]
    assert results.report.deaths == len(LATE)
    assert leftovers() == []


@on(FORK)
def test_a_slow_consumer_makes_no_item_late(way: Way):
    """The time that a finished result waits for its consumer is not the item's: large results included."""
    results = way.imap(large, range(3), timeout=LIMIT_S)
    sizes = []
    for result in results:
        sizes.append(len(result))
        consume(1.5 * LIMIT_S)
    assert sizes == [LARGE] * 3


# More than any socket buffer holds: the worker cannot be rid of it before the parent reads.
LARGE = 3_000_000


def large(item):
    """Give a large result."""
    return bytes(LARGE)


def consume(seconds: float) -> None:
    """Be busy elsewhere: the consumer's own work, not a wait for the library."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_what_each_backend_can_do_about_late_items_is_in_the_table():
    """The ways of this suite expect what the table of capabilities promises; those of clusters are in tests/others."""
    expected = {way.options["backend"]: way.timeout for way in ALL if "backend" in way.options and not way.coroutines}
    told = {name: each.timeout for name, each in CAPABILITIES.items() if name not in CLUSTERS}
    assert expected | {"asyncio": "cancels"} == told
