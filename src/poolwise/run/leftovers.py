"""What was sent once and has to go out again: it goes before what was never sent.

Items that are under suspicion (*marked*: a worker has died on one of them) stay so until they have come back, whoever
gives them back: unmarked, they could kill once more without being named.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

from poolwise.model.events import Chunk

Range: TypeAlias = tuple[int, int, bool]
"""First item, behind the last, marked or not."""


class Leftovers:
    """Chunks that are run again as they are, and ranges of items that may be cut anew."""

    def __init__(self) -> None:
        """Begin with none."""
        self._chunks: deque[Chunk] = deque()
        self._ranges: deque[Range] = deque()
        self.items = 0
        """Items of the ranges, counted as they come and go: asked for several times for each chunk that is sent."""

    def __len__(self) -> int:
        """Count the chunks, and the items of the ranges."""
        return len(self._chunks) + self.items

    def add(self, chunk: Chunk) -> None:
        """Run a chunk again, after the others."""
        self._chunks.append(chunk)

    def add_first(self, chunk: Chunk) -> None:
        """Run a chunk again, before all others."""
        self._chunks.appendleft(chunk)

    def give_back(self, start: int, stop: int, *, marked: bool) -> None:
        """Nobody has begun these items: they go out next after the chunks."""
        if start < stop:
            self._ranges.appendleft((start, stop, marked))
            self.items += stop - start

    def give_back_last(self, pieces: Iterable[Chunk]) -> None:
        """Nobody has begun these pieces of chunks: they go out after the other ranges."""
        for piece in pieces:
            self._ranges.append((piece.start, piece.stop, piece.marked))
            self.items += len(piece)

    def take(self, cut: Callable[[int, int, bool], Chunk]) -> Chunk | None:
        """Give what goes out next; ``cut`` makes a chunk of the first items of a range, marked or not."""
        if self._chunks:
            return self._chunks.popleft()
        if not self._ranges:
            return None
        start, stop, marked = self._ranges[0]
        # It still counts among what waits, by which the chunk is sized.
        chunk = cut(start, stop, marked)
        self._ranges.popleft()
        self.items -= stop - start
        self.give_back(chunk.stop, stop, marked=marked)
        return chunk

    def drain(self) -> list[Range]:
        """Give all of it, in the order in which it would go out, and keep none."""
        drained = [(chunk.start, chunk.stop, chunk.marked) for chunk in self._chunks] + list(self._ranges)
        self._chunks.clear()
        self._ranges.clear()
        self.items = 0
        return drained

    def forget_from(self, index: int) -> None:
        """The run ends at this item: what begins there or behind it is not wanted any more."""
        self._chunks = deque(chunk for chunk in self._chunks if chunk.start < index)
        self._ranges = deque(each for each in self._ranges if each[0] < index)
        self.items = sum(stop - start for start, stop, _ in self._ranges)

    def spans(self) -> list[tuple[int, int]]:
        """List all of it, first item and behind the last."""
        return [
            *((chunk.start, chunk.stop) for chunk in self._chunks),
            *((start, stop) for start, stop, _ in self._ranges),
        ]
