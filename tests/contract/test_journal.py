"""What is done is on disk: a run that is taken up again runs the rest, on whatever way."""

from __future__ import annotations

import functools
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import strategies as st

import poolwise
from poolwise.errors import JournalBusyError, JournalChangedError
from poolwise.model.failure import Failure
from tests.contract import functions
from tests.contract.ways import AUTO, FORK, LOOP, THREADS, Way, on, on_all, on_all_core, on_processes

COUNT = 40
verbs = st.sampled_from(["map", "imap"])
shapes = st.sampled_from([list, iter])


def run(way: Way, verb: str, function, items, **options) -> list:
    """Run to the end, whatever the verb."""
    return list(getattr(way, verb)(function, items, **options))


@on_all_core
def test_what_is_done_is_not_run_again(way: Way, tmp_path: Path):
    """A second run gives the same results, in order, and runs only what the first had not."""
    notes = tmp_path / "notes"
    function = functools.partial(functions.noted, notes)
    first = way.map(function, range(0, COUNT, 2), journal=tmp_path / "run.db")
    second = way.map(function, range(COUNT), journal=tmp_path / "run.db")
    assert first == list(range(0, COUNT, 2))
    assert second == list(range(COUNT))
    assert Counter(functions.lines(notes)) == {str(item): 1 for item in range(COUNT)}
    assert (first.report.recalled, second.report.recalled, second.report.items) == (0, COUNT // 2, COUNT)


@on_all
def test_items_may_come_and_go_and_be_shuffled(way: Way, tmp_path: Path):
    """Whatever items two runs have, however often and in whatever order, each is run as often as is needed."""

    @way.for_all(
        first=st.lists(st.integers(0, 9), max_size=20),
        second=st.lists(st.integers(0, 9), max_size=20),
        verb=verbs,
        shape=shapes,
        ordered=st.booleans(),
    )
    def _(first, second, verb, shape, ordered):
        for path in tmp_path.iterdir():
            path.unlink()
        notes, journal = tmp_path / "notes", str(tmp_path / "run.db")
        function = functools.partial(functions.noted, notes)
        assert run(way, verb, function, shape(first), journal=journal) == first
        results = run(way, verb, function, shape(second), journal=journal, ordered=ordered)
        assert (results if ordered else sorted(results)) == (second if ordered else sorted(second))
        assert Counter(map(int, functions.lines(notes))) == Counter(first) | Counter(second)


@on_all
def test_after_an_error_it_goes_on_from_there(way: Way, tmp_path: Path):
    """What was done before a run ended in an error is kept; once the item succeeds, the rest is run."""
    function = functools.partial(functions.fail_once_on, tmp_path, frozenset({7, 23}))
    seen, results = 0, None
    while results is None:
        try:
            results = way.map(function, range(COUNT), journal=tmp_path / "run.db")
        except ValueError as error:
            seen += 1
            assert any("items are done and kept in" in note for note in error.__notes__)  # noqa: PT017 - raised or not
    # Both may have been under way when the first of them ended the run.
    assert seen in {1, 2}
    assert results == list(range(COUNT))
    runs = Counter(functions.lines(tmp_path / "notes"))
    # A third time, where the run was ended in the very middle of one of them.
    assert {runs["7"], runs["23"]} <= {2, 3}


@on_all
def test_failures_are_kept_too(way: Way, tmp_path: Path):
    """A collected failure is told again and not run again; under ``errors="raise"`` its item is tried again."""
    journal = tmp_path / "run.db"
    function = functools.partial(functions.fail_on_noted, tmp_path / "notes", frozenset({3, 11}))
    first = way.map(function, range(20), journal=journal, errors="collect")
    second = way.map(function, range(20), journal=journal, errors="collect")
    for results in (first, second):
        failed = {each.index: each for each in results if isinstance(each, Failure)}
        assert {index: (each.item, str(each.error)) for index, each in failed.items()} == {
            3: (3, "('bad item', 3)"),
            11: (11, "('bad item', 11)"),
        }
    assert Counter(functions.lines(tmp_path / "notes")) == {str(item): 1 for item in range(20)}
    assert way.map(function, range(20), journal=journal, errors="skip") == [
        item for item in range(20) if item not in {3, 11}
    ]
    with pytest.raises(ValueError, match="bad item"):
        way.map(function, range(20), journal=journal)
    assert max(Counter(functions.lines(tmp_path / "notes")).values()) == 2


@on_processes
def test_a_killed_worker_costs_nothing_that_is_kept(way: Way, tmp_path: Path):
    """A worker that dies on an item takes nothing from the journal; the second run finds all but that item."""
    function = functools.partial(functions.die_once, tmp_path, functions.kill_self, frozenset({13}))
    results = way.map(function, range(COUNT), journal=tmp_path / "run.db", crash_retries=0, errors="collect")
    assert [each.index for each in results if isinstance(each, Failure)] == [13]
    again = way.map(function, range(COUNT), journal=tmp_path / "run.db")
    assert again == list(range(COUNT))


@on_all
def test_seeded_items_draw_the_same_numbers_after_a_resume(way: Way, tmp_path: Path):
    """An item's numbers follow from its index, also where only some of the items are run."""
    journal = tmp_path / "run.db"
    way.map(functions.draw, range(3), journal=journal, seed=7)
    assert way.map(functions.draw, range(6), journal=journal, seed=7) == functions.expected_draws(seed=7, count=6)


@on(LOOP, THREADS, FORK, AUTO)
def test_an_iterator_that_is_left_early_has_kept_what_was_taken(way: Way, tmp_path: Path):
    """Every result that a consumer has seen is in the journal when he leaves."""
    function = functools.partial(functions.noted, tmp_path / "notes")
    with way.imap(function, iter(range(10_000)), journal=tmp_path / "run.db") as results:
        taken = [next(results) for _ in range(25)]
    before = Counter(functions.lines(tmp_path / "notes"))
    assert way.map(function, taken, journal=tmp_path / "run.db") == taken
    assert Counter(functions.lines(tmp_path / "notes")) == before


@on(LOOP, THREADS, FORK, AUTO)
def test_one_run_at_a_time(way: Way, tmp_path: Path):
    """While a run has the journal, another is refused before it runs anything; the first goes on."""
    function = functools.partial(functions.noted, tmp_path / "notes")
    with way.imap(function, iter(range(100)), journal=tmp_path / "run.db") as results:
        first = next(results)
        with pytest.raises(JournalBusyError):
            poolwise.map(abs, [-1], journal=tmp_path / "run.db")
        assert [first, *results] == list(range(100))
    assert poolwise.map(abs, [-1], journal=tmp_path / "run.db") == [1]


@on(LOOP, FORK, AUTO)
def test_a_changed_function_is_told(way: Way, tmp_path: Path):
    """Results of another version of the function are not mixed in; the error says what can be done."""

    def version(step):
        def work(item):
            return item + step

        return work

    journal = tmp_path / "run.db"
    assert way.map(version(1), range(5), journal=journal) == [1, 2, 3, 4, 5]
    with pytest.raises(JournalChangedError, match="rerun"):
        way.map(version(2), range(5), journal=journal)
    again = poolwise.Journal(journal, changed="rerun")
    assert way.map(version(2), range(5), journal=again) == [2, 3, 4, 5, 6]
    assert way.map(version(2), range(5), journal=journal) == [2, 3, 4, 5, 6]
