"""The time left: on made-up histories of steady, changing and uneven work."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.run.forecast import CALM, CHANCE_ERRORS, FIRST_AFTER_S, MOST_MOMENTS, Forecast, Outlook, foresee

TICK_S = 0.1


def steady(rate, until_s):
    """Make the history of work that ends ``rate`` items a second."""
    return [(tick * TICK_S, int(tick * TICK_S * rate)) for tick in range(int(until_s / TICK_S) + 1)]


def tell_all(ends, total, workers=1):
    """Tell a forecast of items that end at these times, each tick; give when, the items left, and what was foretold."""
    forecast, told, done = Forecast(), [], 0
    for tick in range(1, int(ends[-1] / TICK_S) + 1):
        at_s = tick * TICK_S
        while done < len(ends) and ends[done] <= at_s:
            done += 1
        forecast.see(at_s, done)
        told.append((at_s, total - done, forecast.tell(at_s, done, total, workers)))
    return told


def side_by_side(takes, workers):
    """Say when items end that so many workers take in turn."""
    free = [0.0] * workers
    ends = []
    for each in takes:
        free.sort()
        free[0] += each
        ends.append(free[0])
    return sorted(ends)


# --- One moment ------------------------------------------------------------------------------------------------------


def test_steady_work_is_foretold_within_its_chance_error():
    """10 items a second for 100 s, 1,000 left: 100 s, more or less what 250 and 1,000 items by chance are off by."""
    outlook = foresee(steady(10, 100), (100.0, 1000), 1000)
    chance = 1 + CHANCE_ERRORS * math.sqrt(1 / 250 + 1 / 1000)
    assert outlook.rate == pytest.approx(10, rel=0.01)
    assert outlook.low_s == pytest.approx(100 / chance, rel=0.01)
    assert outlook.high_s == pytest.approx(100 * chance, rel=0.01)


def test_work_that_has_become_slow_opens_the_range():
    """Small files for 80 s, large ones for 20 s: from the mean of all to the pace of late."""
    history = [*steady(10, 80), (90.0, 805), (100.0, 810)]
    outlook = foresee(history, (100.0, 810), 810)
    assert outlook.rate == pytest.approx(60 / 25, rel=0.01)
    assert outlook.low_s < 100 < 800 / 2.5 < outlook.high_s


def test_a_rate_is_told_of_some_items():
    """One item that ends just now is no rate of four a second: the whole run is looked at."""
    assert foresee([(0.0, 0), (3.9, 0)], (4.0, 1), 2).rate == pytest.approx(0.25)


def test_the_last_items_end_together_and_not_one_after_the_other():
    """Eight workers with an item of 8 s each, and three of these left: up to a whole item's time, not three eighths."""
    outlook = foresee(steady(1, 80), (80.0, 80), 3, workers=8)
    assert outlook.high_s >= 8


def test_who_has_been_waited_for_long_may_take_as_long_again():
    """One item left that runs for a minute already: no "about 0.1 s left" for as long as it takes."""
    outlook = foresee(steady(10, 10), (70.0, 100), 1, quiet_s=60.0)
    assert outlook.high_s >= 60


def test_nothing_left_takes_no_time():
    """At the end the range is nothing."""
    assert foresee([(0.0, 0), (5.0, 5)], (10.0, 10), 0) == Outlook(1.0, 0.0, 0.0)


HISTORIES = st.lists(st.tuples(st.floats(0.01, 50), st.integers(0, 1000)), min_size=1, max_size=40)


def cumulated(steps):
    """Make a history of the steps between its moments."""
    history = [(0.0, 0)]
    for seconds, items in steps:
        history.append((history[-1][0] + seconds, history[-1][1] + items))
    return history


@given(HISTORIES, st.integers(0, 10**6), st.integers(1, 64), st.floats(0, 100))
def test_a_range_is_a_range(steps, left, workers, quiet_s):
    """Whatever has happened: finite, in order, and nothing only where nothing is left."""
    history = cumulated(steps)
    outlook = foresee(history[:-1], history[-1], left, workers=workers, quiet_s=quiet_s)
    assert 0 < outlook.rate < math.inf
    assert 0 <= outlook.low_s <= outlook.high_s < math.inf
    assert (outlook.low_s == 0) is (left == 0)


@given(HISTORIES, st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_that_is_left_takes_no_less_time(steps, left, more):
    """The same past: each end of the range grows with what is left."""
    history = cumulated(steps)
    less_, more_ = (foresee(history[:-1], history[-1], count) for count in (left, left + more))
    assert less_.low_s <= more_.low_s
    assert less_.high_s <= more_.high_s


# --- From moment to moment -------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.floats(0.05, 20), st.integers(0, 500)), min_size=1, max_size=60),
    st.integers(1, 64),
)
def test_it_never_jumps(steps, workers):
    """The pace that either end means changes by no more than a factor of two in a second, whatever happens."""
    history, forecast, before = cumulated(steps), Forecast(), None
    total = history[-1][1] + 10
    for at_s, done in history[1:]:
        forecast.see(at_s, done)
        outlook = forecast.tell(at_s, done, total, workers)
        if outlook is None or math.isinf(outlook.high_s):
            assert before is None
            continue
        now = (at_s, (total - done) / outlook.low_s, (total - done) / outlook.high_s)
        if before is not None:
            most = CALM ** min(64, at_s - before[0]) * (1 + 1e-9)
            for pace, pace_before in zip(now[1:], before[1:], strict=True):
                assert pace_before / most <= pace <= pace_before * most
        before = now


@given(st.lists(st.tuples(st.floats(0.0, 5), st.integers(0, 50)), max_size=300))
def test_memory_is_bounded(steps):
    """However long a run is, no more than so many moments are kept, the first of them its beginning."""
    forecast = Forecast()
    for at_s, done in cumulated(steps):
        forecast.see(at_s, done)
    assert len(forecast._history) <= MOST_MOMENTS
    assert forecast._history[0] == (0.0, 0)
    assert forecast._history == sorted(forecast._history)


def test_nothing_is_foretold_before_there_is_something_to_go_by():
    """Only the rate in the first second after the first result; nothing before that; no end where no total is known."""
    forecast = Forecast()
    forecast.see(2.0, 0)
    assert forecast.tell(2.0, 0, 100, 1) is None
    forecast.see(3.0, 1)
    assert forecast.tell(3.0, 1, 100, 1).high_s == math.inf
    forecast.see(3.0 + FIRST_AFTER_S, 5)
    assert forecast.tell(3.0 + FIRST_AFTER_S, 5, 100, 1).high_s < math.inf
    assert forecast.tell(3.0 + FIRST_AFTER_S, 5, None, 1).high_s == math.inf


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("uneven", [False, True])
def test_the_truth_is_mostly_within_the_range(workers, uneven):
    """Items of equal and of widely differing lengths, in any order: the end comes within what was foretold."""
    rng = random.Random(7)
    within = counted = 0
    for _ in range(10):
        takes = [rng.expovariate(2.0) if uneven else 0.5 for _ in range(40 * workers)]
        ends = side_by_side(takes, workers)
        for at_s, left, outlook in tell_all(ends, len(ends), workers):
            if left and outlook is not None and math.isfinite(outlook.high_s):
                counted += 1
                within += outlook.low_s <= ends[-1] - at_s <= outlook.high_s
    assert counted > 500
    assert within / counted > 0.85
