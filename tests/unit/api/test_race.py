"""A race: which ways take part, how they are named, and that a difference between them is found."""

from __future__ import annotations

import os
import random
import threading

import pytest

import poolwise
from poolwise.api.race import default_ways, forced
from poolwise.errors import CallerError
from poolwise.measure.machine import find_machine
from poolwise.model.classes import replace
from tests.contract.functions import double

MACHINE = replace(find_machine(), cores=4, in_worker=False, start_methods=("fork",), interpreters=False)


def test_the_ways_are_those_that_a_person_would_try() -> None:
    """A loop, threads for each core and many, processes for each core; an event loop for coroutines only."""
    assert default_ways(MACHINE, 1000, coroutine=False) == ["loop", "threads:4", "threads:32", "processes:4"]
    assert default_ways(MACHINE, 3, coroutine=False) == ["loop", "threads:3", "processes:3"]
    assert default_ways(MACHINE, 1000, coroutine=True)[-1] == "asyncio"
    assert default_ways(replace(MACHINE, start_methods=()), 2, coroutine=False) == ["loop", "threads:2"]
    one = replace(MACHINE, cores=1)
    assert default_ways(one, 1000, coroutine=False) == ["loop", "threads:2", "threads:32", "processes:2"]


def test_a_way_may_name_its_workers() -> None:
    """``threads:8`` are eight threads; without a number it is as many as the backend takes."""
    assert forced("threads:8") == {"backend": "threads", "max_workers": 8}
    assert forced("processes") == {"backend": "processes", "max_workers": None}


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"backends": "loop"}, "write a list"),
        ({"backends": 5}, "write a list"),
        ({"backends": (each for each in [1])}, "write a list"),
        ({"backends": ["auto"]}, "names nothing to race against"),
        ({"backends": ["threads:many"]}, "BACKEND:WORKERS"),
        ({"backends": ["thread"]}, "did you mean 'threads'"),
        ({"backends": ["loop:2"]}, "one worker"),
        ({"repeats": 0}, "repeats=0"),
        ({"budget_s": 0}, "budget_s=0"),
        ({"errors": "raise"}, "takes no errors="),
        ({"max_workers": 2}, "threads:8"),
        ({"retry": 2}, "did you mean 'retries'"),
    ],
)
def test_what_cannot_be_raced_is_refused(keywords, words) -> None:
    """Before anything runs, with what to write instead."""
    with pytest.raises(CallerError, match=words):
        poolwise.race(abs, [1], **keywords)


def test_a_race_tells_all_ways_and_its_own_choice() -> None:
    """Each way has its laps, results are the same, and it can be written as JSON and read again."""
    found = poolwise.race(double, range(50), backends=["loop", "threads:2"], repeats=2)
    assert [each.name for each in found.entrants] == ["loop", "threads:2", "auto"]
    assert [len(each.laps) for each in found.entrants] == [2, 2, 2]
    assert (found.differing, found.differences, found.failed, found.uncompared) == (0, (), 0, 0)
    assert found.winner.name in {"loop", "threads:2"}
    assert found.auto.chosen
    assert found.report.items == 50
    assert found.regret > 0
    assert poolwise.Race.from_json(found.to_json()) == found
    assert "the same in every way" in str(found)


HOME = os.getpid()


def where(item):
    """Give another result in another process: a bug, as of a function that relies on a global."""
    return item if os.getpid() == HOME or item % 2 else -item


def test_a_wrong_backend_is_found() -> None:
    """A function that returns something else in another process: the items are named, with both results."""
    found = poolwise.race(where, range(6), backends=["loop", "processes:2"], repeats=1)
    assert found.differing == 2
    shown = [(each.index, each.item, each.name, each.result, each.expected) for each in found.differences]
    assert shown == [(2, "2", "processes:2", "-2", "2"), (4, "4", "processes:2", "-4", "4")]
    assert not any(each.wobbles for each in found.differences)
    assert "item 2, 2: -2 with processes:2, 2 with loop" in str(found)


