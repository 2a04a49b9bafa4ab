"""Opening a journal for a run: whose it is, that nobody else uses it, and what it knows of the function."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from poolwise.errors import JournalChangedError, JournalWriteError
from poolwise.journal.book import Book
from poolwise.journal.identity import Identity, identify
from poolwise.journal.known import Known
from poolwise.journal.lock import Lock
from poolwise.journal.safety import refuse_unsafe
from poolwise.journal.store import explained, next_number, open_to_write, transaction
from poolwise.model.journal import Journal
from poolwise.work.call import Call


def open_book(
    journal: Journal, call: Call, *, total: int | None, take_failures: bool, command: str | None = None
) -> Book:
    """Open a journal, or make it, for a run of a function.

    Args:
        journal: Where it is, and how to recognise items and functions.
        call: The function.
        total: How many items there will be, where that is known.
        take_failures: Failures that were recorded earlier stand as they are; else these items are tried again.
        command: The command line, for people.

    Raises a JournalError: the function has changed, another run uses the file, it is unsafe, damaged or read-only.
    """
    name = os.fspath(journal.path)
    path = os.path.realpath(name)
    with explained(name, "opened"):
        _refuse_place(path, name)
    refuse_unsafe(name, name)
    with explained(name, "opened"):
        lock = Lock(path, name)
    try:
        connection = open_to_write(path, name)
        try:
            refuse_unsafe(name, name)
            with explained(name, "opened"):
                run, family = _begin(connection, journal, identify(call), total, command)
                known = Known(connection, family, take_failures=take_failures, stands=journal.stands)
                found = None if known.empty else known
                return Book(connection, lock, path=path, name=name, run=run, key=journal.key, known=found)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        lock.release()
        raise


def _refuse_place(path: str, name: str) -> None:
    if Path(path).is_dir():
        raise JournalWriteError(f"the journal {name} is a folder: write the name of a file in it")
    if not Path(path).parent.is_dir():
        raise JournalWriteError(f"the journal {name} cannot be made: there is no folder {Path(path).parent}")


def _begin(
    connection: sqlite3.Connection, journal: Journal, identity: Identity, total: int | None, command: str | None
) -> tuple[int, int]:
    """Write down that a run has begun, and give its number and that of the function's family."""
    with transaction(connection):
        # Nobody else has the lock: a run that says that it is running has been killed.
        connection.execute("UPDATE runs SET state = 'killed' WHERE state = 'running'")
        function, family = _function(connection, journal, identity)
        run = next_number(connection, "runs")
        connection.execute(
            "INSERT INTO runs (id, function, began, synced, state, pid, total, command) "
            "VALUES (?, ?, ?, ?, 'running', ?, ?, ?)",
            (run, function, now := time.time(), now, os.getpid(), total, command),
        )
    return run, family


def _function(connection: sqlite3.Connection, journal: Journal, identity: Identity) -> tuple[int, int]:
    """Give the function's row and family; a version that is new here is a family of its own, unless told otherwise."""
    where = (identity.module, identity.name)
    row = connection.execute(
        "SELECT id, family FROM functions WHERE module = ? AND name = ? AND code = ?", (*where, identity.code)
    ).fetchone()
    if row is None:
        if journal.changed == "raise":
            _refuse_changed(connection, os.fspath(journal.path), identity)
        row = _add_function(connection, identity)
    if journal.changed == "keep":
        connection.execute("UPDATE functions SET family = ? WHERE module = ? AND name = ?", (row[1], *where))
    return row[0], row[1]


def _add_function(connection: sqlite3.Connection, identity: Identity) -> tuple[int, int]:
    number = next_number(connection, "functions")
    connection.execute(
        "INSERT INTO functions (id, module, name, code, python, family, since) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, identity.module, identity.name, identity.code, identity.python, number, time.time()),
    )
    return number, number


def _refuse_changed(connection: sqlite3.Connection, name: str, identity: Identity) -> None:
    """Raise JournalChangedError where results of other versions are there."""
    count, since, python = connection.execute(
        "SELECT count(results.id), min(runs.began), max(functions.python) FROM functions "
        "JOIN runs ON runs.function = functions.id JOIN results ON results.run = runs.id "
        "WHERE functions.module = ? AND functions.name = ?",
        (identity.module, identity.name),
    ).fetchone()
    if not count:
        return
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(since))
    other = f" (by Python {python}, and this is {identity.python}, whose code for the same source is another)"
    raise JournalChangedError(
        f"the function {identity} has changed since {count:,} results were recorded in {name}, from {began} on"
        f"{other if python != identity.python else ''}. "
        f'If they are still right, use them: journal=Journal({name!r}, changed="keep"). If not, leave them alone and '
        'work everything out again: changed="rerun". On the command line: --changed keep, or --changed rerun. '
        "Or name another file"
    )
