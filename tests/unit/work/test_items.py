"""Items: sequences by index, iterators as they are read."""

from __future__ import annotations

import functools
import itertools
import operator
import types
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.work.items import EARNED, SMALL, STRIDE, Indexed, Rest, Stream, make_items

PATIENCE_S = 60.0


class Broken(Exception):  # noqa: N818 - what an input raises
    """What an input raises."""


def broken(count: int):
    """Yield some items, then raise."""
    yield from range(count)
    raise Broken


class OwnList(list):
    """A list whose slices and length may be anything."""


def read_all(items) -> None:
    """Read to the end, in as many parts as it takes."""
    while items.total is None:
        items.read(1000, PATIENCE_S)


# --- The choice --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("iterables", "kind"),
    [
        (([1, 2],), Indexed),
        (((1, 2),), Indexed),
        ((range(2),), Indexed),
        (([1], (2,), range(3)), Indexed),
        ((OwnList([1]),), Stream),
        (("ab",), Indexed),
        (({1, 2},), Indexed),
        (({1: 2}.values(),), Indexed),
        ((deque([1]),), Indexed),
        ((range(10**30),), Stream),
        ((iter([1]),), Stream),
        (([1], iter([2])), Stream),
    ],
)
def test_only_what_promises_cheap_slices_is_indexed(iterables, kind):
    """Lists, tuples and ranges are taken by index, small collections as lists, anything else through its iterator."""
    assert type(make_items(iterables)) is kind


def test_a_stream_makes_no_list_of_a_collection():
    """Where results are taken one by one, even a set is read one by one."""
    assert type(make_items(({1, 2},), stream=True)) is Stream


# --- Indexed -----------------------------------------------------------------------------------------------------


def test_indexed_items_are_all_known():
    """Their number is known from the start, and workers may inherit them."""
    items = make_items(([1, 2, 3],))
    assert (items.total, items.known, items.inherited, items.error) == (3, 3, True, None)
    items.read(5, PATIENCE_S)
    items.forget(2)
    assert items.slice(0, 3) == [1, 2, 3]


def test_several_sequences_stop_at_the_shortest():
    """Several sequences give tuples, as many as the shortest has."""
    items = make_items(([1, 2, 3], (4, 5), range(9)))
    assert items.total == 2
    assert items.slice(0, 2) == [(1, 4, 0), (2, 5, 1)]
    assert items.slice(1, 2) == [(2, 5, 1)]


@given(
    count=st.integers(0, 3 * SMALL),
    cuts=st.tuples(st.integers(0, 3 * SMALL), st.integers(0, 3 * SMALL)),
    shape=st.sampled_from([list, tuple, lambda items: items]),
)
def test_slices_hold_the_right_items(count, cuts, shape):
    """Any slice, the long rest included, gives the items from start to stop."""
    start, stop = sorted(min(cut, count) for cut in cuts)
    taken = make_items((shape(range(count)),)).slice(start, stop)
    assert list(taken) == list(range(start, stop))
    assert len(taken) == stop - start
    assert [taken[offset] for offset in range(min(3, len(taken)))] == list(range(start, stop))[:3]


def test_items_appended_later_are_no_part_of_it():
    """The length is taken at the beginning."""
    data = [1, 2]
    items = make_items((data,))
    data.append(3)
    assert (items.total, list(items.slice(0, 2))) == (2, [1, 2])


# --- Rest --------------------------------------------------------------------------------------------------------


@given(
    count=st.integers(0, 50),
    start=st.integers(0, 50),
    shape=st.sampled_from([list, tuple, lambda items: items]),
    cut=st.slices(50),
)
def test_the_rest_is_a_sequence_like_its_copy(count, start, shape, cut):
    """The end of a sequence without a copy has the length, the items and the slices of a copy."""
    whole = shape(range(count))
    rest, copy = Rest(whole, min(start, count)), list(whole)[min(start, count) :]
    assert len(rest) == len(copy)
    assert list(rest) == copy
    assert list(rest[cut]) == copy[cut]
    assert [rest[offset] for offset in range(-len(copy), len(copy))] == copy * 2
    with pytest.raises(IndexError):
        rest[len(copy)]


def test_the_rest_tells_how_far_it_was_read():
    """Its iterator's length hint is exact, which finds the item that failed."""
    iterator = iter(Rest(list(range(10)), 4))
    assert next(iterator) == 4
    assert operator.length_hint(iterator) == 5


