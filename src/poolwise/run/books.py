"""The books of the gate: for each rate and each limit, what is known of each of its keys.

A book says how many of a key may go now (``room``), and, where only the clock is waited for, when the next may
(``opens_at``). It forgets what it need not know: keys that are idle, and as free as new ones.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Protocol

from poolwise.model.quota import Key, Limit, Rate
from poolwise.model.units import Seconds
from poolwise.run.level import Answer, Level

# Keys that are remembered before those that need not be are looked for; then twice as many as were left.
MOST_KEYS = 4096
# More room than anybody could use.
ENOUGH = 1 << 30


class Book(Protocol):
    """What the gate asks of each rate and limit."""

    key: Key | None

    def room(self, key: Hashable, now: Seconds) -> int:
        """Say how many more of this key may go now."""
        ...

    def opens_at(self, key: Hashable, now: Seconds) -> Seconds | None:
        """Say when there will be room by the clock alone; None: not before another one has left."""
        ...

    def enter(self, key: Hashable, now: Seconds) -> int:
        """One of this key goes out; give its ticket."""
        ...

    def leave(self, key: Hashable, ticket: int, now: Seconds, answer: Answer | None) -> bool:
        """One of this key is back; say whether its refusal is excused."""
        ...


class Pace:
    """The book of a rate: for each key the time at which its next beginning is due, were all evenly spaced.

    The "generic cell rate algorithm" (ITU-T I.371), which is a token bucket kept in a single number.
    """

    def __init__(self, rate: Rate) -> None:
        """Know of no key."""
        self.key = rate.key
        self._spacing_s = rate.spacing_s
        self._ahead_s = (rate.burst - 1) * rate.spacing_s
        self._burst = rate.burst
        self._due: dict[Hashable, Seconds] = {}
        self._most = MOST_KEYS

    def room(self, key: Hashable, now: Seconds) -> int:
        """Count the tokens in the bucket."""
        due = self._due.get(key)
        if due is None or due <= now:
            return self._burst
        # By the very figure of ``opens_at``: who waits until then must find it open, whatever is rounded.
        opens_at = due - self._ahead_s
        return 0 if opens_at > now else min(self._burst, 1 + int((now - opens_at) / self._spacing_s))

    def opens_at(self, key: Hashable, now: Seconds) -> Seconds | None:
        """Say when the next token is there."""
        return max(now, self._due.get(key, -math.inf) - self._ahead_s)

    def enter(self, key: Hashable, now: Seconds) -> int:
        """Take a token."""
        self._due[key] = max(now, self._due.get(key, -math.inf)) + self._spacing_s
        if len(self._due) > self._most:
            self._due = {each: due for each, due in self._due.items() if due > now}
            self._most = max(MOST_KEYS, 2 * len(self._due))
        return 0

    def leave(self, key: Hashable, ticket: int, now: Seconds, answer: Answer | None) -> bool:
        """Nothing to give back: what counts is that it began."""
        return False


class Places:
    """The book of a limit: for each key how many are under way."""

    def __init__(self, limit: Limit) -> None:
        """Know of no key."""
        self.key = limit.key
        self._most = limit.most if limit.most is not None else ENOUGH
        self._inside: dict[Hashable, int] = {}

    def room(self, key: Hashable, now: Seconds) -> int:
        """Count the places."""
        return self._most - self._inside.get(key, 0)

    def opens_at(self, key: Hashable, now: Seconds) -> Seconds | None:
        """Say that another one has to leave."""
        return None

    def enter(self, key: Hashable, now: Seconds) -> int:
        """Take a place."""
        self._inside[key] = self._inside.get(key, 0) + 1
        return 0

    def leave(self, key: Hashable, ticket: int, now: Seconds, answer: Answer | None) -> bool:
        """Give the place back."""
        if self._inside[key] == 1:
            del self._inside[key]
        else:
            self._inside[key] -= 1
        return False


class Levels:
    """The book of an adaptive limit: for each key the level that serves best."""

    def __init__(self, limit: Limit) -> None:
        """Know of no key."""
        self.key = limit.key
        self._limit = limit
        self._levels: dict[Hashable, Level] = {}
        self._most = MOST_KEYS

    def room(self, key: Hashable, now: Seconds) -> int:
        """Count the places at the present level; none during a rest."""
        return self.level(key).room(now)

    def opens_at(self, key: Hashable, now: Seconds) -> Seconds | None:
        """Say when a rest is over, if that is all that is waited for."""
        level = self.level(key)
        return level.rest_until if level.rest_until > now else None

    def enter(self, key: Hashable, now: Seconds) -> int:
        """Take a place."""
        return self.level(key).enter()

    def leave(self, key: Hashable, ticket: int, now: Seconds, answer: Answer | None) -> bool:
        """Give the place back, and learn from it."""
        return self.level(key).leave(ticket, now, answer)

    def level(self, key: Hashable) -> Level:
        """Give what is known of a key."""
        found = self._levels.get(key)
        if found is None:
            if len(self._levels) >= self._most:
                # What was learnt of keys that are idle can be learnt again.
                self._levels = {each: level for each, level in self._levels.items() if level.inside}
                self._most = max(MOST_KEYS, 2 * len(self._levels))
            found = self._levels[key] = Level(self._limit.most)
        return found


def open_book(quota: Rate | Limit) -> Book:
    """Give the book of a rate or limit."""
    if isinstance(quota, Rate):
        return Pace(quota)
    return Levels(quota) if quota.adaptive else Places(quota)
