"""How many items to send together, by measured time: large while plenty is left, small towards the end."""

from __future__ import annotations

import math

from poolwise.model.classes import frozen
from poolwise.model.units import Bytes, Seconds

# A chunk is not made shorter than this towards the end: what is gained by even shares is lost in sending them
# (sending and receiving a chunk costs the parent about 0.05 ms).
LEAST_CHUNK_S: Seconds = 0.0005
# Towards the end a worker gets this part of its fair share of what is left: "guided self-scheduling" with factor 2
# (Polychronopoulos and Kuck, IEEE Transactions on Computers C-36, 1987).
TAIL_FACTOR = 2
# With nothing known, a chunk may be so many times larger than the largest yet: 1, 32, 1024 … reaches 20 ms
# chunks of 50 ns items in five steps.
GROWTH = 32
# Taking all that is left at once is for many tiny items, of which at least so many have been seen: the estimate must be
# worth more than a lucky start.
SEEN_ENOUGH = 1000
# A chunk holds no more than this of items or of results that have to travel, if they are as large as those before: what
# is packed and has not been run, or has been run and not been sent, is memory that waits.
MOST_CHUNK_BYTES: Bytes = 4 << 20
# In the running estimate of an item's time, an item of an older chunk counts this much of one of the newest: work
# drifts, and the newest knows best; a large chunk knows more than a small one, which is mostly overhead.
OLDER = 0.5
# Nothing that Python runs is quicker. A clock that has not ticked meanwhile shows none at all.
LEAST_ITEM_S: Seconds = 1e-9


@frozen(kw_only=True)
class Sizing:
    """The rule for chunk sizes."""

    chunksize: int | None = None
    """Always so many; None: by time."""
    target_s: Seconds = 0.02
    item_s: Seconds | None = None
    """What an item is thought to take before anything was run."""
    finish_s: Seconds = 0.0
    """One worker that has no longer than this to go takes all that is left at once."""
    least: int = 1
    """Items that a worker runs at a time, and so wants at least."""
    by_share: bool = False
    """Sending costs nothing for each item, and what a worker has not begun can be taken back: what an item takes need
    not be known, and chunks may be as large as a fair share."""


class ChunkSizer:
    """Learns what an item takes and sizes the next chunk by it."""

    def __init__(self, sizing: Sizing) -> None:
        """Start from what is thought; with nothing thought, from one item."""
        self._sizing = sizing
        self._item_s = sizing.item_s
        self._seen = 0
        self._largest = 0 if sizing.item_s is None else None
        self._item_bytes = 0.0

    @property
    def item_s(self) -> Seconds | None:
        """What an item takes, as far as is known."""
        return self._item_s

    def observe(self, count: int, wall_s: Seconds, item_bytes: float = 0.0) -> None:
        """Learn from ``count`` finished items, each of which took ``item_bytes`` to travel, one way or the other."""
        if count <= 0:
            return
        self._item_bytes = item_bytes
        newest = wall_s / count
        if self._item_s is None:
            self._item_s = newest
        else:
            share = count / (count + OLDER * self._seen)
            self._item_s = share * newest + (1 - share) * self._item_s
        self._seen = count
        if self._largest is not None:
            self._largest = max(self._largest, count)

    def size(self, left: int | None, workers: int) -> int:
        """Say how many items to send next, with ``left`` items not sent yet (None: nobody knows)."""
        if self._sizing.chunksize is not None:
            return self._sizing.chunksize
        if self._sizing.by_share and left is not None:
            least = 1 if self._item_s is None else self._by_time(LEAST_CHUNK_S)
            # Who runs several items at a time wants so many, as long as there are enough for all.
            enough = min(self._sizing.least, math.ceil(left / workers))
            return max(least, enough, math.ceil(left / (workers * TAIL_FACTOR)) if workers > 1 else left)
        if self._item_s is None:
            return 1
        if left is not None and workers == 1 and self._can_finish(left):
            return max(1, left)
        size = self._by_time(self._sizing.target_s)
        if left is not None:
            fair = math.ceil(left / (workers * TAIL_FACTOR)) if workers > 1 else left
            size = min(size, max(fair, self._by_time(LEAST_CHUNK_S)))
        if self._largest is not None:
            size = min(size, max(1, self._largest * GROWTH))
        if self._item_bytes:
            size = max(1, min(size, int(MOST_CHUNK_BYTES / self._item_bytes)))
        enough = self._sizing.least if left is None else min(self._sizing.least, math.ceil(left / max(1, workers)))
        return max(1, enough, size)

    def within(self, seconds: Seconds) -> int:
        """Say how many items take so long; 1 where nothing is known."""
        return 1 if self._item_s is None else self._by_time(seconds)

    def _can_finish(self, left: int) -> bool:
        seen = self._largest is None or self._largest >= SEEN_ENOUGH
        return seen and left * self._cost_s <= self._sizing.finish_s

    def _by_time(self, seconds: Seconds) -> int:
        return max(1, int(seconds / self._cost_s))

    @property
    def _cost_s(self) -> Seconds:
        """What an item takes, to reckon with: never nothing, so that quotients are finite and many take long."""
        return max(self._item_s or 0.0, LEAST_ITEM_S)