def test_a_function_that_varies_by_itself_is_told_apart() -> None:
    """Random results differ between rounds of one way, too: that is the function's nature, and said so."""
    found = poolwise.race(lambda _: random.random(), range(5), backends=["loop", "threads:2"], repeats=2)
    assert found.differing == 5
    assert all(each.wobbles for each in found.differences)
    assert "gives other results each time" in str(found)


@pytest.mark.parametrize("order", [["loop", "asyncio"], ["asyncio", "loop"]])
def test_a_way_that_cannot_run_says_why(order) -> None:
    """It is part of the table, with its reason below, and no measure for the others."""
    found = poolwise.race(double, range(3), backends=order, repeats=1)
    failed = found.entrants[order.index("asyncio")]
    assert (failed.verdict, failed.laps) == ("failed", ())
    assert f"asyncio: {failed.error}" in str(found)
    assert (found.differing, found.winner.name) == (0, "loop")


def test_failing_items_are_compared_too() -> None:
    """An item that fails everywhere alike is no difference, and is counted."""
    found = poolwise.race(lambda number: 1 / number, [1, 0], backends=["loop", "threads:2"], repeats=1)
    assert (found.failed, found.differing) == (1, 0)
    assert "1 item of 2 failed" in str(found)


MAIN = os.getpid()
TWO_WAYS = {"backends": ["loop", "processes:2"], "repeats": 1}


class Nasty:
    """Its repr does things to a terminal."""

    def __repr__(self) -> str:
        return "\x1b[31mred\x1b]0;title\x07\u202e\nand \x9b31m more"


def fail_elsewhere(_item: object) -> str:
    """Fail in another process, in words that do things to a terminal."""
    if os.getpid() != MAIN:
        raise ValueError("\x1b[2J\nsecond line " + "long " * 200)
    return "fine"


def test_reprs_and_errors_do_nothing_to_a_terminal() -> None:
    """Each finding is one line of printable characters, however an item or an error is written."""
    items = [Nasty(), Nasty()]
    found = poolwise.race(lambda item: fail_elsewhere(item) if item is items[0] else 1, items, **TWO_WAYS)
    assert found.differing == 1
    [told] = [line for line in str(found).splitlines() if "item 0" in line]
    assert r"\x1b[31mred\x1b]0;title\x07\u202e and \x9b31m more: ValueError: \x1b[2J second line" in told
    found = poolwise.race(fail_elsewhere, items, **TWO_WAYS)
    [told] = [line for line in str(found).splitlines() if line.startswith("cannot")]
    assert len(told) < 500
    assert all(line.isprintable() for line in str(found).splitlines())


class MuteError(Exception):
    """Has no words."""

    def __str__(self) -> str:
        raise RuntimeError("ask me not")


def raise_mute(item: int) -> int:
    """Raise on one item, in another process only."""
    if item == 1 and os.getpid() != MAIN:
        raise MuteError
    return item


def test_an_error_without_words_is_a_finding_and_ends_no_race() -> None:
    """The way in which it happens is told."""
    found = poolwise.race(raise_mute, range(3), **TWO_WAYS)
    assert [each.result for each in found.differences] == ["MuteError: <its str raises RuntimeError>"]


def test_results_that_cannot_be_compared_are_not_called_the_same() -> None:
    """Neither where none can be, nor without a word where some can."""
    found = poolwise.race(lambda _: (each for each in ""), range(3), backends=["loop", "threads:2"], repeats=1)
    assert found.uncompared == 3
    assert "the same in every way" not in str(found)
    some = replace(found, items=4)
    assert "the same in every way, but for those that could not be compared" in str(some)


def fail_here(item: int) -> int:
    """Fail in this process, in other words in each thread; work in another."""
    if os.getpid() == MAIN:
        raise ValueError(threading.current_thread().name)
    return item


def test_what_was_found_of_errors_is_forgotten_once_a_way_works() -> None:
    """The others are compared with that one, and cannot run it."""
    found = poolwise.race(fail_here, range(3), backends=["loop", "threads:1", "processes:2"], repeats=1)
    assert (found.differences, found.differing) == ((), 0)
    assert [each.error is None for each in found.entrants[:3]] == [False, False, True]
