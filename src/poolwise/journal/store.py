"""The file and its connection, and what SQLite says when it cannot, in words for the user.

Durability, by SQLite's own documentation (https://www.sqlite.org/pragma.html#pragma_synchronous, wal.html): in WAL mode
a commit with ``synchronous=NORMAL`` writes to the log and does not flush it. What is written survives the death of the
process, since the system holds it, and may be lost with the power. A commit with ``synchronous=FULL`` flushes the log
file, and with it all commits before. Either way the database is whole afterwards. So ``sync`` is one small commit with
FULL, and the many before it have cost no flush.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from poolwise.errors import JournalBusyError, JournalDamagedError, JournalError, JournalWriteError
from poolwise.journal.schema import VERSION, upgrade, version_of
from poolwise.model.units import Seconds

# Another program's transaction is short, or somebody has left one open.
PATIENCE_S: Seconds = 5.0
# Pages of 4 KiB in the log before they are moved to the database, which flushes both: 16 MiB, where SQLite has 4. Rows
# are appended, so that a page is moved once however long the log is; but each commit of few rows writes its page anew.
LOG_PAGES: Final = 4000


def open_to_write(path: str, name: str) -> sqlite3.Connection:
    """Open a journal, or make it, readable by nobody else; brings older versions up to date. Raises JournalError."""
    with explained(name, "opened"):
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = _connect(path)
    try:
        with explained(name, "opened"):
            version = version_of(connection, name)
            # Before the first page is written by anything else. Where memory cannot be shared, it stays with "delete".
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
            connection.execute("PRAGMA fullfsync = 1")  # without it, macOS leaves a flush in the drive's cache
            upgrade(connection, version)
            connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: str, name: str) -> sqlite3.Connection:
    """Open a journal to look at it, also while a run goes on; an older version is read by way of a copy."""
    if not Path(path).exists():
        raise JournalWriteError(f"there is no journal {name}: no such file")
    with explained(name, "read"):
        connection = _reader(path)
    try:
        with explained(name, "read"):
            version = version_of(connection, name)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return _brought_up_to_date(connection, version)
    except BaseException:
        connection.close()
        raise


def _brought_up_to_date(connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    """Leave the file as it is: an older Poolwise may be at work on it."""
    copy = sqlite3.connect("", isolation_level=None)  # a file of its own, which is gone when it is closed
    if version == VERSION:
        copy.close()
        return connection
    connection.backup(copy)
    connection.close()
    upgrade(copy, version)
    return copy


def _connect(target: str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(target, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False, uri=uri)


def _reader(path: str) -> sqlite3.Connection:
    address = Path(path).absolute().as_uri()
    connection = _connect(f"{address}?mode=ro", uri=True)
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:
        # A folder that cannot be written to has no place for what readers share. Without a log nobody is writing.
        connection.close()
        if Path(f"{path}-wal").exists():
            raise
        connection = _connect(f"{address}?mode=ro&immutable=1", uri=True)
    return connection


# --- Writing ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: sqlite3.Connection) -> None:
    """Undo a transaction; where the disk was full, SQLite has done so by itself."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def next_number(connection: sqlite3.Connection, table: str) -> int:
    """Give the number of a table's next row."""
    number: int = connection.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").fetchone()[0]  # noqa: S608 - ours
    return number


# --- Errors ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def explained(name: str, done: str) -> Iterator[None]:
    """Say in our words why a journal cannot be ``done`` ("opened", "written") what is to be done with it."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, name, done) from error
    except OSError as error:
        raise JournalWriteError(_words(name, done, error.strerror or str(error))) from error


def explain(error: sqlite3.Error, name: str, done: str) -> JournalError:
    """Turn an error of SQLite's into ours."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return JournalBusyError(
            f"the journal {name} cannot be {done}: another program (an sqlite3 session?) has had it locked for "
            f"{PATIENCE_S:g} s; end its transaction and start again"
        )
    if code in _CAUSES:
        return JournalWriteError(_words(name, done, _CAUSES[code].format(error)))
    return JournalDamagedError(
        f"the journal {name} cannot be {done}: {error}. If it is a journal, it is damaged: "
        f"`sqlite3 {name} .recover` may save what can be read; name another file to begin anew"
    )


def _words(name: str, done: str, cause: str) -> str:
    return f"the journal {name} cannot be {done}: {cause}. What it held before is as it was"


_CAUSES: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; make room and start again",
    sqlite3.SQLITE_READONLY: "it is read-only ({})",
    sqlite3.SQLITE_PERM: "its permissions do not allow it ({})",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; look at its folder and permissions ({})",
    sqlite3.SQLITE_IOERR: "the disk does not take it ({})",
    sqlite3.SQLITE_TOOBIG: "a result is larger than SQLite can hold ({})",
}
