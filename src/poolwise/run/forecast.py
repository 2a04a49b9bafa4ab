"""How long a run will still take, told honestly for uneven work: as a range, from how it has gone lately.

The mean over the whole run is wrong for hours after the work has changed (large files after small ones, a cache that is
warm, workers that came later), and the last moment's rate jumps. So three rates are compared: of the whole run, of its
last half, of its last quarter. What is left goes at a rate between the slowest and the fastest of them, as far as
anybody can tell. The windows grow with the run, and so does what is known: while work is steady the three agree, and
the range closes; what changes widens it at once, and has left it when the run is four times as old.

Each rate is a count of n items, whose chance error is about ``1/sqrt(n)`` of it, and so is that of the items that are
left (as if items took exponentially distributed times, a Poisson process: work whose items all take the same ends more
regularly, and is told with more caution than it needs).

The end has its own law. The last w items of w workers end side by side, the last of them after ``1 + 1/2 + … + 1/w``
times what an item takes (the mean of the largest of w such times). And who has been waited for ``quiet_s`` already may
take as long again (Gott, "Implications of the Copernican principle for our future prospects", Nature 363, 1993: the
only prior that knows nothing).
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import TypeAlias

from poolwise.model.classes import frozen
from poolwise.model.units import Seconds

Moment: TypeAlias = tuple[Seconds, int]
"""Seconds since the run began, and the items that were done by then."""

# The parts of the run so far whose rates are compared, the last of them being "lately".
WINDOWS = (1.0, 0.5, 0.25)
# A rate is told of the last of these windows in which so many items were finished, else of the whole run.
SOME = 4
# The range goes so many chance errors beyond the rates. Of uneven work's ends it then holds 87 to 95 of a hundred (see
# the tests); with 1.5 it holds 91 to 98, and is half as wide again.
CHANCE_ERRORS = 1.0
# So long after the first result nothing is foretold: before, workers start, connections are made, caches are filled.
FIRST_AFTER_S: Seconds = 1.0
# What is foretold changes by no more than this factor in a second, so that a person can read it.
CALM = 2.0
# So many moments are kept, as far from each other as the run is old: a window's rate is off by a sixteenth at most.
MOST_MOMENTS = 64
FINEST_S: Seconds = 0.1


@frozen
class Outlook:
    """What is foretold: the recent rate, in items a second, and the shortest and longest time left."""

    rate: float
    low_s: Seconds
    high_s: Seconds


def foresee(history: Sequence[Moment], now: Moment, left: int, *, workers: int = 1, quiet_s: Seconds = 0.0) -> Outlook:
    """Foretell from the moments of a run, the first at its beginning and all before ``now``; ``left`` items remain.

    ``quiet_s`` is how long ago an item was finished. Needs a run in which an item is done and time has passed.
    """
    at_s, done = now
    counts = [max(0.5, done - _done_at(history, now, (1 - part) * at_s)) for part in WINDOWS]
    rates = [count / (part * at_s) for count, part in zip(counts, WINDOWS, strict=True)]
    recent = next((rate for rate, count in zip(rates[::-1], counts[::-1], strict=True) if count >= SOME), rates[0])
    if not left:
        return Outlook(recent, 0.0, 0.0)
    chance = 1 + CHANCE_ERRORS * math.sqrt(1 / max(1.0, counts[-1]) + 1 / left)
    low_s = left / (max(rates) * chance)
    last = min(left, max(1, workers))
    side_by_side = max(1, workers) * _harmonic(last)
    high_s = (left - last + side_by_side) / min(rates) * chance
    return Outlook(recent, low_s, max(high_s, quiet_s))


def _harmonic(count: int) -> float:
    """Give ``1 + 1/2 + … + 1/count``, by Euler's expansion; off by less than a hundredth."""
    return math.log(count) + 0.5772 + 1 / (2 * count) - 1 / (12 * count**2)


def _done_at(history: Sequence[Moment], now: Moment, at_s: Seconds) -> float:
    """Give how many items were done at a time, on the straight line between the moments around it."""
    place = bisect.bisect_right(history, at_s, key=lambda moment: moment[0])
    before = history[place - 1] if place else (0.0, 0)
    after = history[place] if place < len(history) else now
    if after[0] <= before[0]:
        return after[1]
    return before[1] + (after[1] - before[1]) * (at_s - before[0]) / (after[0] - before[0])


class Forecast:
    """Remembers how a run has gone, in bounded memory, and foretells without jumps."""

    def __init__(self) -> None:
        """Begin with the run."""
        self._history: list[Moment] = [(0.0, 0)]
        self._spacing_s = FINEST_S
        self._first_s: Seconds | None = None
        self._last: Moment = (0.0, 0)
        self._told: tuple[Seconds, float, float] | None = None
        """When it was foretold, and the fastest and the slowest pace, in items a second, that this meant."""

    def see(self, at_s: Seconds, done: int) -> None:
        """Take in how far the run is."""
        if done > self._last[1]:
            self._last = (at_s, done)
            if self._first_s is None:
                self._first_s = at_s
        if at_s - self._history[-1][0] < self._spacing_s:
            return
        self._history.append((at_s, done))
        if len(self._history) > MOST_MOMENTS:
            del self._history[1::2]
            self._spacing_s *= 2

    def tell(self, at_s: Seconds, done: int, total: int | None, workers: int) -> Outlook | None:
        """Foretell, once there is something to go by; with no total only the rate, and an open end."""
        if not done or at_s <= 0 or self._first_s is None:
            return None
        left = total - done if total is not None else 0
        seen = foresee(self._history, (at_s, done), left, workers=workers, quiet_s=at_s - self._last[0])
        if total is None or at_s - self._first_s < FIRST_AFTER_S:
            return Outlook(seen.rate, 0.0, math.inf)
        if not left:
            return seen
        fast, slow = left / seen.low_s, left / seen.high_s
        if self._told is not None:
            told_at_s, told_fast, told_slow = self._told
            most = CALM ** min(64.0, max(0.0, at_s - told_at_s))
            fast, slow = _near(fast, told_fast, most), _near(slow, told_slow, most)
        self._told = (at_s, fast, slow)
        return Outlook(seen.rate, left / fast, left / slow)


def _near(value: float, before: float, factor: float) -> float:
    return min(max(value, before / factor), before * factor)
