"""What surrounds a function is the same on every backend: random streams, context variables, prints."""

from __future__ import annotations

import contextlib
import functools
import io
import random
import sys

from tests.contract import functions
from tests.contract.ways import ALL, FAKE, Way, on, on_all, on_all_core


@on_all_core
def test_a_seed_makes_a_run_repeatable(way: Way) -> None:
    """The same seed gives the same numbers on every backend, with any number of workers and any chunk size."""
    expected = functions.expected_draws(seed=7, count=12)
    assert way.map(functions.draw, range(12), seed=7) == expected
    assert way.map(functions.draw, range(12), seed=7, max_workers=3, chunksize=1) == expected
    assert list(way.imap(functions.draw, range(12), seed=7)) == expected


@on_all
def test_another_seed_gives_other_numbers(way: Way) -> None:
    """Nothing that one seed gives comes with another."""
    one, other = way.map(functions.draw, range(8), seed=1), way.map(functions.draw, range(8), seed=2)
    assert len({*one, *other}) == 16


@on_all_core
def test_without_a_seed_items_and_workers_differ(way: Way) -> None:
    """No worker goes on with the numbers of another, nor one run with those of the last."""
    drawn = [*way.map(functions.draw, range(20), chunksize=1), *way.map(functions.draw, range(20), chunksize=1)]
    for numbers in zip(*drawn, strict=True):
        assert len(set(numbers)) == 40


@on_all
def test_a_seeded_run_leaves_the_callers_numbers_alone(way: Way) -> None:
    """What the caller draws afterwards is what it would have drawn anyway."""
    state = random.getstate()
    way.map(functions.draw, range(8), seed=1)
    assert random.getstate() == state
    assert random.random.__self__ is random._inst


@on(*[way for way in ALL if way is not FAKE])
def test_an_item_that_is_tried_again_gets_the_same_numbers(way: Way, tmp_path) -> None:
    """A retry does not shift anybody's numbers, its own neither."""
    function = functools.partial(functions.draw_at_second_try, tmp_path)
    assert way.map(function, range(6), seed=7, retries=1) == functions.expected_draws(seed=7, count=6)


@on_all_core
def test_the_function_sees_the_callers_context_variables(way: Way) -> None:
    """A context variable that the caller has set is seen by the function."""
    token = functions.tenant.set("the caller's")
    try:
        assert way.map(functions.read_tenant, range(6)) == ["the caller's"] * 6
    finally:
        functions.tenant.reset(token)


@on_all_core
def test_prints_go_to_the_callers_streams(way: Way) -> None:
    """What the function prints goes where the caller has redirected its own prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        way.map(functions.print_both, range(6))
    assert sorted(out.getvalue().splitlines()) == [f"out {item}" for item in range(6)]
    assert sorted(err.getvalue().splitlines()) == [f"err {item}" for item in range(6)]
    assert sys.stdout is not out


@on_all_core
def test_what_the_function_starts_can_be_ended(way: Way) -> None:
    """No signal is held back where it runs: a program that it starts would inherit that, and never hear SIGTERM."""
    assert way.map(functions.held_back, range(3)) == [[]] * 3
