"""What people want to know of a journal: how far each function is, what failed, and every item with what came of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

from poolwise.errors import JournalWriteError
from poolwise.journal.lock import Lock, holder_of
from poolwise.journal.safety import refuse_unsafe
from poolwise.journal.store import explained, open_to_read, open_to_write, transaction
from poolwise.journal.values import FAILURE, JSON, read_value
from poolwise.model.classes import frozen
from poolwise.work.call import show_error

Which: TypeAlias = Literal["all", "done", "failed"]


@frozen
class Progressed:
    """How far the work of one function is."""

    function: str
    done: int
    failed: int
    left: int | None
    """Of the last run's items, those that it has not come to; None where their number was not known."""
    exact: bool
    """Else ``left`` is the most that it may be: the run goes on, or was killed."""
    unkept: int
    """Results of the last run that could not be pickled."""
    began: float
    """When its last run began, in seconds since 1970."""
    state: str
    """Of its last run: running, killed, stopped, failed, done."""
    python: str
    command: str | None


@frozen
class Entry:
    """An item, and what came of it."""

    function: str
    item: str
    is_json: bool
    """The item is JSON; else the beginning of its repr."""
    form: int
    data: str | bytes | None
    kind: str | None = None
    words: str | None = None
    traceback: str | None = None
    attempts: int | None = None
    at: float | None = None

    @property
    def failed(self) -> bool:
        """Tell a failure from a result."""
        return self.form == FAILURE

    @property
    def json(self) -> str | None:
        """Give the result's JSON, where it is written so."""
        return str(self.data) if self.form == JSON else None

    def value(self) -> Any:  # noqa: ANN401 - any result
        """Give the result, or raise what unpickling it does."""
        return read_value(self.form, self.data or b"")


class Reader:
    """A journal to look at; made by ``reading``."""

    def __init__(self, connection: sqlite3.Connection, name: str, path: str) -> None:
        """Look through an open connection."""
        self._connection = connection
        self._name = name
        self._path = path

    def progress(self) -> list[Progressed]:
        """Say of each function how far it is, in the order of their first runs."""
        with explained(self._name, "read"):
            return [self._progressed(*row) for row in self._connection.execute(_FUNCTIONS)]

    def _progressed(self, family: int, function: str, python: str, run: int) -> Progressed:
        done, failed = self._connection.execute(_DONE, (family,)).fetchone()
        began, state, total, taken, unkept, command = self._connection.execute(_RUN, (run,)).fetchone()
        come_to = self._connection.execute("SELECT count(*) FROM results WHERE run = ?", (run,)).fetchone()[0]
        if state == "running" and holder_of(self._path) is None:
            state = "killed"
        left = None if total is None else max(0, total - taken - unkept - come_to)
        exact = state not in {"running", "killed"} or left == 0
        return Progressed(function, done, failed, left, exact, unkept, began, state, python, command)

    def entries(self, which: Which = "all") -> Iterator[Entry]:
        """Give every item with what came of it, in the order of recording."""
        query = _ENTRIES.format(_WHICH[which])
        with explained(self._name, "read"):
            for row in self._connection.execute(query):
                yield Entry(*row)


@contextmanager
def reading(path: str) -> Iterator[Reader]:
    """Open a journal to look at it, also while a run goes on. Raises JournalError."""
    real = _existing(path)
    with closing(open_to_read(real, path)) as connection:
        refuse_unsafe(path, path)
        yield Reader(connection, path, real)


def forget_failures(path: str) -> int:
    """Forget all failures, so that the next run tries these items again; gives their number. Raises JournalError."""
    real = _existing(path)
    with explained(path, "opened"):
        lock = Lock(real, path)
    try:
        with closing(open_to_write(real, path)) as connection, explained(path, "written"), transaction(connection):
            connection.execute("DELETE FROM failures")
            return connection.execute("DELETE FROM results WHERE form = ?", (FAILURE,)).rowcount
    finally:
        lock.release()


def _existing(path: str) -> str:
    real = os.path.realpath(path)
    if not Path(real).exists():
        raise JournalWriteError(f"there is no journal {path}: no such file")
    refuse_unsafe(path, path)
    return real


def unreadable(error: BaseException) -> str:
    """Say why a result cannot be read back."""
    return f"{show_error(error)} (is the module that defines it to be found from this folder?)"


_FUNCTIONS = """
SELECT functions.family, functions.module || ':' || functions.name, functions.python, max(runs.id)
FROM runs JOIN functions ON functions.id = runs.function GROUP BY functions.family ORDER BY min(runs.id)
"""
_DONE = f"""
SELECT coalesce(sum(form != {FAILURE}), 0), coalesce(sum(form = {FAILURE}), 0) FROM results
WHERE run IN (SELECT runs.id FROM runs JOIN functions ON functions.id = runs.function WHERE functions.family = ?)
"""  # noqa: S608 - our own number
_RUN = "SELECT began, state, total, taken, unkept, command FROM runs WHERE id = ?"
_ENTRIES = """
SELECT functions.module || ':' || functions.name, results.item, results.is_json, results.form, results.value,
failures.kind, failures.words, failures.traceback, failures.attempts, failures.at
FROM results JOIN runs ON runs.id = results.run JOIN functions ON functions.id = runs.function
LEFT JOIN failures ON failures.id = results.id {} ORDER BY results.id
"""
_WHICH: dict[Which, str] = {
    "all": "",
    "done": f"WHERE results.form != {FAILURE}",
    "failed": f"WHERE results.form = {FAILURE}",
}
