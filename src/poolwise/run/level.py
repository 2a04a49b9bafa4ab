"""How many at a time serve best where nobody says so: a level that is found while items run.

What is heard is how long items take and which of them the far side refuses. Answers are taken in rounds of about as
many as may be under way, of items that were sent at the present level only.

  A round is over when seven eighths of those that belong to it are back. Not when so many answers have come: those that
  come first are the quick ones, and the fewer are waited for, the quicker they seem.
* It begins with few, and doubles from round to round while that brings more: by Little's law (J. D. C. Little,
  Operations Research 9, 1961) what comes in a second is *level / latency*, so a doubling is worth it while the latency
  grows by less than half.
* Latencies near the *base*, which is that of the first items, let it grow. Latencies far from it ask for a trial with
  as many as the base latency would need, and a quarter more. If that brings less, the latency had another cause and is
  the new base; else it stays. So do TCP Vegas (Brakmo and Peterson, 1995) and BBR (Cardwell and others, ACM Queue 14,
  2016).
* A refusal takes it back to what was served before, or to four fifths, at most once for all that were under way then
  (V. Jacobson, "Congestion Avoidance and Control", SIGCOMM 1988). What was refused is a *ceiling*: it is tried again
  with one more at a time, after so many rounds that refusals stay rare.
"""

from __future__ import annotations

import math

from poolwise.model.classes import frozen
from poolwise.model.units import Seconds

BEGIN = 8
# Nothing that waits is quicker; a clock that has not ticked meanwhile shows no time at all.
LEAST_S: Seconds = 1e-9
# The mean of fewer latencies is luck: of as many, where one takes as long as any other says nothing of the next (an
# exponential distribution), it is a quarter off as a rule. That must do while every round costs time ...
LEAST_ANSWERS = 16
# ... and once a level is found, there is time for an eighth.
STEADY_ANSWERS = 64
# The slowest of a round are not waited for: one that never ends would end all learning. What is left out is the same
# share of each round, so that rounds can be compared.
MOST_BACK = 7 / 8
# The base is the mean of the first so many, if they come of levels that were worth it.
BASE_ANSWERS = 64
# Later it follows what is lower by more than this, by this share: else the luckiest of many rounds would be the base.
LOWER = 0.9
FOLLOWS = 0.25
# A doubling that makes items so much slower brings less than a third more.
WORTH_DOUBLING = 1.5
# Latencies, in those of the base: near it, and so far from it that a queue is likely.
NEAR = 1.3
FAR = 1.6
# A queue that is never empty loses nothing.
HEADROOM = 1.25
# A trial that brings less than this share of what came before was a mistake.
WORSE = 0.85
# Between near and far, more are tried now and then, each time after twice as many rounds ...
HOLD_ROUNDS = 4
MORE = 1.5
# ... and are kept if they bring at least this much more.
WORTH_MORE = 1.25
# What is left where a refusal gives no better hint.
LESS = 0.8
# Without a ceiling, a round near the base lets it grow by this share, and by one at least.
GROWTH = 0.25
# Below a ceiling so many rounds go by before one more is tried: of each round's answers one or two are lost then.
PROBE_ROUNDS = 16
# Falls that follow each other without any success ask for a rest, each twice as long as the one before.
REST_FROM = 2
REST_S: Seconds = 0.05
LONGEST_REST_S: Seconds = 5.0
# Whoever asks to be left alone for longer is not waited for longer: as ``Retry.retry_after_max``.
LONGEST_WISH_S: Seconds = 300.0


@frozen
class Answer:
    """What came of an item that was let through."""

    wall_s: Seconds
    served: bool
    """It was done. Neither served nor refused: it failed by itself, and says nothing of the far side."""
    refused: bool = False
    """The far side could not take so many at once."""
    again: bool = False
    """This item was refused several times before: that may be its own fault, and says nothing new."""
    retry_after_s: Seconds | None = None


