"""The band of a sweep's law holds the true law about as often as it says."""

from __future__ import annotations

import math
import random

from poolwise.decide.law import PLACES, Law
from poolwise.decide.scaling import judge
from poolwise.model.lap import Lap
from poolwise.model.sweep import Fit, Point

TRUE = Law(4.0, 0.06, 0.01)
ITEMS, SWEEPS = 200, 20


def sweep_again(rng: random.Random) -> Fit:
    """Fit a law to three rounds of laps that vary by three percent."""
    points = [
        Point(
            workers=workers,
            laps=tuple(
                Lap(round=place, wall_s=TRUE.time_s(workers) * math.exp(rng.gauss(0, 0.03))) for place in (1, 2, 3)
            ),
        )
        for workers in (1, 2, 3, 4, 6, 8, 12, 16)
    ]
    fit = judge(points, ITEMS, 16).fit
    assert fit is not None
    return fit


def test_the_band_holds_the_true_law() -> None:
    """At each place, of twenty sweeps with known law at least sixteen have it in their band, and not by its width."""
    rng = random.Random(7)
    fits = [sweep_again(rng) for _ in range(SWEEPS)]
    for place in range(PLACES + 1):
        there = [fit.expected[place] for fit in fits]
        true = ITEMS / TRUE.time_s(there[0].workers)
        assert sum(each.speed.low <= true <= each.speed.high for each in there) >= 16
        assert all(each.speed.high / each.speed.low < 1.25 for each in there)


def test_the_band_goes_from_the_fewest_workers_to_the_most() -> None:
    """Its ends are the numbers that the law was fitted to, and its middle is the law itself."""
    fit = sweep_again(random.Random(8))
    assert [fit.expected[0].workers, fit.expected[-1].workers] == [1, 16]
    for each in fit.expected:
        assert math.isclose(each.speed.value, fit.speed(each.workers), rel_tol=1e-9)
