"""The keys of items that have been handed out, made before a function could change the items."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Final

from poolwise.journal.items import KEY_BYTES

# A length and a key: a bytes object of its own for each would take four times as much.
_PLACE: Final = 1 + KEY_BYTES


class BegunKeys:
    """Keys by the numbers of their items, kept in blocks until all of a block are done."""

    def __init__(self) -> None:
        """Hold none."""
        self._starts: list[int] = []
        self._blocks: dict[int, bytes] = {}
        self._left: dict[int, int] = {}

    def put(self, start: int, keys: Sequence[bytes]) -> None:
        """Keep the keys of the items ``start`` and following."""
        if keys:
            bisect.insort(self._starts, start)
            self._blocks[start] = b"".join([bytes((len(key),)) + key.ljust(KEY_BYTES, b"\0") for key in keys])
            self._left[start] = len(keys)

    def get(self, index: int) -> bytes | None:
        """Give the key of an item; None where it was not kept."""
        place = bisect.bisect_right(self._starts, index) - 1
        if place < 0:
            return None
        start = self._starts[place]
        at = (index - start) * _PLACE
        block = self._blocks[start]
        return block[at + 1 : at + 1 + block[at]] if at < len(block) else None

    def done(self, index: int) -> None:
        """Nobody asks for this one again."""
        place = bisect.bisect_right(self._starts, index) - 1
        if place < 0:
            return
        start = self._starts[place]
        self._left[start] -= 1
        if not self._left[start]:
            del self._starts[place], self._blocks[start], self._left[start]
