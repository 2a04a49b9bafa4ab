"""The best that one item at a time allows: whoever is free first takes the next item, and nothing else takes time."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any


def one_at_a_time(durations: Sequence[float], workers: int) -> float:
    """Give the time until the last worker is done (Graham's list schedule, in the order of the items).

    >>> one_at_a_time([1, 1, 1, 5], 2)
    6
    """
    free_at: list[float] = [0] * workers
    for duration in durations:
        heapq.heapreplace(free_at, free_at[0] + duration)
    return max(free_at)


def compare(runs: dict[str, dict[str, Any]], workers: int, *, loop: str, floor: str) -> None:
    """Add to each run of a round its ratios to the ideal schedule of the same round.

    The loop tells how long each item takes alone (scaled to its time without the stamps): ``to_ideal``. Cores that are
    all busy are slower, and no schedule helps it; the floor tells how much longer its workers were in the function:
    ``to_ideal_together``.
    """
    durations = runs.get(loop, {}).pop("durations", None)
    if not durations:
        return
    scale = runs[loop]["seconds"] / sum(durations)
    ideal = one_at_a_time([scale * each for each in durations], workers)
    busy_s = runs.get(floor, {}).get("busy_s")
    for run in runs.values():
        if "seconds" in run:
            run["to_ideal"] = run["seconds"] / ideal
            if busy_s:
                run["to_ideal_together"] = run["to_ideal"] / (busy_s / runs[loop]["seconds"])
