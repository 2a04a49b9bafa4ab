"""Measuring one way of a chapter: by the clock, by our CPU, and by everybody else's."""

from __future__ import annotations

import time
from typing import Any

import psutil

import poolwise
from poolwise.cli.demo_chapters import Chapter, DemoError, Way
from poolwise.measure.cpu import CpuClock
from poolwise.model.classes import frozen
from poolwise.model.report import Report
from poolwise.model.units import Seconds


@frozen(kw_only=True)
class Row:
    """What one way took."""

    name: str
    workers: int
    wall_s: Seconds
    cpu_s: Seconds
    others_cores: float = 0.0
    """How many of the machine's cores other programs kept busy meanwhile, on average."""
    report: Report | None = None
    """What Poolwise tells of it; None for the plain loop."""


def measure(chapter: Chapter, way: Way) -> Row:
    """Do a chapter's work in one way, and look at the clocks.

    :raises DemoError: the result is not what it must be, or the web server cannot be reached.
    """
    # The web server's CPU is not ours: the system adds a child's when it has ended, and the server goes on.
    cpu, all_s, begun = CpuClock(), _everybody_s(), time.perf_counter()
    try:
        results = _run(chapter, way)
    except OSError as error:
        raise DemoError(f"no result by {way.label}: {error}") from error
    wall_s, cpu_s, everybody_s = time.perf_counter() - begun, cpu.elapsed_s(), _everybody_s() - all_s
    if (found := chapter.summarise(results)) != chapter.expected:
        raise DemoError(f"wrong result by {way.label}: {found}; it must be: {chapter.expected}")
    report: Report | None = getattr(results, "report", None)
    return Row(
        name=way.name,
        workers=report.plan.workers if report else 1,
        wall_s=wall_s,
        cpu_s=cpu_s,
        others_cores=max(0.0, everybody_s - cpu_s) / wall_s,
        report=report,
    )


def _run(chapter: Chapter, way: Way) -> list[Any]:
    if way.options is None:
        return [chapter.function(item) for item in chapter.items]
    return poolwise.map(chapter.function, chapter.items, progress=False, **way.options)


def _everybody_s() -> Seconds:
    """Give the CPU seconds of all programs of this machine since it was started."""
    times = psutil.cpu_times()
    return times.user + times.system
