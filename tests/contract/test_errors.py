"""What the function raises comes out as itself, on its item, and costs no other item."""

from __future__ import annotations

import functools
import time
import traceback
from pathlib import Path

import pytest
from hypothesis import strategies as st

from poolwise.errors import CallerError, ErrorShippingError, FunctionExitedError
from poolwise.model.failure import Failure
from tests.contract import functions
from tests.contract.conftest import leftovers
from tests.contract.ways import ALL, ASYNCIO, AUTO, AUTO_COROUTINES, FORK, LOOP, THREADS, Way, on, on_all, on_all_core

counts = st.integers(1, 80)
chunksizes = st.one_of(st.none(), st.integers(1, 30))
shapes = st.sampled_from([list, iter])
verbs = st.sampled_from(["map", "imap"])


def some_bad(count: int) -> st.SearchStrategy[frozenset]:
    """Choose a few of the items to be bad."""
    return st.frozensets(st.integers(0, count - 1), max_size=5)


cases = counts.flatmap(lambda count: st.tuples(st.just(count), some_bad(count)))


# --- errors="raise" --------------------------------------------------------------------------------------------


@on_all_core
def test_the_error_comes_out_as_itself(way: Way):
    """The function's exception keeps its type and arguments, names its item in a note and shows its traceback."""

    @way.for_all(count=counts, bad=st.integers(0, 79), chunksize=chunksizes, shape=shapes, verb=verbs)
    def _(count, bad, chunksize, shape, verb):
        bad %= count
        items = shape([*range(count)])
        with pytest.raises(ValueError, match="bad item") as caught:
            list(getattr(way, verb)(functools.partial(functions.fail_on, {bad}), items, chunksize=chunksize))
        error = caught.value
        assert type(error) is ValueError
        assert error.args == ("bad item", bad)
        assert error.__notes__ == [f"poolwise: on item {bad}: {bad}"]
        assert "in fail_on" in "".join(traceback.format_exception(error))


@on(ASYNCIO, THREADS, FORK, AUTO, AUTO_COROUTINES)
def test_a_failure_that_is_streamed_has_its_item(way: Way, tmp_path: Path):
    """Whoever takes results slowly, while many workers are done and gone, gets each failure with its own item."""

    @way.for_all(count=st.integers(1, 300), workers=st.integers(1, 100), ordered=st.booleans(), kept=st.booleans())
    def _(count, workers, ordered, kept):
        journal = tmp_path / f"{len(list(tmp_path.iterdir()))}.db" if kept else None
        items = (f"item {number}" for number in range(count))
        more = {
            "max_workers": min(workers, 8) if way.other_process else workers,
            "ordered": ordered,
            "journal": journal,
        }
        seen = []
        for failure in way.imap(functions.fail, items, errors="collect", **more):
            seen.append((failure.index, failure.item))
            if len(seen) % 20 == 7:
                time.sleep(0.002)  # longer than results are handed over without looking at what else is to be done
        assert sorted(seen) == [(number, f"item {number}") for number in range(count)]


@on_all
def test_imap_hands_over_all_before_the_error(way: Way):
    """``imap`` gives every result before the failed item, as a loop would, then the error."""

    @way.for_all(count=counts, bad=st.integers(0, 79), chunksize=chunksizes, shape=shapes)
    def _(count, bad, chunksize, shape):
        bad %= count
        results = way.imap(functools.partial(functions.fail_on, {bad}), shape([*range(count)]), chunksize=chunksize)
        seen = []
        with pytest.raises(ValueError, match="bad item"):
            seen.extend(results)
        assert seen == list(range(bad))
        assert next(results, "end") == "end"


@on_all
def test_of_several_errors_imap_raises_the_first_in_order(way: Way):
    """Whichever fails first by the clock, the error that comes out of an ordered ``imap`` is the first in order."""

    @way.for_all(bad=st.frozensets(st.integers(0, 40), min_size=1), chunksize=chunksizes)
    def _(bad, chunksize):
        results = way.imap(functools.partial(functions.fail_on, bad), iter(range(41)), chunksize=chunksize)
        with pytest.raises(ValueError, match="bad item") as caught:
            list(results)
        assert caught.value.args == ("bad item", min(bad))


@on_all
def test_an_error_cancels_the_rest(way: Way, tmp_path: Path):
    """After the first error not much more is begun, and no worker is left."""
    path = tmp_path / "calls"
    with pytest.raises(ValueError, match="bad item"):
        way.map(functools.partial(note_and_fail, path), range(100_000), chunksize=1)
    assert leftovers() == []
    assert len(functions.lines(path)) < 1000