# --- Stream ------------------------------------------------------------------------------------------------------


def test_a_stream_reads_nothing_by_itself():
    """Before it is asked, an iterator is not touched."""
    items = make_items((broken(0),))
    assert (items.total, items.known, items.inherited, items.error) == (None, 0, False, None)


@given(count=st.integers(0, 200), steps=st.lists(st.integers(0, 60)))
def test_a_stream_is_read_no_further_than_asked(count, steps):
    """Reading takes no more than asked for, and notices the end when it is asked for more than there is."""
    items = make_items((iter(range(count)),))
    for step in steps:
        before = items.known
        items.read(step, PATIENCE_S)
        assert before + min(1, step, count - before) <= items.known <= min(count, before + step)
        assert items.total in {None, count}
        assert items.total is None or items.known == count
    read_all(items)
    assert (items.total, items.known) == (count, count)
    assert list(items.slice(0, count)) == list(range(count))


def test_the_time_that_reading_takes_is_counted(monkeypatch):
    """A generator that takes a second for each item is told from one that was never waited for."""
    clock = itertools.count()
    monkeypatch.setattr("poolwise.work.items.time", types.SimpleNamespace(monotonic=lambda: next(clock)))
    items = make_items((iter("abc"),))
    assert items.read_s == 0
    for _ in range(3):
        items.read(1, patience_s=10.0)
    assert items.read_s == 3
    assert make_items(([1, 2],)).read_s == 0


def test_a_quick_iterator_is_read_in_larger_and_larger_parts():
    """For every so many items that came quickly, one more is read at a time."""
    items = make_items((itertools.count(),))
    steps = []
    for _ in range(60):
        before = items.known
        items.read(1000, PATIENCE_S)
        steps.append(items.known - before)
    assert steps[:EARNED] == [1] * EARNED
    assert steps == sorted(steps)
    assert steps[-1] > 10


def test_a_slow_iterator_is_read_one_by_one():
    """An iterator that made the reader wait has to earn everything again."""
    items = make_items((itertools.count(),))
    for _ in range(60):
        items.read(1000, PATIENCE_S)
    items.read(1000, -1.0)
    before = items.known
    for more in range(1, 4):
        items.read(1000, -1.0)
        assert items.known == before + more


@pytest.mark.parametrize("count", [0, 1, 5, 100])
def test_an_iterator_that_raises_ends_the_stream(count):
    """What came before stays, and the error is kept for the run to tell."""
    items = make_items((broken(count),))
    read_all(items)
    assert (items.total, items.known, type(items.error)) == (count, count, Broken)
    assert list(items.slice(0, count)) == list(range(count))
    items.read(1000, PATIENCE_S)
    assert items.known == count


def test_an_iterator_that_is_interrupted_is_not_swallowed():
    """Ctrl-C inside the caller's iterator goes through."""

    def interrupted():
        yield 1
        raise KeyboardInterrupt

    items = make_items((interrupted(),))
    with pytest.raises(KeyboardInterrupt):
        read_all(items)


def test_several_iterators_stop_at_the_shortest():
    """Several iterables give tuples until one of them ends."""
    items = make_items((itertools.count(), iter("ab")))
    read_all(items)
    assert (items.total, list(items.slice(0, 2))) == (2, [(0, "a"), (1, "b")])


class Counted:
    """An item that tells, by its number, for how long it is there."""

    def __init__(self, alive: set[int], number: int) -> None:
        self.number = number
        self._alive = alive
        alive.add(number)

    def __del__(self) -> None:
        self._alive.remove(self.number)


@given(count=st.integers(1, 5 * STRIDE), steps=st.lists(st.integers(0, STRIDE), max_size=20))
def test_forgetting_lets_go_of_old_items_only(count, steps):
    """After any forgetting the items that are still needed are there under their numbers, and no others at all."""
    alive = set()
    items = make_items((map(functools.partial(Counted, alive), range(count)),))
    read_all(items)
    below = 0
    for step in steps:
        below = min(count, below + step)
        items.forget(below)
        assert [item.number for item in items.slice(below, count)] == list(range(below, count))
        assert alive == set(range(below, count))
        assert len(items._held) < count - below + STRIDE
    items.forget(count)
    assert items._held == []
