"""One run of one way to do the work, measured: what races and sweeps are made of."""

from __future__ import annotations

from statistics import median

from poolwise.model.classes import frozen
from poolwise.model.units import Bytes, Seconds


@frozen(kw_only=True)
class Lap:
    """One run of one way, from its call to its last result."""

    round: int
    """From 1; 0 is the warm-up, whose figures count for nothing."""
    wall_s: Seconds
    stopped: bool = False
    """It was stopped by the time budget: it would have taken longer than ``wall_s``."""
    cpu_s: Seconds = 0.0
    """CPU of this process and of its children, live ones included."""
    memory_bytes: Bytes | None = None
    """The highest sum over this process and its children that was seen; shared pages count once where that is known."""
    start_s: Seconds | None = None
    """Time of workers that was spent on starting (and ending) them, divided by their number; None where not told."""
    ship_s: Seconds | None = None
    """Likewise: arguments and results on their way while the worker stood still for them."""
    idle_s: Seconds | None = None
    """Likewise: workers that were there and had nothing to do."""
    switches_involuntary: int | None = None
    """Times that the system took a core away from one of our threads for another's sake."""
    stolen_s: Seconds | None = None
    """CPU time that the hypervisor gave to other machines meanwhile."""
    throttled_s: Seconds | None = None
    """Time for which the cgroup's quota held our processes up."""
    others_s: Seconds | None = None
    """CPU seconds of other programs of this machine meanwhile."""


@frozen
class Spread:
    """Several measurements of one thing, in seconds: the one in the middle, and how far they lie apart."""

    median_s: Seconds
    least_s: Seconds
    most_s: Seconds
    count: int


def stopped_after_s(laps: tuple[Lap, ...], warmup: Lap | None) -> Seconds | None:
    """Say how long laps ran that were stopped, so that one takes longer than that; None where one has ended."""
    if spread_of(laps) is not None:
        return None
    return max((lap.wall_s for lap in (*laps, warmup) if lap is not None and lap.stopped), default=None)


def spread_of(laps: tuple[Lap, ...]) -> Spread | None:
    """Sum up the wall times of the laps that count and came to their end; None where there are none."""
    walls = [lap.wall_s for lap in laps if lap.round and not lap.stopped]
    return Spread(median(walls), min(walls), max(walls), len(walls)) if walls else None
