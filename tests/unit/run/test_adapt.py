"""The size of the next chunk, by what items have taken."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolwise.run.adapt import GROWTH, LEAST_CHUNK_S, SEEN_ENOUGH, TAIL_FACTOR, ChunkSizer, Sizing

PLENTY = 10**9


def sizer(count: int = 0, wall_s: float = 0.0, **sizing) -> ChunkSizer:
    """Make a sizer that has seen one chunk, or none."""
    made = ChunkSizer(Sizing(**sizing))
    made.observe(count, wall_s)
    return made


def test_a_given_chunksize_is_kept():
    """A chunk size that the caller gave is used whatever was seen."""
    assert sizer(5, 100.0, chunksize=7).size(PLENTY, 4) == 7
    assert sizer(chunksize=7).size(3, 4) == 7


def test_the_first_chunk_is_one_item():
    """With nothing known, one item is sent to find out."""
    assert sizer().size(PLENTY, 4) == 1
    assert sizer().size(None, 4) == 1


def test_chunks_take_the_target_time():
    """With plenty left, a chunk is as many items as fit into the target."""
    assert sizer(item_s=0.001, target_s=0.02).size(PLENTY, 2) == 20
    assert sizer(item_s=0.001, target_s=0.02).size(None, 2) == 20


def test_chunks_grow_by_steps():
    """From nothing known, a chunk is at most so many times the largest yet."""
    growing = sizer(1, 1e-7, target_s=10.0)
    sizes = []
    for _ in range(4):
        sizes.append(growing.size(PLENTY, 2))
        growing.observe(sizes[-1], sizes[-1] * 1e-7)
    assert sizes == [GROWTH, GROWTH**2, GROWTH**3, GROWTH**4]


def test_a_long_item_goes_alone():
    """Items longer than the target are sent one by one."""
    assert sizer(1, 5.0).size(PLENTY, 4) == 1


def test_towards_the_end_chunks_shrink():
    """A worker gets no more than its part of a fair share of what is left."""
    assert sizer(item_s=0.001, target_s=1.0).size(100, 4) == math.ceil(100 / (4 * TAIL_FACTOR))


def test_chunks_do_not_shrink_below_what_sending_costs():
    """Even shares of tiny items are not worth the sending."""
    item_s = 1e-6
    assert sizer(item_s=item_s).size(100, 4) == int(LEAST_CHUNK_S / item_s)


def test_one_worker_needs_no_shares():
    """With one worker nothing has to be even."""
    assert sizer(item_s=0.001, target_s=0.02).size(30, 1) == 20


def test_one_worker_takes_all_that_is_nearly_done():
    """One worker that has no longer than ``finish_s`` to go takes the rest at once, once enough has been seen."""
    knowing = sizer(SEEN_ENOUGH, SEEN_ENOUGH * 1e-7, finish_s=0.01, target_s=0.002)
    assert knowing.size(90_000, 1) == 90_000
    assert knowing.size(110_000, 1) < 110_000
    guessing = sizer(SEEN_ENOUGH - 1, SEEN_ENOUGH * 1e-7, finish_s=0.01, target_s=0.002)
    assert guessing.size(90_000, 1) < 90_000


def test_at_least_as_many_as_a_worker_runs_at_a_time():
    """A worker that runs 10 coroutines at a time gets 10, but no more than its fair share at the end."""
    assert sizer(item_s=1.0, least=10).size(PLENTY, 2) == 10
    assert sizer(item_s=1.0, least=10).size(None, 2) == 10
    assert sizer(item_s=1.0, least=10).size(8, 2) == 4


def test_the_newest_chunks_count_most():
    """What items take drifts, and the estimate follows; a large chunk counts for more than a small one."""
    drifting = sizer(100, 0.1)
    assert drifting.item_s == pytest.approx(0.001)
    drifting.observe(100, 1.0)
    assert drifting.item_s == pytest.approx(0.007)
    drifting.observe(1, 100.0)
    assert drifting.item_s == pytest.approx(0.007 * 50 / 51 + 100.0 / 51)


def test_nothing_is_learnt_from_nothing():
    """An empty chunk changes nothing."""
    assert sizer(0, 1.0).item_s is None


def test_a_clock_that_stood_still():
    """A chunk in which the clock did not tick gives a size, not a division by zero."""
    assert sizer(1, 0.0).size(PLENTY, 2) == GROWTH


def test_a_clock_that_stood_still_does_not_let_one_worker_take_all():
    """However short items seem, the rest is taken at once only where that is wanted, and has a time."""
    still = {"count": SEEN_ENOUGH, "wall_s": 0.0}
    assert sizer(**still).size(PLENTY, 1) < PLENTY
    assert sizer(**still, finish_s=0.5).size(PLENTY, 1) < PLENTY
    assert sizer(**still, finish_s=0.5).size(1000, 1) == 1000


@pytest.mark.parametrize("chunks", [[], [(SEEN_ENOUGH, 0.0)], [(SEEN_ENOUGH, 1.0)]])
@pytest.mark.parametrize("finish_s", [0.0, 0.01])
@pytest.mark.parametrize("by_share", [False, True])
@pytest.mark.parametrize("workers", [1, 2])
def test_where_nothing_is_left_the_size_is_one(chunks, finish_s, by_share, workers):
    """It is asked for when the last has been sent, too: whether one would be worth sending ahead."""
    any_sizer = sizer(finish_s=finish_s, by_share=by_share)
    for count, wall_s in chunks:
        any_sizer.observe(count, wall_s)
    assert any_sizer.size(0, workers) >= 1


@given(
    chunks=st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1e6)), max_size=10),
    left=st.none() | st.integers(0, 10**9),
    workers=st.integers(1, 1000),
    sizing=st.fixed_dictionaries(
        {
            "least": st.integers(1, 300),
            "target_s": st.floats(1e-6, 10),
            "finish_s": st.sampled_from([0.0, 0.01, 10.0]),
            "by_share": st.booleans(),
        }
    ),
)
@example(chunks=[(SEEN_ENOUGH, 0.0)], left=0, workers=1, sizing={})
def test_a_size_is_a_positive_number(chunks, left, workers, sizing):
    """Whatever was seen, the next size is at least one item."""
    any_sizer = sizer(**sizing)
    for count, wall_s in chunks:
        any_sizer.observe(count, wall_s)
    size = any_sizer.size(left, workers)
    assert isinstance(size, int)
    assert size >= 1
