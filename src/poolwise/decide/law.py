"""The Universal Scalability Law, fitted to measurements, with intervals. Pure, and no numpy.

It is that of N. J. Gunther, "Guerrilla Capacity Planning" (Springer 2007), and "A General Theory of Computational
Scalability Based on Rational Functions" (arXiv:0808.1431)::

    X(N) = λ N / (1 + σ (N - 1) + κ N (N - 1))

With T(N) for the time of all items and T1 = items / λ, that is ``N T(N) = T1 + T1 σ (N - 1) + T1 κ N (N - 1)``: linear
in three coefficients, none of which can be negative. They are found by least squares of the relative errors of the
medians, with each subset of σ and κ at zero: of four solutions without a negative coefficient the best is the answer
(C. L. Lawson and R. J. Hanson, "Solving Least Squares Problems", 1974, chapter 23, for why).

Intervals come of a bootstrap over the residuals (B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap",
1993, chapter 9), widened for the three coefficients that were fitted. Rounds themselves are too few to draw from.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from operator import mul
from statistics import median

from poolwise.model.classes import frozen
from poolwise.model.sweep import Expected, Fit, Interval
from poolwise.model.units import Seconds

# Percentiles of a bootstrap need a thousand draws (Efron and Tibshirani, chapter 13).
RESAMPLES = 1000
INTERVAL = 0.95
# In so many steps from the fewest workers to the most an interval is told: a band through them looks smooth.
PLACES = 16
# Below this a crosstalk puts the peak beyond a million workers.
NO_CROSSTALK = 1e-12
# Columns of length one that differ by less than this are the same but for rounding.
SAME = 1e-12
# One worker alone takes at least this part of what the workers took together where that was least: times that grow with
# each worker would be fitted best by one that takes no time at all, which is no law.
LEAST_ONE = 1e-3


@frozen
class Law:
    """The three coefficients; times are for all items together."""

    one_s: Seconds
    """What one worker takes for all of it."""
    sigma: float
    kappa: float

    def time_s(self, workers: float) -> Seconds:
        """Say what so many workers take."""
        return self.one_s * (1 + self.sigma * (workers - 1) + self.kappa * workers * (workers - 1)) / workers


@frozen
class Series:
    """The laps of one number of workers that came to their end."""

    workers: int
    walls: tuple[Seconds, ...]

    @property
    def median_s(self) -> Seconds:
        """The one in the middle."""
        return median(self.walls)


def solve(times_s: dict[int, Seconds]) -> Law:
    """Find the law that is nearest to these times, by their relative errors."""
    # In units of a time among them, so that neither hours nor microseconds leave the range of floats.
    unit_s = next(iter(times_s.values()))
    totals = [(workers, workers * (time_s / unit_s)) for workers, time_s in times_s.items()]
    columns = [
        [1 / total for _, total in totals],
        [(workers - 1) / total for workers, total in totals],
        [workers * (workers - 1) / total for workers, total in totals],
    ]
    # Columns of length one: workers run to thousands, and their squares to millions.
    norms = [math.hypot(*column) or 1.0 for column in columns]
    columns = [[each / norm for each in column] for column, norm in zip(columns, norms, strict=True)]
    products = [[sum(map(mul, one, other)) for other in columns] for one in columns]
    sums = [sum(column) for column in columns]
    # The coefficients are none of them negative, and the first has a least value: each is free or at its bound.
    floor = LEAST_ONE * min(total for _, total in totals) * norms[0]
    best, solution = math.inf, [floor, 0.0, 0.0]
    for free in ((0,), (0, 1), (0, 2), (0, 1, 2), (), (1,), (2,), (1, 2)):
        given = 0.0 if 0 in free else floor
        wanted = [sums[at] - given * products[at][0] for at in range(3)]
        found = _eliminate([[*(products[one][other] for other in free), wanted[one]] for one in free])
        if found is None or min(found, default=0.0) < 0 or (0 in free and found[0] < floor):
            continue
        error = given * (given * products[0][0] - 2 * sums[0]) - sum(map(mul, found, (wanted[at] for at in free)))
        if error < best:
            values = {0: given} | dict(zip(free, found, strict=True))
            best, solution = error, [values.get(at, 0.0) for at in range(3)]
    one, queue, talk = (value / norm for value, norm in zip(solution, norms, strict=True))
    return Law(one * unit_s, queue / one, talk / one)


def _eliminate(matrix: list[list[float]]) -> list[float] | None:
    """Solve a symmetric positive system of up to three unknowns, by Gauss; None where it has no one solution."""
    size = len(matrix)
    for at in range(size):
        if matrix[at][at] < SAME:
            return None
        for below in range(at + 1, size):
            factor = matrix[below][at] / matrix[at][at]
            matrix[below] = [value - factor * above for value, above in zip(matrix[below], matrix[at], strict=True)]
    found = [0.0] * size
    for at in reversed(range(size)):
        known = sum(matrix[at][right] * found[right] for right in range(at + 1, size))
        found[at] = (matrix[at][size] - known) / matrix[at][at]
    return found


def find_peak(law: Law) -> float | None:
    """Say from how many workers on the speed falls: where the law's derivative is zero; None if it never does."""
    if law.sigma >= 1:
        return 1.0
    if law.kappa < NO_CROSSTALK:
        return None
    return max(1.0, math.sqrt((1 - law.sigma) / law.kappa))


# --- Intervals ---------------------------------------------------------------------------------------------------


def fit_around(law: Law, known: Sequence[Series], items: int, misfit: float, rng: random.Random) -> Fit:
    """Tell a law with its intervals; each of the ``known`` has some laps, more than three in all."""
    again = _resample(law, known, rng)
    peak = find_peak(law)
    peaks = [math.inf if each is None else each for each in map(find_peak, again)]
    return Fit(
        rate=_interval(items / law.one_s, [items / each.one_s for each in again]),
        contention=_interval(law.sigma, [each.sigma for each in again]),
        crosstalk=_interval(law.kappa, [each.kappa for each in again]),
        peak=_interval(peak, peaks) if peak is not None else None,
        most_workers=max(series.workers for series in known),
        misfit=misfit,
        expected=tuple(_expected(law, again, known, items)),
    )


def _expected(law: Law, again: Sequence[Law], known: Sequence[Series], items: int) -> Iterator[Expected]:
    """Say what speed the law expects, and between which speeds it lies, at places whose ratios are equal."""
    first, last = (function(series.workers for series in known) for function in (min, max))
    for place in range(PLACES + 1):
        workers = first * (last / first) ** (place / PLACES)
        yield Expected(
            workers, _interval(items / law.time_s(workers), [items / each.time_s(workers) for each in again])
        )


def _resample(law: Law, known: Sequence[Series], rng: random.Random) -> list[Law]:
    """Fit again to what could have been measured as well: the law's own times with other residuals."""
    residuals = [math.log(wall / law.time_s(series.workers)) for series in known for wall in series.walls]
    widened = math.sqrt(len(residuals) / (len(residuals) - 3))
    factors = [math.exp(widened * residual) for residual in residuals]
    return [
        solve(
            {
                series.workers: law.time_s(series.workers) * median(rng.choices(factors, k=len(series.walls)))
                for series in known
            }
        )
        for _ in range(RESAMPLES)
    ]


def _interval(value: float, drawn: list[float]) -> Interval:
    """Give the percentiles of what was drawn; the estimate itself is inside."""
    drawn = sorted(drawn)
    beyond = round(len(drawn) * (1 - INTERVAL) / 2)
    low, high = min(value, drawn[beyond]), max(value, drawn[-1 - beyond])
    return Interval(value, low, high if math.isfinite(high) else None)
