"""Whatever runs the work, the results are those of a loop."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import strategies as st

from tests.contract import functions
from tests.contract.conftest import leftovers
from tests.contract.ways import ALL, WORKERS, Way, on, on_all, on_all_core

numbers = st.integers(-(2**70), 2**70)
values = st.one_of(numbers, st.text(max_size=20), st.floats(allow_nan=False), st.none(), st.tuples(numbers, numbers))
many = st.lists(values, max_size=200)
chunksizes = st.one_of(st.none(), st.integers(1, 50))
shapes = st.sampled_from([list, tuple, iter, lambda items: (item for item in items)])


@on_all_core
def test_map_gives_what_a_loop_gives(way: Way):
    """Results are those of a loop, in value and order, from lists, tuples, iterators and generators."""

    @way.for_all(items=many, shape=shapes, chunksize=chunksizes)
    def _(items, shape, chunksize):
        results = way.map(functions.echo, shape(items), chunksize=chunksize)
        assert results == items
        assert results.failures == ()
        assert results.report.items == len(items)


@on_all
def test_ranges(way: Way):
    """A range is run without being written out."""

    @way.for_all(items=st.builds(range, st.integers(-9, 9), st.integers(-9, 3000), st.integers(1, 7)))
    def _(items):
        assert way.map(functions.double, items) == [2 * item for item in items]


@on_all
@pytest.mark.parametrize("items", [[], (), range(0), [7], range(1)], ids=repr)
@pytest.mark.parametrize("shape", [list, iter], ids=["list", "iterator"])
def test_nothing_and_one(way: Way, items, shape):
    """No items give no results, and one item gives one."""
    assert way.map(functions.double, shape(items)) == [2 * item for item in items]
    assert list(way.imap(functions.double, shape(items))) == [2 * item for item in items]


@on_all
def test_many_small_items(way: Way):
    """Enough tiny items for chunks to grow come back complete and in order."""
    count = 20_000
    assert way.map(functions.double, range(count)) == list(range(0, 2 * count, 2))
    assert list(way.imap(functions.double, iter(range(count)))) == list(range(0, 2 * count, 2))


@on_all
def test_several_iterables_stop_at_the_shortest(way: Way):
    """Several iterables are taken side by side and stop at the shortest, as in ``map``."""

    @way.for_all(one=st.lists(numbers, max_size=40), other=st.lists(numbers, max_size=40), lazy=st.booleans())
    def _(one, other, lazy):
        expected = list(map(functions.add, one, other))
        assert way.map(functions.add, iter(one) if lazy else one, other) == expected
        assert list(way.imap(functions.add, iter(one) if lazy else one, other)) == expected


@on_all
def test_several_iterables_may_hold_an_endless_one(way: Way):
    """An endless iterable beside a list ends with the list."""
    assert way.map(functions.add, itertools.count(10), [1, 2, 3]) == [11, 13, 15]


@on_all
def test_starmap_spreads_tuples(way: Way):
    """``starmap`` calls ``function(*item)``, whatever the items' lengths."""

    @way.for_all(items=st.lists(st.lists(numbers, max_size=4).map(tuple), max_size=40), shape=shapes)
    def _(items, shape):
        assert way.starmap(functions.add, shape(items)) == [sum(item) for item in items]


@on_all_core
def test_each_item_is_called_once(way: Way, tmp_path: Path):
    """The function is called once for each item, measuring included, by ``map`` and ``imap``."""

    @way.for_all(count=st.integers(0, 150), chunksize=chunksizes, verb=st.sampled_from(["map", "imap"]))
    def _(count, chunksize, verb):
        path = tmp_path / "calls"
        path.unlink(missing_ok=True)
        run = getattr(way, verb)
        assert list(run(functools.partial(functions.noted, path), range(count), chunksize=chunksize)) == [*range(count)]
        assert sorted(map(int, functions.lines(path))) == list(range(count))