def note_and_fail(path: Path, item):
    """Leave a line, then fail on item 3."""
    functions.note(path, item)
    return functions.fail_on(frozenset({3}), item)


@on_all
def test_unordered_raises_too(way: Way):
    """With ``ordered=False`` one of the errors comes out, naming its item."""

    @way.for_all(count=counts, bad=st.integers(0, 79), shape=shapes, verb=verbs, retries=st.integers(0, 1))
    def _(count, bad, shape, verb, retries):
        bad %= count
        run = getattr(way, verb)
        with pytest.raises(ValueError, match="bad item") as caught:
            list(
                run(
                    functools.partial(functions.fail_on, {bad}),
                    shape([*range(count)]),
                    ordered=False,
                    chunksize=8,
                    retries=retries,
                )
            )
        assert caught.value.__notes__ == [f"poolwise: on item {bad}: {bad}"]


# --- errors="collect" and "skip" -------------------------------------------------------------------------------


@on_all_core
def test_collect_puts_failures_in_their_places(way: Way):
    """With ``errors="collect"`` a failed item leaves a Failure in its place, and all others their results."""

    @way.for_all(case=cases, chunksize=chunksizes, shape=shapes, ordered=st.booleans())
    def _(case, chunksize, shape, ordered):
        count, bad = case
        results = way.map(
            functools.partial(functions.fail_on, bad),
            shape([*range(count)]),
            errors="collect",
            chunksize=chunksize,
            ordered=ordered,
        )
        failures = sorted(results.failures, key=lambda failure: failure.index)
        assert [(each.index, each.item, each.error.args, each.attempts) for each in failures] == [
            (index, index, ("bad item", index), 1) for index in sorted(bad)
        ]
        assert all("in fail_on" in each.traceback for each in failures)
        plain = [("failed", each.index) if isinstance(each, Failure) else each for each in results]
        expected = [("failed", index) if index in bad else index for index in range(count)]
        assert (plain == expected) if ordered else (sorted(plain, key=str) == sorted(expected, key=str))
        assert results.report.failed == len(bad)
        assert results.report.items == count


@on_all
def test_skip_leaves_failures_out(way: Way):
    """With ``errors="skip"`` failed items are left out, and named in ``failures``."""

    @way.for_all(case=cases, chunksize=chunksizes, shape=shapes)
    def _(case, chunksize, shape):
        count, bad = case
        function = functools.partial(functions.fail_on, bad)
        results = way.map(function, shape([*range(count)]), errors="skip", chunksize=chunksize)
        assert results == [item for item in range(count) if item not in bad]
        assert [failure.index for failure in results.failures] == sorted(bad)
        lazily = way.imap(function, shape([*range(count)]), errors="skip", chunksize=chunksize)
        assert list(lazily) == results


@on_all
def test_imap_collects_too(way: Way):
    """``imap`` gives Failures in their places."""

    @way.for_all(case=cases, chunksize=chunksizes, shape=shapes)
    def _(case, chunksize, shape):
        count, bad = case
        function = functools.partial(functions.fail_on, bad)
        results = list(way.imap(function, shape([*range(count)]), errors="collect", chunksize=chunksize))
        assert [isinstance(each, Failure) for each in results] == [index in bad for index in range(count)]
        assert [each.item if isinstance(each, Failure) else each for each in results] == list(range(count))


@on_all
def test_failures_of_several_iterables_hold_the_tuple(way: Way):
    """Where several iterables were given, a Failure's item is the tuple of arguments."""
    results = way.map(functions.add, [1, "x", 3], [1, 2, 3], errors="collect")
    assert [results[0], results[2]] == [2, 6]
    assert [(each.index, each.item, type(each.error)) for each in results.failures] == [(1, ("x", 2), TypeError)]


# --- Retries ---------------------------------------------------------------------------------------------------


@on_all
def test_retries_until_it_succeeds(way: Way, tmp_path: Path):
    """An item that fails no more often than ``retries`` comes to its result, and is counted as retried."""
    results = way.map(functools.partial(functions.fail_first, tmp_path, 2), range(12), retries=2)
    assert results == list(range(12))
    assert results.report.retried == 24
    assert results.report.failed == 0
    assert [len(functions.lines(tmp_path / f"item-{item}")) for item in range(12)] == [3] * 12


