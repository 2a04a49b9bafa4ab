"""What measurements with more and more workers say: the law behind them, the knee, the drop-off. Pure, and no numpy.

The law is the Universal Scalability Law: N. J. Gunther, "Guerrilla Capacity Planning" (Springer 2007), and "A General
Theory of Computational Scalability Based on Rational Functions" (arXiv:0808.1431)::

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
from collections.abc import Sequence
from operator import mul
from statistics import median

from poolwise.model.classes import frozen
from poolwise.model.sweep import Dropoff, Fit, Interval, NoFit, Point, Scaling, Worth
from poolwise.model.units import Seconds

# Three coefficients go through any three points; the fourth is the first that can contradict them.
FEWEST_WORKERS = 4
# One lap says nothing of how much laps vary.
FEWEST_ROUNDS = 2
# Who gains less than this by any number of workers has nothing to choose.
FLAT = 0.05
# Medians of equal things lie within so many of their standard deviations, 95 times in 100: the studentized range of
# eight means with 16 degrees of freedom is 4.9.
APART = 5.0
# A law that is farther off than this and the noise does not describe the curve. The commonest other shape is a corner
# where the cores run out: with 1, 2, 4, 8 workers on two cores, work that computes takes 1, 1/2, 1/2, 1/2 of its time,
# and the law comes no nearer to that than 12 %.
POOR = 0.1
# The standard deviation of a median, as a multiple of a mean's, for normal noise: sqrt(pi / 2).
OF_A_MEDIAN = 1.2533
RESAMPLES = 1000
INTERVAL = 0.95
# The same measurements give the same figures.
SEED = 5
# "8 workers give 93 % of the best speed": what is missing is less than a tenth, which more workers are not worth.
ENOUGH = 0.9
# Kneedle's curve less its diagonal; below it lies within the noise of a straight line.
BENT = 0.1
# Below this a crosstalk puts the peak beyond a million workers.
NO_CROSSTALK = 1e-12
# Columns of length one that differ by less than this are the same but for rounding.
SAME = 1e-12


@frozen
class Law:
    """The three coefficients; times are for all items together."""

    one_s: Seconds
    """What one worker takes for all of it."""
    sigma: float
    kappa: float

    def time_s(self, workers: int) -> Seconds:
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


def judge(points: Sequence[Point], items: int, cores: int, rng: random.Random | None = None) -> Scaling:
    """Say all that follows from the measurements; whatever these are, it raises nothing."""
    measured = [series for series in map(_series, points) if series.walls]
    if not measured:
        return Scaling(no_fit=NoFit("few workers", 0, FEWEST_WORKERS))
    noise = find_noise(measured)
    fit = fit_law(measured, items, cores, rng or random.Random(SEED))
    best = min(measured, key=lambda series: series.median_s)
    return Scaling(
        fit=fit if isinstance(fit, Fit) else None,
        no_fit=fit if isinstance(fit, NoFit) else None,
        noise=noise,
        best=best.workers,
        knee=find_knee(measured),
        worth=find_worth(measured, noise or 0.0),
        dropoff=find_dropoff(points, best.workers),
    )


def _series(point: Point) -> Series:
    return Series(
        point.workers, tuple(lap.wall_s for lap in point.laps if lap.round and not lap.stopped and lap.wall_s)
    )


# --- Noise -------------------------------------------------------------------------------------------------------


def find_noise(measured: Sequence[Series]) -> float | None:
    """Say how much laps of one number of workers vary: the pooled relative standard deviation; None if unknown.

    Of logarithms, so that twice the time is as far off as half of it.
    """
    repeated = [series for series in measured if len(series.walls) >= FEWEST_ROUNDS]
    freedom = sum(len(series.walls) - 1 for series in repeated)
    if not freedom:
        return None
    return math.sqrt(sum(_squares(series) for series in repeated) / freedom)


def _squares(series: Series) -> float:
    logs = [math.log(wall) for wall in series.walls]
    mean = sum(logs) / len(logs)
    return sum((each - mean) ** 2 for each in logs)


def _of_medians(measured: Sequence[Series], noise: float) -> float:
    """Say how much the medians vary: more laps, less."""
    return OF_A_MEDIAN * noise / math.sqrt(min(len(series.walls) for series in measured))


# --- The law -----------------------------------------------------------------------------------------------------


def fit_law(measured: Sequence[Series], items: int, cores: int, rng: random.Random) -> Fit | NoFit:
    """Fit the law to all, or, where it does not hold beyond the cores, up to these; or say why not.

    A machine that has run out of cores makes a corner in the curve, which this smooth law does not have.
    """
    found = _fit_all(measured, items, rng)
    if isinstance(found, NoFit) and found.what == "shape":
        within = [series for series in measured if series.workers <= cores]
        if len(within) >= FEWEST_WORKERS and len(within) < len(measured):
            again = _fit_all(within, items, rng)
            return again if isinstance(again, Fit) else found
    return found


def _fit_all(measured: Sequence[Series], items: int, rng: random.Random) -> Fit | NoFit:
    known = [series for series in measured if len(series.walls) >= FEWEST_ROUNDS]
    noise = find_noise(known)
    if len(measured) < FEWEST_WORKERS:
        return NoFit("few workers", len(measured), FEWEST_WORKERS)
    if len(known) < FEWEST_WORKERS or noise is None:
        return NoFit("few rounds", min(len(series.walls) for series in measured), FEWEST_ROUNDS)
    medians = {series.workers: series.median_s for series in known}
    effect = max(medians.values()) / min(medians.values()) - 1
    clear = math.expm1(APART * _of_medians(known, noise))
    if effect < max(FLAT, clear):
        return NoFit("noise", effect, clear) if clear > FLAT else NoFit("flat", effect, FLAT)
    law = solve(medians)
    misfit = max(abs(law.time_s(workers) / median_s - 1) for workers, median_s in medians.items())
    allowed = max(POOR, APART / 2 * _of_medians(known, noise))
    if misfit > allowed:
        return NoFit("shape", misfit, allowed)
    return _with_intervals(law, known, items, misfit, rng)


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
    best, solution = math.inf, [1.0, 0.0, 0.0]
    for chosen in ((0,), (0, 1), (0, 2), (0, 1, 2)):
        found = _eliminate([[*(products[one][other] for other in chosen), sums[one]] for one in chosen])
        if found is None or found[0] <= 0 or min(found) < 0:
            continue
        error = -sum(value * sums[at] for at, value in zip(chosen, found, strict=True))
        if error < best:
            values = dict(zip(chosen, found, strict=True))
            best, solution = error, [values.get(at, 0.0) / norm for at, norm in enumerate(norms)]
    one, queue, talk = solution
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


def _with_intervals(law: Law, known: Sequence[Series], items: int, misfit: float, rng: random.Random) -> Fit:
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


# --- What people ask for -----------------------------------------------------------------------------------------


def find_knee(measured: Sequence[Series]) -> int | None:
    """Find where more workers begin to bring less, among those measured up to the best; None where the gain is even.

    It is the point farthest above the straight line from the fewest workers to the best ("Kneedle": V. Satopää,
    J. Albrecht, D. Irwin and B. Raghavan, "Finding a 'Kneedle' in a Haystack", ICDCS workshops 2011).
    """
    best = min(measured, key=lambda series: series.median_s)
    rising = [series for series in measured if series.workers <= best.workers]
    first = min(rising, key=lambda series: series.workers)
    gain = 1 / best.median_s - 1 / first.median_s
    if len(rising) < 3 or gain <= 0:  # noqa: PLR2004 - between two points everything is straight
        return None

    def above(series: Series) -> float:
        along = (series.workers - first.workers) / (best.workers - first.workers)
        return (1 / series.median_s - 1 / first.median_s) / gain - along

    knee = max(rising, key=above)
    return knee.workers if above(knee) >= BENT else None


def find_worth(measured: Sequence[Series], noise: float) -> Worth:
    """Find the fewest workers that have nine tenths of the best speed, or cannot be told from it."""
    best_s = min(series.median_s for series in measured)
    enough = min(ENOUGH, 1 / (1 + noise))
    able = [series for series in measured if best_s / series.median_s >= enough]
    fewest = min(able, key=lambda series: series.workers)
    return Worth(fewest.workers, best_s / fewest.median_s)


def find_dropoff(points: Sequence[Point], best: int) -> Dropoff | None:
    """Compare the most workers that were measured to the end with the best, round by round."""
    walls = {
        point.workers: {lap.round: lap.wall_s for lap in point.laps if lap.round and not lap.stopped and lap.wall_s}
        for point in points
    }
    most = max((workers for workers, rounds in walls.items() if rounds), default=best)
    both = walls.get(best, {}).keys() & walls.get(most, {}).keys()
    if most <= best or not both:
        return None
    losses = [1 - walls[best][each] / walls[most][each] for each in both]
    return Dropoff(most, best, median(losses), min(losses), max(losses))
