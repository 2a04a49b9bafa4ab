"""The gate: where a rate or a limit was asked for, every item goes out through it, one at a time.

All workers are sent their items by one scheduler, in one thread. So what counts items across threads, tasks and
processes needs no shared memory: the scheduler asks the gate which item may go now, and tells it what has come back.

Items with the same keys stand in one *lane*, in order. Lanes whose first item may go take turns, so that a host with
thousands of items holds up no other. A lane whose first may not go is *parked* where it waits: at a key that is full,
until one of that key leaves; or by the clock, until its time has come. So what a step costs does not grow with the
number of lanes. Rates and limits without a key bound all lanes together, and are asked first.

The time is what the scheduler was told last (``tell``).
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, TypeAlias

from poolwise.model.classes import field, mutable, replace
from poolwise.model.quota import Key, Limit, Rate
from poolwise.model.units import Seconds
from poolwise.run.books import Book, open_book
from poolwise.run.level import Answer

# An item whose key has no room holds up none of so many behind it.
MOST_HELD = 10_000
# Where there are keys, so many stand at the gate in any case: while the calling thread runs an item, others are sent
# what is known already, and no key is asked for.
AT_HAND = 256
# How many could go is counted no further: nobody starts more workers than this at once.
MOST_COUNTED = 128
# An item that is refused so often in whatever company has failed.
MOST_EXCUSES = 8
# From so many refusals on it says nothing of the far side any more: it may be its own fault.
OWN_FAULT = 2

Keys: TypeAlias = tuple[Hashable, ...]


@mutable
class Lane:
    """Items with the same keys: number, and whether a worker marks it."""

    keys: Keys
    items: deque[tuple[int, bool]] = field(default_factory=deque)
    waits: bool = False
    """It is parked somewhere, or among the open ones."""


@mutable
class Inside:
    """An item that was let through and is not back."""

    keys: Keys
    tickets: list[int]


class Gate:
    """Holds items, and lets through those that may go."""

    def __init__(self, quotas: Sequence[Rate | Limit], item_of: Callable[[int], Any]) -> None:
        """Hold none; ``item_of`` gives an item by its number, for the keys."""
        self._item_of = item_of
        self._functions: tuple[Key, ...] = tuple(dict.fromkeys(each.key for each in quotas if each.key is not None))
        books = [(open_book(each), each.key) for each in quotas]
        self._common: list[Book] = [book for book, key in books if key is None]
        self._keyed: list[tuple[Book, int]] = [(book, self._functions.index(key)) for book, key in books if key]
        self.adapts = any(isinstance(each, Limit) and each.adaptive for each in quotas)
        """It learns from refusals."""
        self._now: Seconds = -math.inf
        self._lanes: dict[Keys, Lane] = {}
        self._standing: set[int] = set()
        self._lowest: list[int] = []
        """What stands here as a heap, from which those that have gone are taken out when they come up."""
        self._open: deque[Lane] = deque()
        self._parked: dict[tuple[int, Hashable], list[Lane]] = {}
        self._due: list[tuple[Seconds, int, Lane]] = []
        self._order = itertools.count()
        self._inside: dict[int, Inside] = {}
        self._keys: dict[int, Keys] = {}
        self._excuses: dict[int, int] = {}
        self.excused: int | None = None
        """The item that was refused last and is to be tried again as if nothing had been."""
        self._is_open: bool | None = None
        """An item may go now; None: something has changed since that was found out."""
        self._waits_for: str | None = None
        self.waited_s: dict[str, Seconds] = {"rate": 0.0, "limit": 0.0}
        """For how long items stood here and none might go, by the clock ("rate") or for want of room ("limit")."""

    @property
    def held(self) -> int:
        """Count the items at the gate."""
        return len(self._standing)

    @property
    def lowest(self) -> int | None:
        """Give the lowest number of those at the gate."""
        while self._lowest and self._lowest[0] not in self._standing:
            heapq.heappop(self._lowest)
        return self._lowest[0] if self._lowest else None

    # --- The time ----------------------------------------------------------------------------------------------

    @property
    def now(self) -> Seconds:
        """The newest time that is known."""
        return self._now

    def tell(self, now: Seconds) -> None:
        """It is this time."""
        if self._waits_for is not None and self._now > -math.inf:
            self.waited_s[self._waits_for] += max(0.0, now - self._now)
        self._now, self._is_open = max(self._now, now), None
        while self._due and self._due[0][0] <= self._now:
            self._reopen(heapq.heappop(self._due)[2])

    @property
    def next_at(self) -> Seconds | None:
        """When an item may go that may not now, by the clock alone; None: no clock is waited for."""
        if not self.held:
            return None
        common = [book.opens_at((), self._now) for book in self._common if book.room((), self._now) < 1]
        if None in common:
            return None
        lanes_at = self._now if self._next_lane() is not None else self._due[0][0] if self._due else None
        return None if lanes_at is None else max([lanes_at, *(at for at in common if at is not None)])

    def look(self) -> None:
        """Note what is waited for from now on."""
        if not self.held or self.any_ready:
            self._waits_for = None
        else:
            self._waits_for = "limit" if self.next_at is None else "rate"

    # --- Coming ------------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many more items may stand here."""
        return MOST_HELD - self.held

    def wants(self, workers: int) -> bool:
        """Tell whether to look further ahead: those here do not keep so many more workers busy, and others might."""
        if not self._standing or (self._functions and len(self._standing) < AT_HAND):
            return True
        most = min(workers, MOST_COUNTED)
        if most < 1:
            return False
        most = min(most, self._common_room())
        return self.ready(most) < most and len(self._standing) < MOST_HELD

    def hold(self, index: int, *, marked: bool = False, first: bool = False) -> None:
        """Take in an item, behind the others of its keys or before them; raises what a key function raises."""
        lane = self._lane(self._keys_of(index))
        (lane.items.appendleft if first else lane.items.append)((index, marked))
        self._standing.add(index)
        self._is_open = None
        heapq.heappush(self._lowest, index)

    def _lane(self, keys: Keys) -> Lane:
        lane = self._lanes.get(keys)
        if lane is None:
            lane = self._lanes[keys] = Lane(keys)
        if not lane.waits:
            lane.waits = True
            self._open.append(lane)
        return lane

    def _keys_of(self, index: int) -> Keys:
        if not self._functions:
            return ()
        keys = self._keys.get(index)
        if keys is None:
            item = self._item_of(index)
            keys = tuple(_key_of(function, item) for function in self._functions)
            self._keys[index] = keys
        return keys

    # --- Going -------------------------------------------------------------------------------------------------

    @property
    def any_ready(self) -> bool:
        """Tell whether an item may go now."""
        if self._is_open is None:
            self._is_open = bool(self._standing) and self._common_room() > 0 and self._next_lane() is not None
        return self._is_open

    def ready(self, most: int = MOST_COUNTED) -> int:
        """Count the items that may go now, up to so many."""
        most = min(most, self._common_room())
        if most < 1 or not self.any_ready:
            return 0
        count = 0
        for lane in self._open:
            count += min([len(lane.items), *(book.room(lane.keys[place], self._now) for book, place in self._keyed)])
            if count >= most:
                break
        return min(count, most)

    def take(self) -> tuple[int, bool] | None:
        """Let an item through: its number, and whether it is to be marked; None where none may go."""
        if not self.any_ready:
            return None
        self._is_open = None
        lane = self._open.popleft()
        index, marked = lane.items.popleft()
        self._standing.remove(index)
        keys, tickets = lane.keys, [book.enter((), self._now) for book in self._common] if self._common else []
        for book, place in self._keyed:
            tickets.append(book.enter(keys[place], self._now))
        self._inside[index] = Inside(keys, tickets)
        if lane.items:
            self._open.append(lane)
        else:
            self._leave_empty(lane)
        return index, marked

    def _common_room(self) -> int:
        return min([book.room((), self._now) for book in self._common]) if self._common else MOST_COUNTED

    def _next_lane(self) -> Lane | None:
        """Find the lane whose turn it is; those that have to wait are parked on the way."""
        while self._open:
            lane = self._open[0]
            if not lane.items:
                self._open.popleft()
                self._leave_empty(lane)
            elif (blocking := self._blocking(lane)) is None:
                return lane
            else:
                self._open.popleft()
                self._park(lane, blocking)
        return None

    def _blocking(self, lane: Lane) -> int | None:
        for number, (book, place) in enumerate(self._keyed):
            if book.room(lane.keys[place], self._now) < 1:
                return number
        return None

    def _park(self, lane: Lane, number: int) -> None:
        book, place = self._keyed[number]
        key = lane.keys[place]
        at_s = book.opens_at(key, self._now)
        if at_s is None:
            self._parked.setdefault((number, key), []).append(lane)
        else:
            # Not before the next time that is told: else what rounding makes of it would be asked for ever.
            heapq.heappush(self._due, (max(at_s, math.nextafter(self._now, math.inf)), next(self._order), lane))

    def _leave_empty(self, lane: Lane) -> None:
        lane.waits = False
        self._lanes.pop(lane.keys, None)

    def _reopen(self, lane: Lane) -> None:
        self._open.append(lane)

    # --- Coming back -------------------------------------------------------------------------------------------

    def release(self, index: int, answer: Answer | None = None) -> None:
        """An item is back, whatever has become of it; one that was not let through is not heard of."""
        self.excused = self._is_open = None
        inside = self._inside.pop(index, None)
        if inside is None:
            return
        before = self._excuses.get(index, 0) if self._excuses else 0
        if before >= OWN_FAULT and answer is not None:
            answer = replace(answer, again=True)
        tickets, excused = iter(inside.tickets), False
        for book in self._common:
            excused |= book.leave((), next(tickets), self._now, answer)
        for number, (book, place) in enumerate(self._keyed):
            key = inside.keys[place]
            excused |= book.leave(key, next(tickets), self._now, answer)
            if self._parked:
                for lane in self._parked.pop((number, key), ()):
                    self._reopen(lane)
        if excused and before < MOST_EXCUSES:
            self._excuses[index] = before + 1
            self.excused = index

    def finished(self, start: int, count: int) -> None:
        """These items will not come again."""
        for book in (self._keys, self._excuses):
            if book:
                for index in range(start, start + count):
                    book.pop(index, None)

    def forget_from(self, index: int) -> None:
        """The run ends at this item: what stands here from it on is not wanted any more."""
        for lane in self._lanes.values():
            lane.items = deque(each for each in lane.items if each[0] < index)
        self._standing = {each for each in self._standing if each < index}
        self._is_open = None

    # --- For the scheduler's book ------------------------------------------------------------------------------

    def spans(self) -> list[tuple[int, int]]:
        """List what stands here, first item and behind the last."""
        return [(index, index + 1) for index in self._standing]

    def problems(self, in_flight: set[int]) -> Iterator[str]:
        """Say what must not be."""
        standing = [index for lane in self._lanes.values() for index, _ in lane.items]
        if sorted(standing) != sorted(self._standing):
            yield f"items {sorted(standing)} stand at the gate, and {sorted(self._standing)} are in its book"
        if in_flight != set(self._inside):
            yield f"the gate has let out {sorted(self._inside)}, and in flight are {sorted(in_flight)}"
        waiting = [id(lane) for lane in self._open]
        waiting += [id(lane) for lanes in self._parked.values() for lane in lanes]
        waiting += [id(lane) for _, _, lane in self._due]
        if len(waiting) != len(set(waiting)):
            yield "a lane waits in two places"
        for lane in self._lanes.values():
            if lane.items and id(lane) not in waiting:
                yield f"the items of {lane.keys} wait nowhere"


def _key_of(function: Key, item: Any) -> Hashable:  # noqa: ANN401 - any item
    """Ask for a key, and say whose mistake it is where there is none."""
    try:
        key = function(item)
        hash(key)
    except Exception as error:
        name = getattr(function, "__qualname__", repr(function))
        with contextlib.suppress(Exception):
            error.add_note(
                f"poolwise: raised for the key of rate= or limit=, by {name}: it takes an item and gives a value that "
                "can be hashed, such as a text or a number"
            )
        raise
    return key
