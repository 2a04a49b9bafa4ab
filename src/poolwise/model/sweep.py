"""The same work with more and more workers: what a sweep has measured, and what follows from it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from poolwise.model.classes import frozen
from poolwise.model.document import Document
from poolwise.model.lap import Lap, Spread, spread_of, stopped_after_s
from poolwise.model.machine import Machine
from poolwise.model.options import BackendName
from poolwise.model.prose import pretty
from poolwise.model.units import Seconds

NoFitWhat: TypeAlias = Literal["few workers", "few rounds", "flat", "noise", "shape"]
CauseWhat: TypeAlias = Literal["switches", "stolen", "throttled", "starting", "shipping", "cpu", "others"]


@frozen(kw_only=True)
class Point:
    """A number of workers, and what each of its laps took."""

    workers: int
    warmup: Lap | None = None
    """The first lap, which found caches cold; it counts for nothing. None: there was none."""
    laps: tuple[Lap, ...] = ()
    """Those that count, in the order of the rounds; the last may have been stopped by the time budget."""

    @property
    def spread(self) -> Spread | None:
        """Median, least and most wall time of the laps that ended; None where none did."""
        return spread_of(self.laps)

    @property
    def at_least_s(self) -> Seconds | None:
        """How long it ran when it was stopped, so that it takes longer than that; None where a lap has ended."""
        return stopped_after_s(self.laps, self.warmup)


@frozen
class Interval:
    """An estimate, and the interval that holds the true value 95 times in 100, if the law holds."""

    value: float
    low: float
    high: float | None
    """None: it has no upper end."""


@frozen
class Expected:
    """What the law expects of a number of workers."""

    workers: float
    """Also between the numbers that were measured."""
    speed: Interval
    """Items a second."""


@frozen(kw_only=True)
class Fit:
    """The Universal Scalability Law as it describes these measurements; see ``decide.law`` for source and method.

    The speed with N workers is ``rate`` * N / (1 + ``contention`` * (N - 1) + ``crosstalk`` * N * (N - 1)).
    """

    rate: Interval
    """λ: items per second of one worker."""
    contention: Interval
    """σ: the share of the work for which workers stand in line; from 1 on, more of them bring nothing."""
    crosstalk: Interval
    """κ: what each pair of workers costs; it is what makes the speed fall again."""
    peak: Interval | None
    """The number of workers from which on the law's speed falls; None where it does not fall.

    It may lie beyond what was measured, and is extrapolated then.
    """
    most_workers: int
    """The law was fitted to the numbers of workers up to this."""
    misfit: float
    """How far the law is off where it is worst, as a share of the measured time."""
    expected: tuple[Expected, ...] = ()
    """The law with its interval, from the fewest workers to ``most_workers``: the band of the picture."""

    def speed(self, workers: float) -> float:
        """Say how many items a second the law expects of so many workers."""
        cost = 1 + self.contention.value * (workers - 1) + self.crosstalk.value * workers * (workers - 1)
        return self.rate.value * workers / cost


@frozen
class NoFit:
    """Why no law was fitted."""

    what: NoFitWhat
    """"few workers": fewer different numbers of workers than needed were measured to the end. "few rounds": how much
    a lap varies is not known. "flat": the number of workers makes next to no difference. "noise": it makes none that
    stands out from how much laps vary. "shape": the law is too far off somewhere."""
    found: float
    """The figure: a count, or a share of the time."""
    needed: float
    """What it had to be at least; at most where it is the shape."""


@frozen
class Worth:
    """The fewest workers that are about as fast as the best."""

    workers: int
    share: float
    """Their speed, as a share of the best."""
    in_noise: bool = False
    """What is missing could be noise."""


@frozen
class Dropoff:
    """What the most workers lose against the best, round by round."""

    workers: int
    """The most that were measured."""
    best: int
    """The fastest number of workers."""
    share: float
    """The share of the best speed that is lost; in the middle of the rounds."""
    least: float
    """In the round with the least loss; below zero where the many were faster."""
    most: float
    rounds: int
    """So many rounds in which both came to their end."""

    @property
    def clear(self) -> bool:
        """The many were slower in every round, of which there were two at least."""
        return self.least > 0 and self.rounds > 1


@frozen
class Cause:
    """Something measured that was more with the most workers than with the best number, and costs time."""

    what: CauseWhat
    """"switches": involuntary context switches a second. As shares of the time of all cores: "stolen", CPU that the
    hypervisor gave to other machines; "throttled", the cgroup's quota; "others", other programs. As shares of a
    worker's time: "starting" and "shipping". "cpu": CPU seconds that the same work took."""
    most: float
    """The figure with the most workers, in the middle of the laps."""
    best: float
    """Likewise with the fastest number of workers."""


@frozen(kw_only=True)
class Scaling:
    """What follows from the measurements: found by ``decide.scaling``."""

    fit: Fit | None = None
    no_fit: NoFit | None = None
    noise: float | None = None
    """How much laps of one number of workers vary: the standard deviation as a share of the time; None: not known."""
    best: int | None = None
    knee: int | None = None
    worth: Worth | None = None
    dropoff: Dropoff | None = None
    causes: tuple[Cause, ...] = ()


@frozen(kw_only=True)
class Sweep(Document):
    """What ``poolwise.sweep`` measured. ``print`` shows the table; ``show``, ``plot`` and ``to_html`` draw it."""

    function: str
    """The function's name."""
    items: int
    backend: BackendName
    cores: int
    """Usable cores."""
    repeats: int
    """Rounds that count."""
    budget_s: Seconds
    """The time for all laps together, beyond which they were stopped."""
    points: tuple[Point, ...]
    """By rising number of workers."""
    left_out: tuple[int, ...] = ()
    """Numbers of workers that were asked for and are more than there are items: no more could have worked."""
    fit: Fit | None = None
    """The Universal Scalability Law; None where it would say nothing: ``no_fit`` says why."""
    no_fit: NoFit | None = None
    noise: float | None = None
    """How much laps of one number of workers vary: the standard deviation as a share of the time; None: not known."""
    best: int | None = None
    """The fastest number of workers, by the medians; None where no lap ended."""
    knee: int | None = None
    """Up to here each worker brings more than the average one does up to ``best``; None where the gain is even."""
    worth: Worth | None = None
    """The number of workers worth paying for."""
    dropoff: Dropoff | None = None
    """What the most workers lose against the best; None where they are the best."""
    causes: tuple[Cause, ...] = ()
    """What was measured that explains the drop-off; empty where nothing does, or where there is none."""
    wall_s: Seconds = 0.0
    """What the sweep took in all."""
    machine: Machine
    begun: str = ""
    """When it began: date and time with the zone, by ISO 8601."""
    poolwise: str = ""
    """The version."""

    def __post_init__(self) -> None:
        """Refuse what no sweep can be, as in a file that somebody has changed: figures are divided by these."""
        if self.cores < 1 or self.items < 1 or not self.points:
            raise ValueError("a sweep has one core, one item and one number of workers at least")

    @property
    def peak(self) -> Interval | None:
        """The number of workers from which on the speed falls, by the law; None without one."""
        return self.fit.peak if self.fit is not None else None

    def point(self, workers: int) -> Point | None:
        """Give the point with so many workers; None where they were not measured."""
        return next((each for each in self.points if each.workers == workers), None)

    def speedup(self, point: Point) -> float | None:
        """Say how many times as fast as the fewest workers a point was; None where either has no time."""
        first = self.points[0].spread if self.points else None
        if first is None or point.spread is None or not point.spread.median_s:
            return None
        return first.median_s / point.spread.median_s

    _repr_pretty_ = pretty
