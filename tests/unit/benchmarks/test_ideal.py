"""The ideal schedule that uneven work is compared with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers.ideal import compare, one_at_a_time

DURATIONS = st.lists(st.integers(min_value=0, max_value=1000), min_size=1)


@pytest.mark.parametrize(
    ("durations", "workers", "makespan"),
    [
        ([], 2, 0),
        ([3, 4, 5], 1, 12),
        ([1, 1, 1, 1], 2, 2),
        ([5, 1, 1, 1, 1, 1], 2, 5),
        ([1, 1, 1, 5], 2, 6),  # a long item at the end is what hurts
        ([1, 2, 3], 8, 3),
    ],
)
def test_whoever_is_free_first_takes_the_next(durations, workers, makespan):
    """The time until the last worker is done, in cases that can be counted by hand."""
    assert one_at_a_time(durations, workers) == makespan


@given(durations=DURATIONS, workers=st.integers(min_value=1, max_value=8))
def test_it_is_between_the_bounds_of_every_list_schedule(durations, workers):
    """Never better than fair shares or the longest item, never worse than Graham's bound."""
    makespan, total, longest = one_at_a_time(durations, workers), sum(durations), max(durations)
    assert max(total / workers, longest) <= makespan <= total / workers + longest * (1 - 1 / workers) + 1e-9


def test_ratios_are_to_the_schedule_of_the_same_round():
    """The loop's times are scaled to its run without stamps; the floor tells how slow cores are that are all busy."""
    runs = {
        "loop": {"seconds": 8.0, "durations": [1.0, 1.0, 1.0, 1.0]},
        "floor": {"seconds": 5.0, "busy_s": 10.0},
        "ours": {"seconds": 6.0},
        "broken": {"failed": "x"},
    }
    compare(runs, 2, loop="loop", floor="floor")
    assert runs == {
        "loop": {"seconds": 8.0, "to_ideal": 2.0, "to_ideal_together": 1.6},
        "floor": {"seconds": 5.0, "busy_s": 10.0, "to_ideal": 1.25, "to_ideal_together": 1.0},
        "ours": {"seconds": 6.0, "to_ideal": 1.5, "to_ideal_together": 1.2},
        "broken": {"failed": "x"},
    }


def test_without_the_loops_times_there_is_nothing_to_compare_with():
    """Parts of even work, and a loop that failed, get no such ratio."""
    runs = {"loop": {"failed": "x"}, "ours": {"seconds": 6.0}}
    compare(runs, 2, loop="loop", floor="floor")
    assert runs["ours"] == {"seconds": 6.0}
