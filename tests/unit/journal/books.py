"""Runs without an engine: a function, a journal, and what the driver would do with both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from poolwise.journal.book import Book
from poolwise.journal.opening import open_book
from poolwise.model.events import Batch, Failed, TaskError
from poolwise.model.journal import Journal
from poolwise.work.call import Call


def double(x: Any) -> Any:
    """Stand for the user's function."""
    return x + x


def opened(
    path: Path | Journal,
    function: Callable[..., Any] = double,
    *,
    take_failures: bool = False,
    total: int | None = None,
) -> Book:
    """Open a journal for a function."""
    journal = path if isinstance(path, Journal) else Journal(path)
    return open_book(journal, Call(function), total=total, take_failures=take_failures)


def run(
    book: Book, items: Sequence[Any], function: Callable[[Any], Any] = double, size: int = 3
) -> tuple[list[Any], list[Any]]:
    """Do as a driver would; give the results (errors in the place of what failed) and the items that were run."""
    results: dict[int, Any] = {}
    ran: list[Any] = []
    for start in range(0, len(items), size):
        part = items[start : start + size]
        found: set[int] = set()
        for batch in book.find(start, part):
            for place, value in enumerate(batch.values):
                failed = batch.failures.get(place)
                results[batch.start + place] = value if failed is None else failed.error.error
                found.add(batch.start + place)
        for index in range(start, start + len(part)):
            if index not in found:
                ran.append(items[index])
                results[index] = _run_one(book, index, items[index], function)
    return [results[index] for index in range(len(items))], ran


def _run_one(book: Book, index: int, item: Any, function: Callable[[Any], Any]) -> Any:
    try:
        value = function(item)
    except Exception as error:
        book.keep(Batch(index, [None], {0: Failed(index, TaskError(error, "Traceback …"), 2)}), [item])
        return error
    book.keep(Batch(index, [value]), [item])
    return value
