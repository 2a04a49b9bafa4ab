"""What measurements with more and more workers say: the law, if there is one, the knee, the drop-off. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import median

from poolwise.decide.law import Series, fit_around, solve
from poolwise.decide.slowdown import find_causes
from poolwise.model.sweep import Dropoff, Fit, NoFit, Point, Scaling, Worth

# Three coefficients go through any three points; the fourth is the first that can contradict them.
FEWEST_WORKERS = 4
# One lap says nothing of how much laps vary.
FEWEST_ROUNDS = 2
# Who gains less than this by any number of workers has nothing to choose.
FLAT = 0.05
# Two medians of equal things lie within so many of their standard deviations, 95 times in 100: 1.96 * sqrt(2).
TWO_APART = 2.8
# The medians of eight equal things lie within so many, 95 times in 100: the studentized range of eight means with 16
# degrees of freedom is 4.9.
APART = 5.0
# A law that is farther off than this and the noise does not describe the curve. The commonest other shape is a corner
# where the cores run out: with 1, 2, 4, 8 workers on two cores, work that computes takes 1, 1/2, 1/2, 1/2 of its time,
# and the law comes no nearer to that than 12 %.
POOR = 0.1
# The standard deviation of a median, as a multiple of a mean's, for normal noise: sqrt(pi / 2).
OF_A_MEDIAN = 1.2533
# The same measurements give the same figures.
SEED = 5
# "8 workers give 93 % of the best speed": what is missing is less than a tenth, which more workers are not worth.
ENOUGH = 0.9
# Kneedle's curve less its diagonal; below it lies within the noise of a straight line.
BENT = 0.1


def judge(points: Sequence[Point], items: int, cores: int, rng: random.Random | None = None) -> Scaling:
    """Say all that follows from the measurements; whatever these are, it raises nothing."""
    measured = [series for series in map(_series, points) if series.walls]
    if not measured:
        return Scaling(no_fit=NoFit("few workers", 0, FEWEST_WORKERS))
    noise = find_noise(measured)
    fit = fit_law(measured, items, cores, rng or random.Random(SEED))
    best = min(measured, key=lambda series: series.median_s)
    dropoff = find_dropoff(points, best.workers)
    return Scaling(
        fit=fit if isinstance(fit, Fit) else None,
        no_fit=fit if isinstance(fit, NoFit) else None,
        noise=noise,
        best=best.workers,
        knee=find_knee(measured, noise or 0.0),
        worth=find_worth(measured, best, noise or 0.0),
        dropoff=dropoff,
        causes=find_causes(points, dropoff, cores) if dropoff is not None else (),
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


def _by_chance(measured: Sequence[Series], noise: float) -> float:
    """Say how far the slowest and the fastest of equal things may lie apart."""
    return math.expm1(APART * _of_medians(measured, noise))


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
    clear = _by_chance(known, noise)
    if effect < max(FLAT, clear):
        return NoFit("noise", effect, clear) if clear > FLAT else NoFit("flat", effect, FLAT)
    law = solve(medians)
    misfit = max(abs(law.time_s(workers) / median_s - 1) for workers, median_s in medians.items())
    allowed = max(POOR, APART / 2 * _of_medians(known, noise))
    if misfit > allowed:
        return NoFit("shape", misfit, allowed)
    return fit_around(law, known, items, misfit, rng)


# --- What people ask for -----------------------------------------------------------------------------------------


def find_knee(measured: Sequence[Series], noise: float) -> int | None:
    """Find where more workers begin to bring less, among those measured up to the best.

    None where the gain is even, or none that stands out from the noise.

    It is the point farthest above the straight line from the fewest workers to the best ("Kneedle": V. Satopää,
    J. Albrecht, D. Irwin and B. Raghavan, "Finding a 'Kneedle' in a Haystack", ICDCS workshops 2011).
    """
    best = min(measured, key=lambda series: series.median_s)
    rising = [series for series in measured if series.workers <= best.workers]
    first = min(rising, key=lambda series: series.workers)
    gain = 1 / best.median_s - 1 / first.median_s
    # Between two points everything is straight.
    if len(rising) < 3 or first.median_s / best.median_s - 1 < max(FLAT, _by_chance(rising, noise)):  # noqa: PLR2004
        return None

    def above(series: Series) -> float:
        along = (series.workers - first.workers) / (best.workers - first.workers)
        return (1 / series.median_s - 1 / first.median_s) / gain - along

    knee = max(rising, key=above)
    return knee.workers if above(knee) >= BENT else None


def find_worth(measured: Sequence[Series], best: Series, noise: float) -> Worth:
    """Find the fewest workers that have nine tenths of the best speed, or cannot be told from it."""
    by_chance = math.exp(-TWO_APART * _of_medians(measured, noise))
    able = [series for series in measured if best.median_s / series.median_s >= min(ENOUGH, by_chance)]
    fewest = min(able, key=lambda series: series.workers)
    share = best.median_s / fewest.median_s
    return Worth(fewest.workers, share, in_noise=share < 1 and share >= by_chance)


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
    return Dropoff(most, best, median(losses), min(losses), max(losses), len(losses))