class Level:
    """How many may be under way at a time, by what is heard of them."""

    def __init__(self, most: int | None = None, begin: int = BEGIN) -> None:
        """Begin with few; never more than ``most``."""
        self._most = math.inf if most is None else most
        self.limit = int(min(begin, self._most))
        self.inside = 0
        self.rest_until: Seconds = -math.inf
        """Nothing is to be sent before."""
        self._base_s: Seconds | None = None
        self._based_on = 0
        self._doubling = True
        self._before_s: Seconds | None = None
        """The latency before the newest doubling."""
        self._trial: tuple[int, Seconds] | None = None
        """While one goes on: the level before it and its latency."""
        self._ceiling: int | None = None
        self._proven = 0
        """A whole round at this level was served."""
        self._rounds = 0
        self._patience = HOLD_ROUNDS
        """So many rounds neither near nor far go by before more are tried."""
        self._falls = 0
        self._is_full = False
        """The newest answer was a refusal."""
        self._newest = self._since = 0
        self._first, self._size = 1, LEAST_ANSWERS
        """The round: its first ticket, and so many from that on."""
        self._sum_s, self._count, self._back, self._full = 0.0, 0, 0, False

    def room(self, now: Seconds) -> int:
        """Say how many more may go now.

        After a refusal none, before one that is under way was served: until then nothing has changed over there.
        """
        if now < self.rest_until or (self._is_full and self.inside):
            return 0
        return max(0, self.limit - self.inside)

    def enter(self) -> int:
        """An item goes out; give its ticket."""
        self._newest += 1
        self.inside += 1
        self._full |= self.inside >= self.limit
        return self._newest

    def leave(self, ticket: int, now: Seconds, answer: Answer | None) -> bool:
        """An item is back, with an answer or without any; say whether a refusal is excused: it was not alone."""
        self.inside -= 1
        if answer is not None and answer.refused:
            return self._refused(ticket, now, answer)
        if answer is not None and answer.served:
            self._falls, self._is_full = 0, False
        self._heard(ticket, answer)
        return False

    def _refused(self, ticket: int, now: Seconds, answer: Answer) -> bool:
        self._is_full = True
        if answer.retry_after_s is not None:
            self.rest_until = max(self.rest_until, now + min(answer.retry_after_s, LONGEST_WISH_S))
        alone = self.limit == 1 and ticket > self._since
        if ticket > self._since and not answer.again and not alone:
            self._fall(now)
        self._heard(ticket, answer)
        return not alone

    def _fall(self, now: Seconds) -> None:
        refused = self.limit
        probed = self._proven < refused <= self._proven + max(1, int(GROWTH * self._proven))
        fewer = self._proven if probed else int(LESS * refused)
        self._ceiling, self._doubling, self._trial = refused, False, None
        if not probed:
            self._proven = 0
        self._falls += 1
        if self._falls >= REST_FROM:
            rest_s = (self._base_s or REST_S) * 2 ** min(self._falls, 10)
            self.rest_until = max(self.rest_until, now + min(rest_s, LONGEST_REST_S))
        self._go(max(1, fewer))

    def _heard(self, ticket: int, answer: Answer | None) -> None:
        """Take an answer into the round, which is over when most of those that belong to it are back."""
        if not self._first <= ticket < self._first + self._size:
            return
        self._back += 1
        if answer is not None and answer.served:
            self._sum_s += answer.wall_s
            self._count += 1
        if self._back < MOST_BACK * self._size or not self._count:
            return
        mean_s, full, count = max(self._sum_s / self._count, LEAST_S), self._full, self._count
        if self._doubling and full and self._size < STEADY_ANSWERS and self._is_worse(mean_s):
            # No doubling is given up by bad luck: a longer round is to say so, too.
            self._new_round()
            self._size = STEADY_ANSWERS
            return
        self._new_round()
        if full:
            # Where fewer were under way than might have been, nothing is learnt of more.
            self._round(mean_s, count)

    def _new_round(self) -> None:
        """Listen to those that are sent from now on."""
        self._first = self._newest + 1
        self._size = max(LEAST_ANSWERS, self.limit) if self._doubling else max(STEADY_ANSWERS, 2 * self.limit)
        self._sum_s, self._count, self._back, self._full = 0.0, 0, 0, self.inside >= self.limit

    def _learn_base(self, mean_s: Seconds, count: int) -> Seconds:
        base_s = self._base_s
        if base_s is None:
            base_s, self._based_on = mean_s, count
        elif self._doubling and self._based_on < BASE_ANSWERS and mean_s <= WORTH_DOUBLING * base_s:
            base_s = (base_s * self._based_on + mean_s * count) / (self._based_on + count)
            self._based_on += count
        elif mean_s < LOWER * base_s:
            base_s += FOLLOWS * (mean_s - base_s)
        self._base_s = base_s
        return base_s

    def _round(self, mean_s: Seconds, count: int) -> None:
        self._rounds += 1
        self._proven = max(self._proven, self.limit)
        base_s = self._learn_base(mean_s, count)
        if self._ceiling is not None and self.limit >= self._ceiling:
            # What was refused is served by now.
            self._ceiling = None
        if self._trial is not None:
            self._judge(*self._trial, mean_s)
        elif self._doubling:
            self._double(mean_s, base_s)
        elif mean_s <= NEAR * base_s:
            self._grow()
        elif mean_s >= FAR * base_s:
            self._try_fewer(mean_s, base_s)
        elif self._rounds >= self._patience and self._ceiling is None:
            # Neither near nor far: the base may be a lucky one.
            self._trial = self.limit, mean_s
            self._go(max(self.limit + 1, int(MORE * self.limit)))

    def _is_worse(self, mean_s: Seconds) -> bool:
        """Tell whether the newest doubling made items so much slower that it brought little."""
        return self._before_s is not None and mean_s > WORTH_DOUBLING * max(self._before_s, self._base_s or 0.0)

    def _double(self, mean_s: Seconds, base_s: Seconds) -> None:
        if not self._is_worse(mean_s):
            self._before_s = mean_s
            self._go(2 * self.limit)
            return
        self._doubling = False
        self._go(max(self.limit // 2, int(HEADROOM * self.limit * base_s / mean_s)))

    def _grow(self) -> None:
        more = self.limit + max(1, int(GROWTH * self.limit))
        if self._ceiling is not None:
            if self.limit < self._ceiling - 1:
                more = min(more, self._ceiling - 1)
            elif self._rounds < PROBE_ROUNDS:
                return
            else:
                more = self.limit + 1
        self._go(more)

    def _try_fewer(self, mean_s: Seconds, base_s: Seconds) -> None:
        self._trial = self.limit, mean_s
        # One round of bad luck must not take more than half.
        self._go(max(1, self.limit // 2, int(HEADROOM * self.limit * base_s / mean_s)))

    def _judge(self, before: int, before_s: Seconds, mean_s: Seconds) -> None:
        self._trial = None
        gain = (self.limit / mean_s) / (before / before_s)
        if self.limit > before and gain < WORTH_MORE:
            self._patience *= 2
            self._go(before)
        elif self.limit > before or gain < WORSE:
            # What takes longer now does so by itself, and the level was not found yet.
            self._base_s = self._before_s = before_s
            self._doubling = self._ceiling is None
            self._go(max(before, self.limit))

    def _go(self, limit: int) -> None:
        """Go to another level: answers to what is under way say nothing of it."""
        limit = int(min(limit, self._most))
        if limit != self.limit:
            self.limit, self._rounds = limit, 0
            self._since = self._newest
        self._new_round()