@on_all_core
def test_imap_gives_what_map_gives(way: Way):
    """``imap`` gives the same results one by one."""

    @way.for_all(items=many, shape=shapes, chunksize=chunksizes)
    def _(items, shape, chunksize):
        assert list(way.imap(functions.echo, shape(items), chunksize=chunksize)) == items


@on_all
def test_unordered_gives_the_same_results_in_any_order(way: Way):
    """With ``ordered=False`` nothing is lost and nothing is doubled."""

    @way.for_all(items=st.lists(numbers, max_size=200), shape=shapes, verb=st.sampled_from(["map", "imap"]))
    def _(items, shape, verb):
        results = list(getattr(way, verb)(functions.echo, shape(items), ordered=False))
        assert Counter(results) == Counter(items)


@on_all
def test_imap_reads_nothing_before_it_is_asked(way: Way):
    """Neither the input nor the function is touched before the first ``next``."""
    source = Source()
    results = way.imap(functions.double, source)
    assert source.taken == 0
    assert next(results) == 0
    results.close()


@on_all
def test_imap_reads_ahead_a_little_only(way: Way):
    """Of endless input no more is read than what was taken as much again, or four items for each worker."""

    @way.for_all(steps=st.lists(st.integers(1, 300), min_size=1, max_size=4))
    def _(steps):
        source, consumed = Source(), 0
        with way.imap(functions.double, source) as results:
            for step in steps:
                assert list(itertools.islice(results, step)) == [2 * (consumed + each) for each in range(step)]
                consumed += step
                assert source.taken - consumed <= max(4 * WORKERS, min(consumed, 1024))


@on_all
@pytest.mark.parametrize("how", ["close", "drop", "with"])
def test_leaving_an_iterator_ends_its_workers(way: Way, how: str):
    """Closed, dropped or left, an ``imap`` over endless input has no workers any more."""
    results = way.imap(functions.double, itertools.count())
    assert next(results) == 0
    if how == "with":
        with results:
            assert next(results) == 2
    elif how == "close":
        results.close()
    else:
        del results
    assert leftovers() == []


@on_all
def test_a_closed_iterator_is_at_its_end(way: Way):
    """After ``close`` there are no more results."""
    results = way.imap(functions.double, itertools.count())
    assert next(results) == 0
    results.close()
    assert list(results) == []


@on(*[way for way in ALL if not way.coroutines])
def test_every_kind_of_callable(way: Way):
    """Lambdas, closures, bound, class and static methods, partials and callable objects are functions."""
    factor = 3
    counter = functions.Counter(5)
    calls = [
        (lambda item: item + factor, [3, 4, 5]),
        (functools.partial(functions.add, 10), [10, 11, 12]),
        (counter, [5, 6, 7]),
        (counter.times, [0, 5, 10]),
        (functions.Counter.made, [0, 1, 2]),
        (functions.Counter.negative, [0, -1, -2]),
        (str, ["0", "1", "2"]),
        ([10, 20, 30].__getitem__, [10, 20, 30]),
    ]
    for function, expected in calls:
        assert way.map(function, range(3)) == expected


@on(*[way for way in ALL if way.coroutines])
def test_every_kind_of_coroutine_function(way: Way):
    """Closures, methods, partials and callable objects may be coroutine functions too."""
    factor = 3

    async def closure(item):
        return item + factor

    class Asked:
        async def __call__(self, item):
            return -item

        async def method(self, item):
            return item * factor

    calls = [
        (closure, [3, 4, 5]),
        (Asked(), [0, -1, -2]),
        (Asked().method, [0, 3, 6]),
        (functools.partial(functions.await_it, functions.add, 10), [10, 11, 12]),
    ]
    way.coroutines = False
    for function, expected in calls:
        assert way.map(function, range(3)) == expected


class Source:
    """Counts without end, and knows how far it was read."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.taken += 1
        return self.taken - 1
