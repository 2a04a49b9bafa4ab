"""What the first chunks of a way took, which were begun beside few others: the base that all later ones are held to."""

from __future__ import annotations

from poolwise.model.events import ChunkDone
from poolwise.model.units import Seconds

# The chunks that were sent first, and how many of them must have ended to tell what an item takes: nearly all, since
# those that end first are the quick ones of any work.
FIRST_CHUNKS = 8
ENOUGH_FIRSTS = 6


class Firsts:
    """Hears of chunks, and keeps the first ones."""

    def __init__(self, *, by_number: bool) -> None:
        """Keep those with the lowest numbers, which were sent first; else, in mid-run, those that end first."""
        self._by_number = by_number
        self._walls: list[Seconds] = []
        self._cpus: list[Seconds] = []

    def __len__(self) -> int:
        """Count those that have ended."""
        return len(self._walls)

    def hear(self, event: ChunkDone) -> None:
        """A chunk is done."""
        count = len(event.outcome.values)
        is_first = event.chunk <= FIRST_CHUNKS if self._by_number else len(self) < FIRST_CHUNKS
        if is_first and count:
            self._walls.append(event.outcome.wall_s / count)
            self._cpus.append(event.outcome.cpu_s / count)

    def has_enough(self) -> bool:
        """Tell whether nearly all of them have ended."""
        return len(self) >= ENOUGH_FIRSTS

    @property
    def base_s(self) -> Seconds | None:
        """What an item took that was begun beside few others, median; None where too few of them have ended."""
        return self.wall_s if self.has_enough() else None

    @property
    def wall_s(self) -> Seconds:
        """What an item took, median of those that there are."""
        return _median(self._walls)

    @property
    def cpu_s(self) -> Seconds:
        """What an item computed, likewise."""
        return _median(self._cpus)


def _median(values: list[Seconds]) -> Seconds:
    return sorted(values)[len(values) // 2]
