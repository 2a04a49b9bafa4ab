"""How many may wait at once: as many as the plan says, until the far side objects.

A server, a disk or a lock that serves more at once than it can takes longer for each: what is gained is a queue, and
what is lost may be everything (time-outs, refusals). Nobody says beforehand how many are too many, so the latency is
watched, in rounds of about as many answers as there are calls under way:

* The *base* is the median latency of the very first items, which were begun while few others were under way. It is
  theirs that began first, not that ended first: those are the quick ones of any work.
* As long as rounds stay near it, the limit doubles, up to what the plan wants.
* A round that took far longer asks for a trial: by Little's law (J. D. C. Little, Operations Research 9, 1961) the
  answers that came in a second could have come at the base latency with ``rate * base`` under way. So much,
  and a quarter more, is the new limit. That is how TCP Vegas (Brakmo and Peterson, 1995) and BBR (Cardwell and others,
  ACM Queue 14, 2016) find what a network path can hold.
* What was under way when the trial began is let pass. Was the rate of the round after that lower by a fifth, the
  latency had another cause (the items themselves take longer): the old limit comes back, and stays.
"""

from __future__ import annotations

from poolwise.model.recent import Recent
from poolwise.model.units import Seconds

# A round holds at least so many answers: the median of fewer is luck.
LEAST_ANSWERS = 8
# What is near the base, and what is far from it.
NEAR = 1.5
FAR = 2.5
# A trial takes so much more than Little's law says, since a queue that is never empty loses nothing.
HEADROOM = 1.25
# A trial that is not at least so much smaller tells nothing.
SMALLER = 0.7
# A trial whose rate falls below this share of the rate before was a mistake.
WORSE = 0.8


class Limiter:
    """Finds how many may be under way, round by round."""

    def __init__(self, begin: int, most: int, least: int) -> None:
        """Begin with ``begin``; never more than ``most`` nor fewer than ``least``."""
        self.limit = begin
        self._most = most
        self._least = min(least, most)
        self._believes = True
        """Longer latencies are thought to come of too many."""
        self._before: tuple[int, float] | None = None
        """While a trial goes on: the limit and the rate before it."""
        self._let_pass = 0
        """Answers to calls that were under way when a trial began: they say nothing of it."""
        self.trials = 0
        """Times that the far side was given less."""

    def is_round(self, answers: int) -> bool:
        """Tell whether so many answers are a round."""
        return answers >= max(LEAST_ANSWERS, self.limit // 2, self._let_pass)

    def hear(self, recent: Recent, base_s: Seconds | None) -> int:
        """Take in a round; say how many may be under way from now on. ``base_s``: see the top; None: not known yet."""
        if self._let_pass:
            self._let_pass = 0
        elif self._before is not None:
            self._judge(recent)
        elif base_s is None:
            return self.limit
        elif not self._believes or recent.typical_s <= NEAR * base_s:
            self.limit = min(self._most, 2 * self.limit)
        elif recent.typical_s >= FAR * base_s:
            self._try_fewer(recent, base_s)
        return self.limit

    def _try_fewer(self, recent: Recent, base_s: Seconds) -> None:
        fewer = max(self._least, int(HEADROOM * recent.rate * base_s))
        if fewer < SMALLER * self.limit:
            self._before, self._let_pass = (self.limit, recent.rate), self.limit
            self.limit = fewer
            self.trials += 1

    def _judge(self, recent: Recent) -> None:
        assert self._before is not None  # noqa: S101 - a trial goes on; for the type checker
        limit, rate = self._before
        self._before = None
        if recent.rate < WORSE * rate:
            self.limit, self._believes = limit, False
        else:
            # What is right now may be too little later.
            self._most = max(self._least, min(self._most, limit))
