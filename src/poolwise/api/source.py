"""Where the results of a ``Pool.map`` come from: one lot of items that was read at once, or many, read bit by bit."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from poolwise.model.units import Seconds
from poolwise.run.desk import Learnt, Many

# Items that come within so long are handed to the workers together: to hand them over one by one would cost as much
# again as to run them (0.02 ms each). Whoever takes longer to make an item is not waited for a second time.
READ_S: Seconds = 0.001
# A buffer is filled up when this part of it is free: results that come in twos and threes would else have twos and
# threes sent after them (with room for 100 tiny items, 0.2 ms each instead of 0.01).
PART = 8


class Source:
    """Lots of items in order, of which results have been given so far or not."""

    def __init__(self, *lots: Many) -> None:
        """Begin with the first of them."""
        self._lots = deque(lots)
        self._given = 0
        """Results of the first lot that were given."""

    def first(self) -> Many | None:
        """Give the lot that the next result is of; None after the last."""
        while self._lots and self._given == len(self._lots[0]):
            self._lots.popleft().cancel()
            self._given = 0
        return self._lots[0] if self._lots else None

    def gave(self, count: int) -> None:
        """So many results were taken: their items are not waited for any more."""
        self._given += count

    def cancel(self) -> None:
        """Nobody wants what has not come yet."""
        for lot in self._lots:
            lot.cancel()


class Buffer(Source):
    """Reads items as results are taken, so that of ``size`` at most the results have not been taken."""

    def __init__(
        self,
        put: Callable[[Many], None],
        function: Callable[..., Any],
        iterables: tuple[Iterable[Any], ...],
        size: int,
        chunksize: int | None,
    ) -> None:
        """Fill up, which waits for the iterables; ``put`` hands a lot to the workers."""
        super().__init__()
        self._put = put
        self._function = function
        self._spread = len(iterables) != 1
        self._items: Iterator[Any] | None = zip(*iterables, strict=False) if self._spread else iter(iterables[0])
        self._room = size
        self._enough = max(1, size // PART)
        self._chunksize = chunksize
        self._learnt = Learnt()
        self._error: Exception | None = None
        try:
            while self._room and self._items is not None:
                self._read()
        except BaseException:
            self.cancel()
            raise

    def first(self) -> Many | None:
        """Read what there is room for and comes at once, or one item; see ``Source.first``.

        What goes wrong with that is raised after the results of what was read before.
        """
        if self._items is not None and self._room >= self._enough:
            try:
                self._read()
            except Exception as error:  # noqa: BLE001 - an iterable may raise anything; it is raised in its turn
                self._items, self._error = None, error
        lot = super().first()
        if lot is None and self._error is not None:
            raise self._error
        return lot

    def gave(self, count: int) -> None:
        """There is room for so many more."""
        super().gave(count)
        self._room += count

    def _read(self) -> None:
        items: list[Any] = []
        try:
            for item in self._some():
                items.append(item)  # noqa: PERF402 - what came before an error counts
        finally:
            if items:
                self._hand_out(items)

    def _hand_out(self, items: list[Any]) -> None:
        lot = Many(self._function, items, self._spread, self._chunksize, learnt=self._learnt)
        self._put(lot)
        self._lots.append(lot)
        self._room -= len(items)

    def _some(self) -> Iterator[Any]:
        items, until = self._items, time.monotonic() + READ_S
        if items is None:
            return
        for count, item in enumerate(items, 1):
            yield item
            if count == self._room or time.monotonic() >= until:
                return
        self._items = None
