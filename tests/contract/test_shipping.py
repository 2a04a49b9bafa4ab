"""What cannot travel between processes costs its own item only, and says so; where nothing travels, it just works."""

from __future__ import annotations

import functools
import threading

import pytest

from poolwise.errors import (
    ErrorShippingError,
    FunctionShippingError,
    ItemShippingError,
    ResultShippingError,
    WorkerDiedError,
)
from poolwise.model.failure import Failure
from tests.contract import functions
from tests.contract.ways import ALL, FORK, FORKSERVER, PROCESSES, SPAWN, Way, on, on_all, on_processes

COUNT = 12
BAD = 5
OTHERS = [item for item in range(COUNT) if item != BAD]
CHUNKSIZES = [None, 1, 5]


def others(results) -> list:
    """Leave out the bad item's place."""
    return [each for offset, each in enumerate(results) if offset != BAD]


# --- Errors ------------------------------------------------------------------------------------------------------


@on_all
@pytest.mark.parametrize("chunksize", CHUNKSIZES)
@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        (functions.raise_two_arguments, functions.TwoArgumentsError, "a failure because of a reason"),
        (functions.raise_locked, functions.LockedError, "it holds a lock"),
    ],
    ids=["fails when unpickled", "cannot be pickled"],
)
def test_an_error_that_cannot_travel(way: Way, how, kind, words: str, chunksize):
    """Another error comes in its place, with its type, words and traceback; in this process it comes as itself."""
    results = way.map(
        functools.partial(functions.fail_by, how, BAD), range(COUNT), errors="collect", chunksize=chunksize
    )
    assert others(results) == OTHERS
    error = results[BAD].error
    assert type(error) is (ErrorShippingError if way.other_process else kind)
    assert words in str(error)
    if way.other_process:
        assert kind.__name__ in str(error)
    assert how.__name__ in results[BAD].traceback


@on_all
@pytest.mark.parametrize("verb", ["map", "imap"])
def test_an_error_that_cannot_travel_is_raised(way: Way, verb: str):
    """With ``errors="raise"`` such an error ends the run like any other, and nothing hangs."""
    with pytest.raises((ErrorShippingError, functions.TwoArgumentsError), match="a failure because of a reason"):
        list(getattr(way, verb)(functools.partial(functions.fail_by, functions.raise_two_arguments, BAD), range(COUNT)))


# --- Results -----------------------------------------------------------------------------------------------------


@on_all
@pytest.mark.parametrize("chunksize", CHUNKSIZES)
@pytest.mark.parametrize("make", [functions.make_lock, functions.make_generator, functions.make_unloadable])
def test_a_result_that_cannot_travel(way: Way, make, chunksize):
    """A lock, a generator, or what fails when it is unpickled is that item's failure; in this process a result."""
    results = way.map(
        functools.partial(functions.fail_by, make, BAD), range(COUNT), errors="collect", chunksize=chunksize
    )
    assert others(results) == OTHERS
    if way.other_process:
        assert type(results[BAD].error) is ResultShippingError
        assert results[BAD].attempts == 1
    else:
        assert type(results[BAD]) is type(make())


@on_processes
@pytest.mark.parametrize("verb", ["map", "imap"])
@pytest.mark.parametrize("make", [functions.make_lock, functions.make_unloadable])
def test_a_result_that_cannot_travel_is_raised(way: Way, verb: str, make):
    """With ``errors="raise"`` it ends the run with a word on what to do, naming the item."""
    with pytest.raises(ResultShippingError) as caught:
        list(getattr(way, verb)(functools.partial(functions.fail_by, make, BAD), range(COUNT), chunksize=4))
    assert caught.value.__notes__ == [f"poolwise: on item {BAD}: {BAD}"]


@on_processes
@pytest.mark.parametrize("chunksize", CHUNKSIZES)
def test_a_result_that_kills_whoever_pickles_it(way: Way, chunksize):
    """A worker that dies over packing a result costs that item only."""
    function = functools.partial(functions.fail_by, functions.make_deadly_result, BAD)
    results = way.map(function, range(COUNT), errors="collect", chunksize=chunksize)
    assert others(results) == OTHERS
    assert type(results[BAD].error) is WorkerDiedError


