"""Items that wait until it is their time to go out again. No worker waits with them."""

from __future__ import annotations

import heapq

from poolwise.model.classes import frozen
from poolwise.model.units import Seconds


@frozen
class Again:
    """An item that is to go out again."""

    index: int
    marked: bool
    """As of a ``Chunk``."""


class Later:
    """Items by the time at which they are due; of several for one moment the first that came is the first to go."""

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: list[tuple[Seconds, int, Again]] = []
        self._came = 0

    def __len__(self) -> int:
        """Count those that wait."""
        return len(self._waiting)

    @property
    def next_at(self) -> Seconds | None:
        """When the next one is due; None: nobody waits."""
        return self._waiting[0][0] if self._waiting else None

    def add(self, at_s: Seconds, again: Again) -> None:
        """Let an item wait until then."""
        self._came += 1
        heapq.heappush(self._waiting, (at_s, self._came, again))

    def due(self, now_s: Seconds) -> list[Again]:
        """Give those that have waited long enough, and forget them here."""
        ready = []
        while self._waiting and self._waiting[0][0] <= now_s:
            ready.append(heapq.heappop(self._waiting)[2])
        return ready

    def forget_from(self, index: int) -> None:
        """The run ends at this item: those behind it are not wanted any more."""
        self._waiting = [each for each in self._waiting if each[2].index < index]
        heapq.heapify(self._waiting)

    def spans(self) -> list[tuple[int, int]]:
        """List them, each as its number and the next."""
        return [(again.index, again.index + 1) for _, _, again in self._waiting]
