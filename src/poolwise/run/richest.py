"""Who has the most to give back, found without looking at everybody."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable


class Richest:
    """Workers by what they have, in a heap: a new entry for each change, the old one left where it is.

    An entry is stale where the worker has another wealth by now; it goes when it comes to the top. Of equals the one
    with the lowest number comes first.
    """

    def __init__(self, wealth: Iterable[tuple[int, int]]) -> None:
        """Begin with what each worker has; those with nothing are left out."""
        self._heap = [(-count, worker) for worker, count in wealth if count]
        heapq.heapify(self._heap)

    def __len__(self) -> int:
        """Count the entries, stale ones too."""
        return len(self._heap)

    def note(self, worker: int, count: int) -> None:
        """A worker has so much now."""
        if count:
            heapq.heappush(self._heap, (-count, worker))

    def find(self, wealth: Callable[[int], int]) -> tuple[int, int]:
        """Name who has the most, and how much; ``wealth`` says what a worker really has. -1 and 0: nobody has."""
        while self._heap:
            count, worker = self._heap[0]
            if wealth(worker) == -count:
                return worker, -count
            heapq.heappop(self._heap)
        return -1, 0
