"""Items are timed where that is asked for: one by one, side by side, in an event loop."""

from __future__ import annotations

import asyncio
import time

import pytest

from poolwise.model.events import Outcome
from poolwise.work.call import make_call
from poolwise.work.chunk import MOST_TIMED, ChunkRules, run_chunk
from poolwise.work.chunk_async import run_chunk_async
from poolwise.work.chunk_threads import run_chunk_threads
from poolwise.work.cuttable import Cuttable

LONG_S = 0.02


def nap(item):
    """Wait on item 2 and fail on item 4."""
    if item == 4:
        raise ValueError(item)
    time.sleep(LONG_S if item == 2 else 0)
    return item


async def nap_async(item):
    """Do the same in an event loop."""
    if item == 4:
        raise ValueError(item)
    await asyncio.sleep(LONG_S if item == 2 else 0)
    return item


def plain(items, rules) -> Outcome:
    """Run them one after another."""
    return run_chunk(make_call(nap, spread=False), items, rules)


def marked(items, rules) -> Outcome:
    """Run them marked one by one."""
    return run_chunk(make_call(nap, spread=False), items, rules, mark=lambda _: None)


def cut(items, rules) -> Outcome:
    """Run them from a chunk that can be cut."""
    return run_chunk(make_call(nap, spread=False), Cuttable(items), rules)


def on_threads(items, rules) -> Outcome:
    """Run them on two threads."""
    return run_chunk_threads(make_call(nap, spread=False), items, rules, 2)


def in_a_loop(items, rules) -> Outcome:
    """Run them two at a time in an event loop."""
    return asyncio.run(run_chunk_async(make_call(nap_async, spread=False), items, rules, 2))


WAYS = pytest.mark.parametrize("run", [plain, marked, cut, on_threads, in_a_loop])


@WAYS
@pytest.mark.parametrize("timeout_s", [None, 60.0])
def test_each_item_has_its_time(run, timeout_s):
    """The one that waits is the longest; one that raises has its time too; the end is told by the clock of all."""
    rules = ChunkRules(stop_at_error=False, timed=True, timeout_s=timeout_s)
    before = time.perf_counter()
    outcome = run(list(range(6)), rules)
    assert len(outcome.each_s) == 6
    assert max(range(6), key=outcome.each_s.__getitem__) == 2
    assert outcome.each_s[2] >= LONG_S * 0.9
    assert before + LONG_S * 0.9 <= outcome.ended_s <= time.perf_counter()


@WAYS
def test_times_end_where_an_error_ends_the_chunk(run):
    """There is a time for each item that was begun, the one that raised included."""
    outcome = run(list(range(6)), ChunkRules(stop_at_error=True, timed=True))
    assert len(outcome.each_s) == len(outcome.values) == 5


def test_times_are_there_where_values_are_not_kept():
    """Values before an error that nobody wants have been made all the same."""
    outcome = plain(list(range(6)), ChunkRules(keep_partial=False, timed=True))
    assert (len(outcome.values), len(outcome.each_s)) == (0, 5)


@WAYS
def test_nobody_is_timed_unasked(run):
    """By default no clock is read for an item."""
    assert not run(list(range(4)), ChunkRules()).each_s


@pytest.mark.parametrize("run", [plain, in_a_loop])
def test_many_quick_items_are_not_timed(run):
    """Where a chunk has so many that each is quick, the mean tells enough."""
    assert not run([0] * (MOST_TIMED + 1), ChunkRules(timed=True)).each_s
