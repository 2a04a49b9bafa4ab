"""What is kept is found again: by content, each result once, by the same function only."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading

import pytest

from poolwise.errors import JournalChangedError, JournalKeyError, RecordedError
from poolwise.journal.book import Counts
from poolwise.model.journal import Journal
from tests.unit.journal.books import double, opened, run


@pytest.fixture
def path(tmp_path):
    """Name a journal that is not there yet."""
    return tmp_path / "run.db"


def test_a_run_is_taken_up_with_what_is_not_done(path):
    """Reordered, added and removed items: only what is new is run."""
    book = opened(path)
    assert run(book, [1, 2, 3, 4]) == ([2, 4, 6, 8], [1, 2, 3, 4])
    book.close("stopped")
    book = opened(path)
    assert run(book, [5, 4, 2, 1]) == ([10, 8, 4, 2], [5])
    assert book.counts == Counts(kept=1, failed=0, taken=3, unkept=0)
    book.close("done")


def test_duplicates_count(path):
    """Two results for an item serve two of its like, and a third one is run."""
    book = opened(path)
    run(book, [7, 7, 8])
    book.close("done")
    book = opened(path)
    assert run(book, [7, 8, 7, 7, 8, 7], size=6)[1] == [7, 8, 7]
    book.close("done")
    book = opened(path)
    assert run(book, [7, 7, 7, 7, 7, 8], size=2)[1] == [7]
    book.close("done")


def test_duplicates_are_used_in_the_order_of_recording(path):
    """A function that gives something else each time gives the same list again."""
    answers = iter(range(10))
    book = opened(path)
    first, _ = run(book, ["a", "a", "a"], lambda _: next(answers))
    book.close("done")
    book = opened(path)
    assert (run(book, ["a", "a", "a"])[0], first) == ([0, 1, 2], [0, 1, 2])
    book.close("done")


def test_items_of_other_types_are_other_items(path):
    """1, 1.0 and True are equal in Python, and a function may well tell them apart."""
    book = opened(path)
    run(book, [1, "a"])
    book.close("done")
    book = opened(path)
    assert run(book, [1.0, True, b"a", 1, "a"])[1] == [1.0, True, b"a"]
    book.close("done")


def test_failures_are_tried_again_or_taken_as_they_are(path):
    """With errors="raise" what failed is tried again, with "collect" and "skip" it has failed."""

    def picky(x):
        raise ValueError(f"no {x}")

    book = opened(path, picky)
    run(book, [1, 2], picky)
    book.close("failed")
    book = opened(path, picky, take_failures=True)
    found = book.find(0, [2, 3, 1])
    assert [(batch.start, batch.values, *batch.failures) for batch in found] == [(0, [None], 0), (2, [None], 0)]
    failed = found[1].failures[0]
    assert (failed.index, failed.attempts, repr(failed.error.error)) == (2, 2, "ValueError('no 1')")
    assert failed.error.traceback == "Traceback …"
    book.close("failed")
    book = opened(path, picky)
    assert run(book, [1, 2]) == ([2, 4], [1, 2])
    book.close("done")
    # Whoever has succeeded meanwhile has failed no longer.
    book = opened(path, picky, take_failures=True)
    assert run(book, [1, 2, 2]) == ([2, 4, 4], [2])
    book.close("done")


def test_an_error_that_cannot_be_read_back_is_told(path):
    """Its type and words stand in a RecordedError."""

    class LocalError(Exception):
        def __init__(self, a, b):
            super().__init__(f"{a} and {b}")

    def picky(x):
        raise LocalError(x, x)

    book = opened(path, picky)
    run(book, [1], picky)
    book.close("failed")
    book = opened(path, picky, take_failures=True)
    error = book.find(0, [1])[0].failures[0].error
    assert type(error.error) is RecordedError
    assert "LocalError: 1 and 1" in str(error.error)
    assert error.as_raised().__cause__.text == "Traceback …"
    book.close("failed")


def test_a_changed_function_is_told(path):
    """Nothing is mixed silently: the caller says what old results are worth."""

    def make(version):
        space = {"__name__": "theirs"}
        exec(f"def f(x):\n    return x + {version}", space)  # noqa: S102 - a function that changes between two runs
        return space["f"]

    book = opened(path, make(1))
    run(book, [1, 2], make(1))
    book.close("stopped")
    with pytest.raises(JournalChangedError, match=r"(?s)theirs:f has changed since 2 results .*keep.*rerun"):
        opened(path, make(2))
    book = opened(Journal(path, changed="rerun"), make(2))
    assert run(book, [1, 2, 3], make(2)) == ([3, 4, 5], [1, 2, 3])
    book.close("done")
    # Both versions are known now, each by its own results ...
    for version, results in ((1, [2, 3]), (2, [3, 4])):
        book = opened(path, make(version))
        assert run(book, [1, 2], make(version)) == (results, [])
        book.close("done")
    # ... until somebody says that they are worth the same.
    book = opened(Journal(path, changed="keep"), make(3))
    assert run(book, [1, 2, 3], make(3)) == ([2, 3, 5], [])
    book.close("done")
    book = opened(path, make(3))
    assert run(book, [3], make(3)) == ([5], [])
    book.close("done")


def test_functions_of_other_names_do_not_mix(path):
    """One file may serve several functions."""

    def other(x):
        return -x

    book = opened(path)
    run(book, [1])
    book.close("done")
    book = opened(path, other)
    assert run(book, [1], other) == ([-1], [1])
    book.close("done")
    book = opened(path)
    assert run(book, [1]) == ([2], [])
    book.close("done")


def test_an_item_that_its_function_changes_is_found_by_what_it_was(path):
    """Keys are made before the function runs; else [3, 1], once sorted, would answer for [1, 3]."""

    def sort(x):
        first = x[0]
        x.sort()
        return first

    book = opened(path, sort)
    run(book, [[3, 1], [1, 3]], sort)
    book.close("done")
    book = opened(path, sort)
    assert run(book, [[1, 3], [3, 1]], sort) == ([1, 3], [])
    book.close("done")


def test_an_item_may_be_named_by_a_function(path):
    """What it holds besides does not matter then."""

    class Row:
        def __init__(self, number):
            self.number, self.lock = number, threading.Lock()

    journal = Journal(path, key=lambda row: row.number)
    book = opened(journal)
    run(book, [Row(1), Row(2)], lambda row: row.number)
    book.close("done")
    book = opened(journal)
    assert run(book, [Row(2), Row(3)], lambda row: row.number)[0] == [2, 3]
    assert book.counts.taken == 1
    book.close("done")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT item, is_json FROM results").fetchall() == [("1", 1), ("2", 1), ("3", 1)]


def test_a_name_that_cannot_be_made_again_costs_nothing(path):
    """The function may have taken out of the item what names it; people are shown what is left."""
    book = opened(Journal(path, key=lambda row: row["number"]))
    assert run(book, [{"number": 1}], dict.popitem)[0] == [("number", 1)]
    book.close("done")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT item FROM results").fetchall() == [("{}",)]


def test_an_item_that_cannot_be_recognised_is_named(path):
    """The error says which item, and what to write."""
    book = opened(path)
    with pytest.raises(JournalKeyError, match=r"item 5, .*lock.*Journal\(path, key=…\)"):
        book.find(5, [threading.Lock()])
    book.close("failed")
    book = opened(Journal(path, key=lambda item: item["id"]))
    with pytest.raises(JournalKeyError, match=r"key= raised KeyError: 'id' on item 0"):
        book.find(0, [{}])
    book.close("failed")


def test_a_result_that_cannot_be_kept_costs_itself_only(path, caplog):
    """It is told once, and its item is run again by the next run."""
    with caplog.at_level(logging.WARNING, "poolwise"):
        book = opened(path)
        run(book, [1, 2, 3], lambda x: threading.Lock() if x < 3 else x)
        assert book.counts == Counts(kept=1, failed=0, taken=0, unkept=2)
        book.close("done")
    assert [record.message.split(",")[0] for record in caplog.records] == ["the result of item 0"]
    book = opened(path)
    assert run(book, [1, 2, 3]) == ([2, 4, 3], [1, 2])
    book.close("done")


def test_a_result_that_cannot_be_read_back_is_worked_out_again(path, caplog):
    """Its class may be gone; that is told, once."""
    book = opened(path)
    run(book, [1, 2], lambda x: {x})
    book.close("done")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE results SET value = ?", (b"cno\nmodule\n.",))
    connection.close()
    with caplog.at_level(logging.WARNING, "poolwise"):
        book = opened(path)
        assert run(book, [1, 2]) == ([2, 4], [1, 2])
        book.close("done")
    assert ["cannot be read back" in record.message for record in caplog.records] == [True]


def test_closing_twice_is_closing_once(path):
    """The second time nothing happens, whatever is said."""
    book = opened(path)
    run(book, [1])
    book.close("stopped")
    book.close("done")
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT state, kept FROM runs").fetchall() == [("stopped", 1)]
    connection.close()
    assert sorted(each.name for each in path.parent.iterdir()) == ["run.db"]


def test_flushing_is_due_when_something_was_kept_for_a_while(path, monkeypatch):
    """At once after a flush it is not, nor where nothing was kept."""
    book = opened(path)
    monkeypatch.setattr(book, "_synced_s", float("-inf"))
    assert not book.due
    run(book, [double])
    assert book.due
    book.sync()
    assert not book.due
    book.close("done")
