"""A service that fails is given a rest: a circuit breaker for the whole run.

Three states, after M. Nygard, "Release It!" (2007), whose names are in brackets::

                 failures in a row                 its time is over
    at work ──────────────────────▶ resting ──────────────────────▶ trying
    (closed)                        (open) ◀────────────────────── (half-open)
       ▲                               it failed: rest for longer     │
       └──────────────────────────────────────────────────────────────┘
              it was served, or five rests in a row were of no use

While *resting* nothing is sent; what is in flight comes to its end, and says nothing new. *Trying* is one item, by
which alone it is decided how the run goes on. Where five rests in a row were of no use the service is given up: there
is no further rest, so that each item fails as the caller has asked for it.

What others do: pybreaker counts failures in a row, as here; resilience4j their share of the last hundred calls, which
needs a hundred calls to know. Both refuse calls meanwhile. Here nobody waits for an answer at once, so that calls need
not be refused: they wait.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from poolwise.model.events import Instruction, Rest, Resume, Trouble
from poolwise.model.retry import Retry
from poolwise.model.units import Seconds

# No rest is longer, unless the answers ask for it: one of a minute is found out by one item a minute.
MOST_REST_S: Seconds = 60.0
# 1 + 2 + 4 + 8 + 16 s with the default: who restarts a service needs less than half a minute.
MOST_RESTS = 5
# One item alone may be what is wrong.
LEAST_ITEMS = 2

State: TypeAlias = Literal["at work", "resting", "trying"]


class Breaker:
    """Hears of each item what came of it, and says when to rest."""

    def __init__(self, retry: Retry) -> None:
        """Be at work."""
        self.state: State = "at work"
        self.rests = 0
        """Rests so far."""
        self.what = ""
        """What the newest failure was."""
        self.until_s: Seconds = 0.0
        """When this rest is over."""
        self.trial: int | None = None
        """The number of the chunk that is the trial."""
        self._after = retry.rest_after if retry.retries else None
        self._first_s = retry.rest
        self._asks_most_s = retry.retry_after_max if retry.retry_after else 0.0
        self._row = 0
        self._items: set[int] = set()
        self._asked_s: Seconds = 0.0
        self._useless = 0
        self._since_s: Seconds = 0.0
        self._rested_s: Seconds = 0.0

    @property
    def holds(self) -> bool:
        """Nothing may be sent, but for a trial."""
        return self.state != "at work"

    @property
    def may_try(self) -> bool:
        """One item is to be sent, and nobody has it yet."""
        return self.state == "trying" and self.trial is None

    @property
    def next_at(self) -> Seconds | None:
        """When the rest is over; None: there is none."""
        return self.until_s if self.state == "resting" else None

    def rested_s(self, now_s: Seconds) -> Seconds:
        """Say how long nothing was sent, all in all."""
        return self._rested_s + (max(0.0, now_s - self._since_s) if self.holds else 0.0)

    # --- What happens -----------------------------------------------------------------------------------------

    def pass_time(self, now_s: Seconds) -> None:
        """Let a rest end whose time is over."""
        if self.state == "resting" and now_s >= self.until_s:
            self.state = "trying"

    def served(self, chunk: int, now_s: Seconds) -> list[Instruction]:
        """Items of a chunk are done."""
        if self._after is None:
            return []
        if self.holds:
            # What was sent before the rest says nothing of the service as it is now.
            return self._go_on(now_s, served=True) if chunk == self.trial else []
        self._forget_row()
        return []

    def failed(
        self, index: int, chunk: int | None, trouble: Trouble | None, now_s: Seconds, *, several: bool
    ) -> list[Instruction]:
        """An item of a chunk has failed; ``several``: it is not the only one there is."""
        if self._after is None:
            return []
        if trouble is None:
            # The function's own failure: it may well have been served.
            return self.served(chunk, now_s) if chunk is not None else []
        self.what = trouble.what
        self._asked_s = max(self._asked_s, min(trouble.retry_after_s or 0.0, self._asks_most_s))
        if self.holds:
            return self._trial_failed(now_s) if chunk is not None and chunk == self.trial else []
        self._row += 1
        if len(self._items) < LEAST_ITEMS:
            self._items.add(index)
        enough = len(self._items) >= LEAST_ITEMS or not several
        return self._rest(now_s) if self._row >= self._after and enough else []

    def lost(self, chunk: int) -> None:
        """Nothing is known of what became of a chunk: if it was the trial, another is needed."""
        if chunk == self.trial:
            self.trial = None

    def tries(self, chunk: int) -> None:
        """This chunk is the trial."""
        self.trial = chunk

    # --- Changes ----------------------------------------------------------------------------------------------

    def _trial_failed(self, now_s: Seconds) -> list[Instruction]:
        self._row += 1
        self._useless += 1
        if self._useless < MOST_RESTS:
            return self._rest(now_s)
        self._after = None
        return self._go_on(now_s, served=False)

    def _rest(self, now_s: Seconds) -> list[Instruction]:
        again = self.holds
        if not again:
            self._since_s = now_s
        longest_s = min(self._first_s * 2**self._useless, max(MOST_REST_S, self._first_s))
        seconds = max(longest_s, self._asked_s)
        self.state, self.until_s, self.trial, self._asked_s = "resting", now_s + seconds, None, 0.0
        self.rests += 1
        return [Rest(seconds, self._row, self.what, again)]

    def _go_on(self, now_s: Seconds, *, served: bool) -> list[Instruction]:
        self._rested_s += max(0.0, now_s - self._since_s)
        self.state, self.trial, self._useless = "at work", None, 0
        self._forget_row()
        return [Resume(served, self._rested_s)]

    def _forget_row(self) -> None:
        self._row, self._asked_s = 0, 0.0
        self._items.clear()
