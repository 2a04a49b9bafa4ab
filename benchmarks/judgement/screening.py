"""The search for the best ways of a case: from the middle of each ladder up and down while that helps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from benchmarks.judgement.results import Run, is_right
from benchmarks.judgement.ways import Ladder, Way

# The loop comes first, since tiny work is done in it at once, and where it waits it may take a minute.
LOOP_LIMIT_S, FIRST_LIMIT_S = 1.5, 25.0
# A way that takes longer than this is no rival of the best one; what is short may vary by more.
SLOW_TIMES, SLOW_AT_LEAST_S = 3.0, 0.6
# So far behind the best of its ladder, twice in a row, a rung is a reason not to go on.
BEHIND, IN_A_ROW = 1.3, 2
# A rung that takes more than this of the ladder's best time has not gained anything.
GAIN = 0.9
# So far behind the best of all, a ladder has to gain with each rung, and nothing beside it is tried.
FAR_BEHIND = 2.0
# A way of another kind that takes at most so many times the best one's time may be the best on a quieter machine.
CLOSE = 1.25
# The ways that are tried a second time, of which the best go into the rounds.
AGAIN, RIVALS = 4, 3

Tried = dict[str, list[Run]]
Try = Callable[[str, float], Run]


def screen(ladders: Sequence[Ladder], count: int, run: Try) -> Tried:
    """Try the ways on ``count`` items; give the runs of each that was tried."""
    (loop,), tried = ladders[0].rungs, {}
    tried[loop.name] = [run(loop.name, LOOP_LIMIT_S)]
    for ladder in ladders[1:]:
        rungs = _worth_trying(ladder.rungs, count)
        start = min(ladder.start, len(rungs) - 1)
        best_s = _climb(rungs[start:], math.inf, run, tried)
        # Where more workers are better, fewer are worse; and where the work waits, they take long.
        if best_s > GAIN * least_s(tried, rungs[start].name):
            _climb(rungs[:start][::-1], best_s, run, tried)
        _look_beside(ladder, rungs, run, tried)
    for way in rivals(tried, AGAIN):
        tried[way].append(run(way, limit_s(tried)))
    return tried


def rivals(tried: Tried, count: int = RIVALS) -> list[str]:
    """Give the best ways, the very best first."""
    times = {way: least_s(tried, way) for way in tried}
    return sorted((way for way in times if times[way] < math.inf), key=times.__getitem__)[:count]


def favourites(tried: Tried) -> list[str]:
    """Give the best way, and the best one of another kind where it was close: another day it may be the better one."""
    ordered = rivals(tried, len(tried))
    close = [
        way
        for way in ordered
        if _kind(way) != _kind(ordered[0]) and least_s(tried, way) < CLOSE * least_s(tried, ordered[0])
    ]
    return ordered[:1] + close[:1]


def _kind(way: str) -> str:
    """Tell threads from processes and from both, by the way's name."""
    return "both" if "×" in way else next((kind for kind in ("loop", "threads", "tasks") if kind in way), "processes")


def least_s(tried: Tried, way: str) -> float:
    """Give the least time that a way has taken; infinity where it never came to a right end."""
    return min((run["seconds"] for run in tried.get(way, ()) if is_right(run)), default=math.inf)


def limit_s(tried: Tried) -> float:
    """Give how long a way may take that still could be among the best."""
    best_s = min((least_s(tried, way) for way in tried), default=math.inf)
    return FIRST_LIMIT_S if best_s == math.inf else max(SLOW_AT_LEAST_S, SLOW_TIMES * best_s)


def _worth_trying(rungs: Sequence[Way], count: int) -> list[Way]:
    """With more workers than items a larger pool does what a smaller one does, at a higher price."""
    return [way for place, way in enumerate(rungs) if not place or rungs[place - 1].workers < count]


def _climb(rungs: Sequence[Way], best_s: float, run: Try, tried: Tried) -> float:
    """Try one rung after another while that may help; give the best time of the ladder."""
    behind = 0
    for way in rungs:
        tried[way.name] = [run(way.name, limit_s(tried))]
        if "failed" in tried[way.name][0]:
            break
        taken_s = least_s(tried, way.name)
        behind = behind + 1 if _leads_nowhere(taken_s, best_s, tried) else 0
        best_s = min(best_s, taken_s)
        if behind == IN_A_ROW:
            break
    return best_s


def _leads_nowhere(taken_s: float, best_s: float, tried: Tried) -> bool:
    """Tell whether a rung is behind the best of its ladder, or no better than it and far behind the best of all."""
    if best_s == math.inf:
        return False
    of_all_s = min(least_s(tried, way) for way in tried)
    return taken_s > BEHIND * best_s or (taken_s > GAIN * best_s and taken_s > FAR_BEHIND * of_all_s)


def _look_beside(ladder: Ladder, rungs: Sequence[Way], run: Try, tried: Tried) -> None:
    """Try what stands beside the best rung, unless that is far behind."""
    best = min(rungs, key=lambda way: least_s(tried, way.name))
    if least_s(tried, best.name) > FAR_BEHIND * min(least_s(tried, way) for way in tried):
        return
    for way in ladder.beside.get(best.workers, ()):
        tried[way.name] = [run(way.name, limit_s(tried))]
