"""The chart of a sweep: the speed with more and more workers, the law through it, and where the cores end."""

from __future__ import annotations

from poolwise.model.sweep import Fit, Point, Sweep
from poolwise.report.bounds import WAYS
from poolwise.report.figures import counted
from poolwise.report.laps import wall_text
from poolwise.report.pictures.chart import Axis, Band, Curve, Flag, Lines
from poolwise.report.pictures.chart import Point as Dot
from poolwise.report.sweep_table import marks

# So many places make a curve smooth.
SMOOTH = 60


def sweep_chart(sweep: Sweep) -> Lines:
    """Draw the speed by the number of workers: medians with least and most, the fitted law, the usable cores."""
    dots = tuple(dot for dot in (_dot(sweep, point) for point in sweep.points) if dot is not None)
    measured = Curve(label="measured: median, least to most", points=dots, measured=True)
    law = (_law(sweep.fit, dots),) if sweep.fit is not None and dots else ()
    return Lines(
        title=f"{sweep.function}: speed with more and more {WAYS[sweep.backend]}",
        about=_about(sweep),
        x=Axis("workers", doubling=True),
        y=Axis("speed", "items a second"),
        curves=(*law, measured),
        bands=_bands(sweep.fit) if sweep.fit is not None else (),
        flags=_flags(sweep),
    )


def _dot(sweep: Sweep, point: Point) -> Dot | None:
    spread, note = point.spread, marks(sweep, point).removeprefix("cores").removeprefix(", ")
    if spread is None:
        return Dot(point.workers, sweep.items / point.at_least_s, note=note, beyond=True) if point.at_least_s else None
    low, high = (sweep.items / spread.most_s, sweep.items / spread.least_s) if spread.count > 1 else (None, None)
    return Dot(point.workers, sweep.items / spread.median_s, low, high, note)


def _law(fit: Fit, dots: tuple[Dot, ...]) -> Curve:
    """Draw the law as far as it was fitted."""
    first, last = dots[0].x, float(fit.most_workers)
    places = [first * (last / first) ** (step / SMOOTH) for step in range(SMOOTH + 1)]
    points = tuple(Dot(place, fit.speed(place)) for place in places)
    return Curve(label="Universal Scalability Law, fitted", points=points, dashed=True)


def _bands(fit: Fit) -> tuple[Band, ...]:
    points = [Dot(each.workers, each.speed.value, each.speed.low, each.speed.high) for each in fit.expected]
    return (Band("where the law lies, 95 times in 100", tuple(points)),) if points else ()


def _flags(sweep: Sweep) -> tuple[Flag, ...]:
    cores = Flag(sweep.cores, counted(sweep.cores, "usable core"))
    peak = sweep.peak
    if peak is None or not sweep.points or peak.value > sweep.points[-1].workers:
        return (cores,)
    high = f"{peak.high:.1f}" if peak.high is not None else "any"
    return (cores, Flag(peak.value, f"peak of the law: {peak.value:.1f} workers ({peak.low:.1f} – {high})"))


def _about(sweep: Sweep) -> str:
    told = "; ".join(
        f"{counted(point.workers, 'worker')}: {wall_text(point)} {marks(sweep, point)}".rstrip()
        for point in sweep.points
    )
    return f"{told}; {counted(sweep.cores, 'usable core')}"