@on_all
def test_retries_run_out(way: Way, tmp_path: Path):
    """An item that fails more often than ``retries`` fails with its number of attempts, and is not tried again."""
    results = way.map(functools.partial(functions.fail_first, tmp_path, 9), range(5), retries=2, errors="collect")
    assert [failure.attempts for failure in results.failures] == [3] * 5
    assert [type(failure.error) for failure in results] == [LookupError] * 5
    assert results.report.retried == 10
    assert [len(functions.lines(tmp_path / f"item-{item}")) for item in range(5)] == [3] * 5


@on_all
def test_retries_run_out_and_raise(way: Way, tmp_path: Path):
    """With ``errors="raise"`` the last error comes out, after ``retries + 1`` attempts."""
    with pytest.raises(LookupError, match="not yet"):
        way.map(functools.partial(functions.fail_first, tmp_path, 9), [5], retries=3)
    assert len(functions.lines(tmp_path / "item-5")) == 4


@on_all
def test_imap_retries_in_order(way: Way, tmp_path: Path):
    """``imap`` keeps the order over retries, lazily read input included."""
    function = functools.partial(functions.fail_first, tmp_path, 1)
    assert list(way.imap(function, iter(range(30)), retries=1)) == list(range(30))


# --- What is raised and is no plain Exception --------------------------------------------------------------------

OUTSIDE = {
    functions.leave: FunctionExitedError,
    functions.raise_stop_iteration: StopIteration,
    functions.raise_generator_exit: GeneratorExit,
    functions.raise_own_base: functions.OwnBaseError,
    functions.raise_cancelled: functions.asyncio.CancelledError,
}


@on_all
@pytest.mark.parametrize("how", OUTSIDE, ids=lambda how: how.__name__)
@pytest.mark.parametrize("verb", ["map", "imap"])
def test_unusual_exceptions_cost_their_item_only(way: Way, how, verb: str):
    """``sys.exit``, StopIteration, GeneratorExit and the like are that item's failure, like any other exception."""
    # A coroutine cannot raise StopIteration: Python itself makes a RuntimeError of it.
    expected = RuntimeError if way.coroutines and how is functions.raise_stop_iteration else OUTSIDE[how]
    results = list(getattr(way, verb)(functools.partial(functions.fail_by, how, 3), range(8), errors="collect"))
    assert [each for each in results if not isinstance(each, Failure)] == [0, 1, 2, 4, 5, 6, 7]
    assert [type(each.error) for each in results if isinstance(each, Failure)] == [expected]


@on_all
@pytest.mark.parametrize("how", OUTSIDE, ids=lambda how: how.__name__)
def test_unusual_exceptions_are_raised_like_any_other(way: Way, how):
    """With ``errors="raise"`` they come out of ``map`` as themselves, with the note."""
    expected = RuntimeError if way.coroutines and how is functions.raise_stop_iteration else OUTSIDE[how]
    with pytest.raises(expected) as caught:
        way.map(functools.partial(functions.fail_by, how, 3), range(8))
    assert type(caught.value) is expected
    assert caught.value.__notes__ == ["poolwise: on item 3: 3"]


@on_all
@pytest.mark.parametrize("verb", ["map", "imap"])
def test_an_exception_that_cannot_be_changed(way: Way, verb: str):
    """An exception that refuses notes and causes (a frozen dataclass) comes out all the same, if it can travel."""
    with pytest.raises((functions.FrozenError, ErrorShippingError), match="42") as caught:
        list(getattr(way, verb)(functools.partial(functions.fail_by, functions.raise_frozen, 3), range(8)))
    assert type(caught.value) is (ErrorShippingError if way.other_process else functions.FrozenError)


@on_all
def test_an_exception_that_cannot_be_shown(way: Way):
    """An exception whose ``__str__`` raises (and that cannot be pickled) costs its item only."""
    function = functools.partial(functions.fail_by, functions.raise_mute, 3)
    results = way.map(function, range(8), errors="collect")
    assert [offset if isinstance(each, Failure) else each for offset, each in enumerate(results)] == list(range(8))
    assert [type(each.error).__name__ for each in results.failures] == [
        "ErrorShippingError" if way.other_process else "MuteError"
    ]


@on_all
def test_an_item_that_cannot_be_shown(way: Way):
    """The note names an item whose ``__repr__`` raises by its type."""
    with pytest.raises(TypeError) as caught:
        way.map(functions.double, [1, functions.Unshowable()])
    assert caught.value.__notes__[0].startswith("poolwise: on item 1: <Unshowable instance at")


@on_all
def test_sys_exit_says_what_it_is(way: Way):
    """A function that calls ``sys.exit`` neither ends the program nor a worker: the error says what happened."""
    with pytest.raises(FunctionExitedError, match=r"sys\.exit\(3\)"):
        way.map(functools.partial(functions.fail_by, functions.leave, 3), range(8))


