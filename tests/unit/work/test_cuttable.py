"""Items that can be taken away while others run: each is begun, or taken, and never both."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import pytest

from poolwise.work.call import make_call
from poolwise.work.chunk import ChunkRules, run_chunk
from poolwise.work.chunk_async import run_chunk_async
from poolwise.work.cuttable import Cuttable

KEEPING = ChunkRules(keep_partial=True)


def test_what_is_not_begun_can_be_taken():
    """The one that was given is begun; the others go, and it says how many."""
    items = Cuttable("abcd")
    given = iter(items)
    assert (next(given), items.unbegun, len(items)) == ("a", 3, 4)
    assert items.cut() == 3
    assert (items.unbegun, len(items), list(given)) == (0, 1, [])
    assert items.cut() == 0


def test_a_chunk_ends_where_it_was_cut():
    """Its outcome holds what was begun, and no more."""
    items = Cuttable(range(10))

    def function(item):
        if item == 3:
            items.cut()
        return -item

    outcome = run_chunk(make_call(function, spread=False), items, KEEPING)
    assert (list(outcome.values), outcome.errors) == ([0, -1, -2, -3], {})


def test_an_error_before_the_cut_has_its_place():
    """It is told with the offset of its item."""
    items = Cuttable(range(10))

    def function(item):
        if item == 2:
            items.cut()
        return 1 // (item - 1)

    outcome = run_chunk(make_call(function, spread=False), items, ChunkRules(stop_at_error=False, keep_partial=True))
    assert (list(outcome.values), list(outcome.errors)) == ([-1, None, 1], [1])


@pytest.mark.parametrize("rules", [KEEPING, ChunkRules(timeout_s=60.0)], ids=["quick", "timed"])
def test_coroutines_of_a_chunk_end_where_it_was_cut(rules):
    """One after another, as those of a worker are."""
    items = Cuttable(range(10))

    async def function(item):
        await asyncio.sleep(0)
        if item == 3:
            items.cut()
        return -item

    outcome = asyncio.run(run_chunk_async(make_call(function, spread=False), items, rules))
    assert (list(outcome.values), outcome.errors) == ([0, -1, -2, -3], {})


def test_no_item_is_begun_and_taken():
    """Whatever the moment at which another thread takes the rest away."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for round_ in range(200):
            items, begun, go = Cuttable(range(1000)), [], threading.Event()

            def run(items=items, begun=begun, go=go):
                go.set()
                begun.extend(items)

            thread = threading.Thread(target=run)
            thread.start()
            go.wait(10)
            time.sleep(round_ % 10 * 1e-6)
            taken = items.cut()
            thread.join(10)
            assert begun == list(range(1000 - taken))
            assert len(items) == len(begun)
    finally:
        sys.setswitchinterval(before)
