"""The items of a chunk, of which those that are not begun can be taken away while it runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from poolwise.model.classes import frozen
from poolwise.model.events import Chunk

# To iterate by hand takes 0.05 µs an item more than a list does: 3 % of as many items as take 2 ms.
MOST_CUTTABLE = 1024


@frozen
class AtWork:
    """A chunk that is run now."""

    chunk: Chunk
    items: Cuttable


class Cuttable:
    """Gives its items one by one, once; whoever takes some away may do so from another thread.

    Both ends of a deque are safe to use at once: an item is begun or taken away, and never both.
    """

    def __init__(self, items: Sequence[Any]) -> None:
        """Begin with all of them."""
        self._left = deque(items)
        self._count = len(self._left)

    def __len__(self) -> int:
        """Count those that were not taken away."""
        return self._count

    def __iter__(self) -> Iterator[Any]:
        """Give what is left, the first one first."""
        left = self._left
        while left:
            try:
                item = left.popleft()
            except IndexError:
                # The last one was taken away just now.
                return
            yield item

    @property
    def unbegun(self) -> int:
        """Count those that could be taken away."""
        return len(self._left)

    def cut(self) -> int:
        """Take away all that are not begun, and say how many."""
        taken = 0
        while self._left:
            try:
                self._left.pop()
            except IndexError:
                break
            taken += 1
        self._count -= taken
        return taken
