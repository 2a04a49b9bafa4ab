"""What a ``Pool.map`` with a ``buffersize`` reads, and when."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from poolwise.api import source as module
from poolwise.api.handout import Handout
from poolwise.api.source import Buffer, Source
from poolwise.model.events import Batch
from poolwise.run.desk import Many


class Workers:
    """Run what they are given when they are told to, and count what was read."""

    def __init__(self, *, at_once: bool = False) -> None:
        self.lots: list[Many] = []
        self.read = 0
        self.at_once = at_once

    def put(self, lot: Many) -> None:
        self.lots.append(lot)
        if self.at_once:
            self.run()

    def reading(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.read += 1
            yield item

    def run(self) -> None:
        """Run all that has not been run."""
        while self.lots:
            lot = self.lots.pop(0)
            for place, item in enumerate(lot.items):
                lot.take(Batch(place, [lot.function(*item) if lot.spread else lot.function(item)]))


def buffer_of(workers: Workers, items: Iterable[Any], size: int, function: Callable[..., Any] = abs) -> Buffer:
    """Read some items ahead."""
    return Buffer(workers.put, function, (workers.reading(items),), size, None)


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9, 100])
def test_no_more_is_read_ahead_than_there_is_room_for(size: int) -> None:
    """Before the first result is taken, and after each, of items without end."""
    workers = Workers(at_once=True)
    results = Handout.of(buffer_of(workers, itertools.count(), size), None)
    assert workers.read == size
    for taken in range(300):
        assert next(results) == taken
        assert taken < workers.read <= taken + size


def test_a_small_buffer_is_filled_after_each_result() -> None:
    """As the standard library's: whoever asked for as many as there are workers keeps them all busy."""
    workers = Workers()
    results = Handout.of(buffer_of(workers, range(100), 4), None)
    for taken in range(20):
        workers.run()
        assert (next(results), workers.read) == (taken, taken + 4)


def test_items_that_are_slow_to_come_are_waited_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that is there is not kept until a whole buffer has been read."""
    monkeypatch.setattr(module, "READ_S", 0.0)
    workers = Workers()
    results = Handout.of(buffer_of(workers, range(100), 16), None)
    assert [len(lot) for lot in workers.lots] == [1] * 16
    for taken in range(20):
        workers.run()
        assert next(results) == taken
        assert workers.read <= taken + 16


def test_the_end_of_the_items_is_the_end_of_the_results() -> None:
    """Also where there are none, and where an iterable is none at all."""
    workers = Workers()
    results = Handout.of(buffer_of(workers, range(3), 2), None)
    workers.run()
    assert next(results) == 0
    workers.run()
    assert [*itertools.islice(results, 1)] == [1]
    workers.run()
    assert [*results] == [2]
    assert [*Handout.of(buffer_of(workers, [], 2), None)] == []
    assert [*Handout.of(Buffer(workers.put, abs, (), 2, None), None)] == []


def test_several_iterables_are_read_side_by_side() -> None:
    """As far as the shortest goes."""
    workers = Workers()
    results = Handout.of(Buffer(workers.put, pow, (itertools.count(1), [3, 2]), 5, None), None)
    workers.run()
    assert [*results] == [1, 4]


def broken() -> Iterator[int]:
    """Give an item, and raise."""
    yield 1
    raise ZeroDivisionError


def test_items_that_raise_at_once_are_told_at_once() -> None:
    """By the call itself, as the standard library's; what was handed out is given up."""
    workers = Workers()
    with pytest.raises(ZeroDivisionError):
        Buffer(workers.put, abs, (itertools.chain([1] * 3, broken()),), 8, None)
    assert all(lot.cancelled for lot in workers.lots)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_items_that_raise_later_are_told_in_their_turn(size: int) -> None:
    """The results of what was read before come first."""
    workers = Workers(at_once=True)
    results = Handout.of(buffer_of(workers, itertools.chain([1] * 5, broken()), size), None)
    assert [*itertools.islice(results, 6)] == [1] * 6
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_what_is_learnt_of_items_holds_for_the_next_lot() -> None:
    """Else the workers would begin with single items, again and again."""
    workers = Workers()
    source = buffer_of(workers, itertools.count(), 1)
    source.gave(1)
    source.first()
    one, other = workers.lots
    assert one.learnt is other.learnt


def test_a_source_of_one_lot_ends_with_it() -> None:
    """The results that were given are counted, not looked at."""
    lot = Many(abs, [1, 2, 3], spread=False)
    source = Source(lot)
    source.gave(2)
    assert source.first() is lot
    source.gave(1)
    assert source.first() is None
