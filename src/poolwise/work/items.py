"""Where the items come from: sequences by index, iterators read as they are needed."""

from __future__ import annotations

import array
import itertools
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, MappingView, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from poolwise.model.results import Results
from poolwise.model.units import Seconds

# These promise cheap slices and a length that is true; any other type is read through its iterator.
INDEXED = (list, tuple, range, Results)
# These are all there, and small beside what is done with them: ``map`` makes a list of them and knows how many.
COLLECTIONS = (AbstractSet, MappingView, deque, dict, str, bytes, bytearray, array.array)


class Items(Protocol):
    """The items of a run, numbered from 0."""

    total: int | None
    """How many there are; None while that is not known."""
    known: int
    """How many can be taken now."""
    inherited: bool
    """A forked worker finds the items in its own memory, so that only index ranges need to travel."""
    quick: bool
    """Reading has not kept anybody waiting lately."""
    read_s: Seconds
    """Time that the caller's iterators took to give the items."""
    error: BaseException | None
    """What the caller's iterator raised, which ended the items."""

    @property
    def awaited(self) -> bool:
        """Nothing can be read now: it comes by itself, and who brings it wakes the driver."""
        ...

    def slice(self, start: int, stop: int) -> Sequence[Any]:
        """Give the items ``start`` to ``stop - 1``."""
        ...

    def read(self, count: int, patience_s: Seconds) -> None:
        """Read up to ``count`` more; one at a time where that takes longer than ``patience_s``."""
        ...

    def forget(self, below: int) -> None:
        """Let go of the items before ``below``: nobody asks for them again."""
        ...


def make_items(iterables: tuple[Iterable[Any], ...], *, stream: bool = False) -> Items:
    """Choose by type. Several iterables become tuples and stop at the shortest, as in ``map``."""
    iterables = tuple(list(each) if not stream and isinstance(each, COLLECTIONS) else each for each in iterables)
    if all(type(each) in INDEXED and _is_countable(each) for each in iterables):
        return Indexed(iterables)  # type: ignore[arg-type]  # just checked
    iterator = iter(iterables[0]) if len(iterables) == 1 else zip(*iterables, strict=False)
    return Stream(iterator)


def _is_countable(items: Any) -> bool:  # noqa: ANN401 - one of INDEXED
    """Tell a sequence that can be indexed from a range beyond what an index can say."""
    return type(items) is not range or -sys.maxsize <= items.stop - items.start <= sys.maxsize


class Indexed:
    """Items of lists, tuples and ranges: all there from the start."""

    awaited = False

    def __init__(self, sequences: tuple[Sequence[Any], ...]) -> None:
        """Take the length now: what is appended during the run is not part of it."""
        self._sequences = sequences
        self._single = len(sequences) == 1
        self.total: int | None = min(len(each) for each in sequences)
        self.known = self.total
        self.inherited = True
        self.quick = True
        self.read_s: Seconds = 0.0
        self.error: BaseException | None = None

    def slice(self, start: int, stop: int) -> Sequence[Any]:
        """Give the items ``start`` to ``stop - 1``."""
        if self._single:
            whole = self._sequences[0]
            return Rest(whole, start) if stop == len(whole) and stop - start > SMALL else whole[start:stop]
        return list(zip(*(each[start:stop] for each in self._sequences), strict=False))

    def read(self, count: int, patience_s: Seconds) -> None:
        """Nothing to read."""

    def forget(self, below: int) -> None:
        """Nothing to let go of: the caller holds the items."""


class Rest(Sequence[Any]):
    """The end of a sequence, without a copy: copying 100,000 references costs 3 % of calling x + 1 on them.

    Only lists, tuples and ranges have such an iterator; each can be set to any place.
    """

    def __init__(self, whole: Sequence[Any], start: int) -> None:
        """Begin at ``start``."""
        self._whole = whole
        self._start = start

    def __len__(self) -> int:
        """Say how many items there are."""
        return max(0, len(self._whole) - self._start)

    def __iter__(self) -> Iterator[Any]:
        """Give the sequence's own iterator, begun at the right place."""
        iterator: Any = iter(self._whole)
        iterator.__setstate__(self._start)
        return iterator  # type: ignore[no-any-return]

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - an int or a slice, an item or several
        """Give an item, or a copy of some."""
        if isinstance(index, slice):
            return [self._whole[self._start + place] for place in range(*index.indices(len(self)))]
        return self._whole[self._start + range(len(self))[index]]


# A copy of so few costs nothing.
SMALL = 1024


class Stream:
    """Items of an iterator, held from being read until they are done.

    An exception of the iterator is kept in ``error`` and ends the stream; the run decides what it means.
    """

    @property
    def awaited(self) -> bool:
        """Say no: to read is to wait for it."""
        return False

    def __init__(self, iterator: Iterator[Any]) -> None:
        """Read nothing yet."""
        self._iterator = iterator
        self._held: list[Any] = []
        self._base = 0
        self._gone = 0
        """Of those held, the first places, which hold nothing any more."""
        self.total: int | None = None
        self.known = 0
        self.inherited = False
        self.error: BaseException | None = None
        self._quick = 0
        self.quick = False
        self.read_s: Seconds = 0.0

    def slice(self, start: int, stop: int) -> Sequence[Any]:
        """Give the items ``start`` to ``stop - 1``, which must have been read and not forgotten."""
        return self._held[start - self._base : stop - self._base]

    def read(self, count: int, patience_s: Seconds) -> None:
        """Read up to ``count`` more, and no more at a time than a quick iterator has earned.

        Whoever reads cannot hand on results meanwhile. So an iterator that made the reader wait longer than
        ``patience_s`` is asked for as many items as come in this time, for one at least; and so is a new one at first.
        """
        if self.total is not None:
            return
        count = min(count, 1 + self._quick // EARNED)
        begun = time.monotonic()
        got = self._take(count)
        took_s = time.monotonic() - begun
        self.read_s += took_s
        self._quick = self._quick + got if took_s <= patience_s else EARNED * max(0, int(got * patience_s / took_s) - 1)
        self.quick = self._quick >= EARNED
        if got < count:
            self.total = self.known

    def _take(self, count: int) -> int:
        before = len(self._held)
        try:
            self._held.extend(itertools.islice(self._iterator, count))
        except Exception as error:  # noqa: BLE001 - the caller's iterator may raise anything; the run tells it
            self.error = error
        got = len(self._held) - before
        self.known += got
        return got

    def forget(self, below: int) -> None:
        """Let go of the items before ``below``: at once, since a few may fill the memory.

        Their places go in strides, since deleting from a list's front moves the rest.
        """
        done = below - self._base
        if done > 0 and (done >= STRIDE or done == len(self._held)):
            del self._held[:done]
            self._base, self._gone = below, 0
        elif done > self._gone:
            self._held[self._gone : done] = [None] * (done - self._gone)
            self._gone = done


# So many items that came quickly earn one more at a time.
EARNED = 8
# Moving 256 pointers costs far less than running 256 items.
STRIDE = 256
