"""The table of a sweep: one row for each number of workers, for the terminal and the page."""

from __future__ import annotations

from poolwise.model.sweep import Point, Sweep
from poolwise.report.figures import duration, number, share
from poolwise.report.laps import cpu_share, middle, range_text, times, wall_text
from poolwise.report.table import Column, Table, table_of

COLUMNS = (
    Column("workers", figures=True),
    Column("wall", figures=True),
    Column("least – most", figures=True),
    Column("speed-up", figures=True),
    Column("by the law", figures=True),
    Column("CPU used", figures=True),
    Column("starting", figures=True),
    Column("switches/s", figures=True),
    Column(""),
)


def sweep_table(sweep: Sweep) -> Table:
    """Give the table of a sweep: the last column says which row is the fastest, worth it, and as many as the cores."""
    counts = [point.workers for point in sweep.points]
    strong = counts.index(sweep.best) if sweep.best in counts else None
    return table_of(COLUMNS, [_row(sweep, point) for point in sweep.points], strong)


def marks(sweep: Sweep, point: Point) -> str:
    """Say what is special about a number of workers: ``cores, worth it``."""
    found = {
        "cores": point.workers == sweep.cores,
        "knee": point.workers == sweep.knee,
        "worth it": sweep.worth is not None and point.workers == sweep.worth.workers,
        "fastest": point.workers == sweep.best,
    }
    return ", ".join(mark for mark, here in found.items() if here)


def _row(sweep: Sweep, point: Point) -> tuple[str, ...]:
    speedup = sweep.speedup(point)
    used = cpu_share(point.laps, sweep.cores)
    start_s = middle(point.laps, lambda lap: lap.start_s)
    switches = middle(
        point.laps,
        lambda lap: lap.switches_involuntary / lap.wall_s if lap.switches_involuntary is not None else None,
    )
    return (
        number(point.workers),
        wall_text(point),
        range_text(point.spread),
        times(speedup) if speedup is not None else "",
        duration(sweep.items / sweep.fit.speed(point.workers)) if sweep.fit is not None else "",
        share(used) if used is not None else "",
        duration(start_s) if start_s is not None else "",
        number(round(switches)) if switches is not None else "",
        marks(sweep, point),
    )
