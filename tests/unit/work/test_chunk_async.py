"""Awaiting a chunk: one at a time or several, with the same outcome as the plain one."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.errors import FunctionExitedError, TaskTimeoutError
from poolwise.work.call import Call
from poolwise.work.chunk import ChunkRules
from poolwise.work.chunk_async import run_chunk_async
from tests.unit.work.test_chunk import ALL, PARTIAL, told


def run(function, items, rules=ALL, at_once=1, mark=None, *, spread=False):
    """Run a chunk in a loop of its own."""
    return asyncio.run(run_chunk_async(Call(function, spread, coroutine=True), items, rules, at_once, mark=mark))


def fail_on(*bad):
    """Give a coroutine function that fails on some items."""

    async def function(item):
        await asyncio.sleep(0)
        if item in bad:
            raise ValueError(item)
        return item * 2

    return function


at_onces = pytest.mark.parametrize("at_once", [1, 3, 100])


@at_onces
def test_values_in_order(at_once):
    """Each item's value, in order, however many are under way."""
    assert told(run(fail_on(), range(5), at_once=at_once)) == ([0, 2, 4, 6, 8], {})
    assert told(run(fail_on(), [], at_once=at_once)) == ([], {})


@at_onces
def test_all_errors_are_gathered(at_once):
    """Every item has its value or its error."""
    assert told(run(fail_on(1, 3), range(5), at_once=at_once)) == (
        [0, None, 4, None, 8],
        {1: (ValueError, (1,)), 3: (ValueError, (3,))},
    )


@given(
    items=st.lists(st.integers(0, 9), max_size=20),
    bad=st.frozensets(st.integers(0, 9), max_size=2),
    at_once=st.integers(1, 5),
)
def test_stopping_keeps_what_is_before_the_first_error(items, bad, at_once):
    """With errors that stop the run, all values before the first error are there, and none after it."""
    values, errors = told(run(fail_on(*bad), items, PARTIAL, at_once))
    first = next((offset for offset, item in enumerate(items) if item in bad), None)
    if first is None:
        assert (values, errors) == ([item * 2 for item in items], {})
    else:
        assert values == [*(item * 2 for item in items[:first]), None]
        assert min(errors) == first


def test_several_are_under_way():
    """So many calls as asked for wait side by side, and no more."""
    now, most = 0, 0

    async def function(item):
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(5):
            await asyncio.sleep(0)
        now -= 1

    run(function, range(20), at_once=4)
    assert most == 4


def test_items_are_marked_one_at_a_time_only():
    """Of several under way no mark could tell which one it was."""
    marks: list[int] = []
    run(fail_on(), range(3), mark=marks.append)
    run(fail_on(), range(3), at_once=2, mark=marks.append)
    assert marks == [0, 1, 2]


def test_spread_items_are_arguments():
    """A spread item is a tuple of arguments."""

    async def add(*numbers):
        return sum(numbers)

    assert run(add, [(1, 2), (1, 2, 3)], spread=True).values == [3, 6]


def test_a_late_item_is_cancelled():
    """An item that awaits beyond its limit is cancelled at once; others are not touched."""
    cancelled = []

    async def wait(item):
        try:
            await asyncio.sleep(item)
        except asyncio.CancelledError:
            cancelled.append(item)
            raise
        return item

    outcome = run(wait, [0, 60, 0], ChunkRules(stop_at_error=False, timeout_s=0.01))
    assert (list(outcome.values), cancelled) == ([0, None, 0], [60])
    assert type(outcome.errors[1].error) is TaskTimeoutError
    assert str(outcome.errors[1].error).endswith("longer than timeout=0.01 s; it was cancelled")


def test_a_timeout_of_the_functions_own_is_its_own():
    """A TimeoutError that the function raises in time is not taken for a late item."""

    async def own(item):
        raise TimeoutError("own")

    outcome = run(own, [1], ChunkRules(stop_at_error=False, timeout_s=60))
    assert (type(outcome.errors[0].error), outcome.errors[0].error.args) == (TimeoutError, ("own",))


def test_a_cancelled_error_of_the_functions_own_is_a_failure():
    """A CancelledError that the function lets out is that item's error."""

    async def own(item):
        raise asyncio.CancelledError("own")

    assert type(run(own, [1]).errors[0].error) is asyncio.CancelledError


def test_our_own_cancelling_goes_through():
    """When the run is cancelled, the chunk ends with it and has no outcome."""

    async def forever(item):
        await asyncio.Event().wait()

    async def main():
        task = asyncio.create_task(run_chunk_async(Call(forever, coroutine=True), [1], ALL))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())


def test_sys_exit_does_not_end_the_loop():
    """``sys.exit`` in a coroutine is its item's failure."""

    async def leave(item):
        raise SystemExit(3)

    assert type(run(leave, [1]).errors[0].error) is FunctionExitedError


def test_a_stop_iteration_becomes_what_python_makes_of_it():
    """A coroutine cannot raise StopIteration: Python turns it into a RuntimeError."""

    async def stop(item):
        raise StopIteration

    assert type(run(stop, [1]).errors[0].error) is RuntimeError
