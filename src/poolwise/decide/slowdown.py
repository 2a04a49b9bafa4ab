"""Why many workers are slower than fewer: what was measured of both, held against each other. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from poolwise.model.lap import Lap
from poolwise.model.sweep import Cause, CauseWhat, Dropoff, Point

# What grew by less of the time than this explains nothing that could be told from noise.
SHARE = 0.01
# A switch to another process costs some 5 µs, and tens of µs more for what it has pushed out of the caches (C. Li,
# C. Ding and K. Shen, "Quantifying the Cost of Context Switch", 2007): so many in a second cost half a percent.
SWITCHES_PER_S = 100.0
# So much more often, or it is the noise of a system that does other things too.
OFTENER = 2.0
# The same work takes the same CPU but for caches, contention and starting: more than noise from here on.
MORE_CPU = 1.05

Figure = Callable[[Lap, int], float | None]
"""What a lap tells, on so many cores; None where it does not."""

FIGURES: dict[CauseWhat, Figure] = {
    "switches": lambda lap, _: _over(lap.switches_involuntary, lap.wall_s),
    "throttled": lambda lap, cores: _over(lap.throttled_s, lap.wall_s * cores),
    "stolen": lambda lap, cores: _over(lap.stolen_s, lap.wall_s * cores),
    "others": lambda lap, cores: _over(lap.others_s, lap.wall_s * cores),
    "starting": lambda lap, _: _over(lap.start_s, lap.wall_s),
    "shipping": lambda lap, _: _over(lap.ship_s, lap.wall_s),
    "cpu": lambda lap, _: lap.cpu_s or None,
}


def find_causes(points: Sequence[Point], dropoff: Dropoff, cores: int) -> tuple[Cause, ...]:
    """Name what was more with the most workers than with the best number, by as much as may cost time."""
    return tuple(cause for cause in _compare(points, dropoff, cores) if _counts(cause))


def _compare(points: Sequence[Point], dropoff: Dropoff, cores: int) -> Iterator[Cause]:
    laps = {point.workers: [lap for lap in point.laps if lap.round and not lap.stopped] for point in points}
    for what, figure in FIGURES.items():
        most = _middle(laps[dropoff.workers], figure, cores)
        best = _middle(laps[dropoff.best], figure, cores)
        if most is not None and best is not None:
            yield Cause(what, most, best)


def _counts(cause: Cause) -> bool:
    if cause.what == "switches":
        return cause.most >= max(SWITCHES_PER_S, OFTENER * cause.best)
    if cause.what == "cpu":
        return cause.most >= MORE_CPU * cause.best
    return cause.most - cause.best >= SHARE


def _middle(laps: Sequence[Lap], figure: Figure, cores: int) -> float | None:
    told = [value for value in (figure(lap, cores) for lap in laps) if value is not None]
    return median(told) if told else None


def _over(amount: float | None, whole: float) -> float | None:
    return amount / whole if amount is not None and whole > 0 else None
