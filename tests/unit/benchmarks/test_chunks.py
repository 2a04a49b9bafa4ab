"""The search for a peer's best chunk size."""

from __future__ import annotations

import pytest

from benchmarks.peers.chunks import MOST_PIECES, candidates, find_best


@pytest.mark.parametrize("tasks", [1, 2, 64, 1_500, 8_005, 150_000, 1_000_000])
@pytest.mark.parametrize("workers", [1, 2, 64])
def test_candidates_are_a_few_from_large_to_small_pieces(tasks, workers):
    """A handful of sizes, of which one gives each worker a single chunk, and none makes too many pieces."""
    sizes = candidates(tasks, workers)
    assert sizes == sorted(set(sizes))
    assert 1 <= len(sizes) <= 6
    assert max(sizes) == max(1, tasks // workers)
    assert tasks / min(sizes) <= MOST_PIECES


def test_the_fastest_size_wins_by_its_best_try():
    """A try that something else disturbed does not decide."""
    tries = {1: iter([9.0, 9.0]), 10: iter([2.0, 5.0]), None: iter([2.2, 1.0])}
    assert find_best([1, 10, None], lambda size: next(tries[size]), 2) == (None, {"1": 9.0, "10": 2.0, "its own": 1.0})


def test_what_is_far_behind_is_not_tried_again():
    """Second tries are for the sizes that may still win."""
    tried = []
    find_best([1, 10, 100], lambda size: tried.append(size) or {1: 9.0, 10: 2.0, 100: 2.1}[size], 3)
    assert tried == [1, 10, 100, 10, 100, 10, 100]


def test_a_size_that_fails_cannot_win():
    """A peer that fails with one size is measured with another; where it fails with all, the rounds will tell how."""
    assert find_best([1, 10], lambda size: None if size == 1 else 2.0, 1) == (10, {"10": 2.0})
    assert find_best([1, 10], lambda size: None, 2) == (1, {})