@on_all
def test_keyboard_interrupt(way: Way):
    """Raised in the caller's thread it is the person at the keyboard and ends the run; elsewhere it is a failure."""
    function = functools.partial(functions.fail_by, functions.raise_keyboard_interrupt, 3)
    if way.caller_thread:
        with pytest.raises(KeyboardInterrupt):
            way.map(function, range(8), errors="collect")
    else:
        results = way.map(function, range(8), errors="collect")
        assert [type(each.error) for each in results.failures] == [KeyboardInterrupt]
        assert [each for each in results if each is not results.failures[0]] == [0, 1, 2, 4, 5, 6, 7]


@on_all
def test_a_stop_iteration_does_not_end_imap_silently(way: Way):
    """An iterator cannot raise StopIteration: it comes out of ``imap`` as a RuntimeError, after what was before it."""
    seen = []
    with pytest.raises(RuntimeError, match="StopIteration"):
        seen.extend(way.imap(functools.partial(functions.fail_by, functions.raise_stop_iteration, 3), range(8)))
    assert seen == [0, 1, 2]


@on(LOOP, THREADS, FORK, AUTO)
def test_a_stop_iteration_among_many_tiny_items(way: Way):
    """In a chunk of any size a StopIteration is an error, and never a silent end."""
    with pytest.raises(StopIteration) as caught:
        way.map(functools.partial(functions.fail_by, functions.raise_stop_iteration, 60_000), range(60_001))
    assert caught.value.__notes__ == ["poolwise: on item 60000: 60000"]


# --- The input raises --------------------------------------------------------------------------------------------


class InputBrokenError(Exception):
    """What the input raises."""


def broken_input(count: int):
    """Yield some items, then raise."""
    yield from range(count)
    raise InputBrokenError("no more")


@on_all
def test_an_input_that_raises_ends_the_run_with_its_error(way: Way):
    """An iterable that raises half-way ends the run as it would end a loop; ``imap`` gives what came before."""

    @way.for_all(count=st.integers(0, 100), chunksize=chunksizes, errors=st.sampled_from(["raise", "skip"]))
    def _(count, chunksize, errors):
        with pytest.raises(InputBrokenError, match="no more") as caught:
            way.map(functions.double, broken_input(count), errors=errors, chunksize=chunksize)
        assert caught.value.__notes__ == [f"poolwise: raised by the iterable, in the place of item {count}"]
        seen = []
        with pytest.raises(InputBrokenError, match="no more"):
            seen.extend(way.imap(functions.double, broken_input(count), errors=errors, chunksize=chunksize))
        assert seen == [2 * item for item in range(count)]


@on_all
def test_an_input_that_raises_is_collected(way: Way):
    """With ``errors="collect"`` the input's error is the last Failure, after all results."""

    @way.for_all(count=st.integers(0, 100), chunksize=chunksizes, verb=verbs)
    def _(count, chunksize, verb):
        results = list(getattr(way, verb)(functions.double, broken_input(count), errors="collect", chunksize=chunksize))
        assert results[:-1] == [2 * item for item in range(count)]
        assert (results[-1].index, results[-1].item, type(results[-1].error)) == (count, None, InputBrokenError)


@on(*[way for way in ALL if not way.other_process])
def test_one_exception_object_may_stand_for_several_items(way: Way):
    """One exception object that is raised on several items names each of them once."""
    shared = ValueError("one for all")

    def fail(item):
        if item in {1, 2}:
            raise shared
        return item

    results = way.map(fail, range(4), errors="collect", retries=1)
    assert [each.error for each in results.failures] == [shared, shared]
    assert shared.__notes__ == ["poolwise: on item 1: 1", "poolwise: on item 2: 2"]


@on(*[way for way in ALL if not way.other_process])
@pytest.mark.parametrize("count", [50, 5000])
def test_a_list_that_shrinks_while_it_is_run(way: Way, count: int):
    """A function that takes items away from the list ends the run with a clear word: nothing hangs or is made up."""
    items = list(range(count))

    def shorten(item):
        del items[count // 2 :]
        return item

    with pytest.raises(CallerError, match="was made shorter or longer while it was run"):
        way.map(shorten, items)


@on(*[way for way in ALL if not way.other_process])
@pytest.mark.parametrize("count", [50, 5000])
def test_a_list_that_grows_while_it_is_run(way: Way, count: int):
    """What a function appends to the list is no part of the run."""
    items = list(range(count))

    def grow(item):
        items.append(item)
        return item

    assert way.map(grow, items) == list(range(count))