# --- Items -------------------------------------------------------------------------------------------------------


def items_with(odd) -> list:
    """Put something odd in the bad item's place."""
    return [odd if item == BAD else item for item in range(COUNT)]


@on_all
@pytest.mark.parametrize("chunksize", CHUNKSIZES)
@pytest.mark.parametrize("lazy", [False, True], ids=["list", "generator"])
def test_an_item_that_cannot_travel(way: Way, lazy, chunksize):
    """It is that item's failure where items travel; forked workers inherit lists, and this process has it already."""
    items = items_with(threading.Lock())
    results = way.map(functions.kind, iter(items) if lazy else items, errors="collect", chunksize=chunksize)
    assert others(results) == ["int"] * (COUNT - 1)
    if way.other_process and (lazy or way.ships_items):
        assert type(results[BAD].error) is ItemShippingError
        assert results[BAD].item is items[BAD]
    else:
        assert results[BAD] == "lock"


@on_all
@pytest.mark.parametrize("chunksize", CHUNKSIZES)
def test_an_item_that_fails_when_it_is_unpickled(way: Way, chunksize):
    """What pickles but cannot be unpickled in the worker is that item's failure."""
    items = items_with(functions.Unloadable())
    results = way.map(functions.kind, iter(items), errors="collect", chunksize=chunksize)
    assert others(results) == ["int"] * (COUNT - 1)
    if way.other_process:
        assert type(results[BAD].error) is ItemShippingError
    else:
        assert results[BAD] == "Unloadable"


@on_processes
@pytest.mark.parametrize("chunksize", CHUNKSIZES)
def test_an_item_that_kills_whoever_unpickles_it(way: Way, chunksize):
    """A worker that dies over unpickling, before it could mark anything, still costs the one item only."""
    items = items_with(functions.Deadly())
    results = way.map(functions.kind, iter(items), errors="collect", chunksize=chunksize)
    assert others(results) == ["int"] * (COUNT - 1)
    assert type(results[BAD].error) is WorkerDiedError
    assert "exit code 9" in str(results[BAD].error)


@on(*[way for way in ALL if way.other_process])
def test_an_item_that_cannot_travel_is_raised(way: Way):
    """With ``errors="raise"`` it ends the run with a word on what to do, naming the item."""
    with pytest.raises(ItemShippingError, match="cannot be pickled") as caught:
        way.map(functions.kind, iter(items_with(threading.Lock())))
    assert caught.value.__notes__[0].startswith(f"poolwise: on item {BAD}: ")


@on(*[way for way in ALL if way.other_process])
def test_tuples_with_a_part_that_cannot_travel(way: Way):
    """With several iterables the whole tuple is the item that cannot travel."""
    items = items_with(threading.Lock())
    results = way.map(pair_kind, iter(items), range(COUNT), errors="collect")
    assert others(results) == [("int", item) for item in OTHERS]
    assert type(results[BAD].error) is ItemShippingError
    assert isinstance(results[BAD], Failure)
    assert results[BAD].item[1] == BAD


def pair_kind(one, other):
    """Name the first argument's type."""
    return type(one).__name__, other


# --- The function ------------------------------------------------------------------------------------------------


@on(FORK)
def test_forked_workers_inherit_any_function(way: Way):
    """Under fork nothing of the function travels: a closure over a lock works."""
    lock = threading.Lock()

    def locked(item):
        with lock:
            return item + 1

    assert way.map(locked, range(5)) == [1, 2, 3, 4, 5]


@on(SPAWN, FORKSERVER, core=True)
def test_a_function_that_cannot_travel(way: Way):
    """Elsewhere a closure over a lock is told at once, naming the function."""
    lock = threading.Lock()

    def locked(item):
        with lock:
            return item + 1

    with pytest.raises(FunctionShippingError, match="locked"):
        way.map(locked, range(5), errors="collect")


@on(*[way for way in PROCESSES if way.ships_items], core=True)
def test_functions_without_an_import_path_travel_by_value(way: Way):
    """A closure and what it closes over reach a fresh interpreter."""
    table = {item: item * 10 for item in range(5)}
    assert way.map(lambda item: table[item], range(5)) == [0, 10, 20, 30, 40]
