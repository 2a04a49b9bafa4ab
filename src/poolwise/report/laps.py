"""Cells about several laps of one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

from poolwise.model.lap import Lap, Spread
from poolwise.model.race import Entrant
from poolwise.model.sweep import Point
from poolwise.report.figures import duration

# So many cores kept busy by others, on average, are worth a word: the figures are not of this work alone.
DISTURBING = 0.25
# Likewise given to other machines by the hypervisor.
STOLEN = 0.05
# What is shorter than this is not what the machine's clocks, which go by 10 ms, are good for.
LEAST_S = 0.005


def disturbances(laps: Iterable[Lap]) -> Iterator[tuple[str, str]]:
    """Say what else the machine did meanwhile: a heading and a sentence for each."""
    told = [lap for lap in laps if lap.others_s is not None and lap.wall_s >= LEAST_S]
    wall_s = sum(lap.wall_s for lap in told)
    if not wall_s:
        return
    busy = sum(lap.others_s or 0.0 for lap in told) / wall_s
    if busy >= DISTURBING:
        yield (
            "noise",
            f"other programs kept {busy:.1f} cores busy meanwhile: on an idle machine figures may differ",
        )
    stolen_s = sum(lap.stolen_s or 0.0 for lap in told)
    if stolen_s / wall_s >= STOLEN:
        yield "", f"the hypervisor gave {duration(stolen_s)} of CPU time to other machines"
    throttled_s = sum(lap.throttled_s or 0.0 for lap in told)
    if throttled_s:
        yield "", f"the quota of the container held the processes up for {duration(throttled_s)}"


def range_text(spread: Spread | None) -> str:
    """Say how far laps lie apart: ``1.18 – 1.31 s``; nothing where there is but one."""
    if spread is None or spread.count < 2:  # noqa: PLR2004 - one measurement has no spread
        return ""
    least, most = duration(spread.least_s), duration(spread.most_s)
    if least.count(" ") == most.count(" ") == 1 and least.split()[1] == most.split()[1]:
        least = least.split()[0]
    return f"{least} – {most}"


def wall_text(timed: Entrant | Point) -> str:
    """Say how long a lap took: ``1.20 s``, ``> 12.0 s``."""
    if timed.spread is not None:
        return duration(timed.spread.median_s)
    return f"> {duration(timed.at_least_s)}" if timed.at_least_s is not None else "no time left"


def cpu_share(laps: Sequence[Lap], cores: int) -> float | None:
    """Give the CPU that laps used of all that the usable cores had in their time, 0 to 1."""
    return middle(laps, lambda lap: lap.cpu_s / lap.wall_s / cores if lap.wall_s and lap.cpu_s else None)


def middle(laps: Sequence[Lap], told: Callable[[Lap], float | None]) -> float | None:
    """Give the median of a figure over the laps that ended; over those that were stopped where none did."""
    counting = [lap for lap in laps if lap.round]
    ended = [lap for lap in counting if not lap.stopped] or counting
    known = [figure for figure in map(told, ended) if figure is not None]
    return median(known) if known else None


def times(factor: float) -> str:
    """Say a factor: ``1.93 ×``, ``12 ×``."""
    return f"{factor:.2f} ×" if factor < 9.95 else f"{factor:.0f} ×"  # noqa: PLR2004 - three digits say too much
