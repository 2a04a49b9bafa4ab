"""What stands in a journal, in SQL, and the steps from each older version to the next."""

from __future__ import annotations

import sqlite3
from typing import Final

from poolwise.errors import JournalDamagedError

# "PLWS": what the file says that it is, in the place that SQLite has for it.
APPLICATION_ID: Final = 0x504C5753

_FIRST: Final = """
CREATE TABLE functions (
    id INTEGER PRIMARY KEY,
    module TEXT NOT NULL,
    name TEXT NOT NULL,
    code TEXT NOT NULL,       -- a hash of what it does
    python TEXT NOT NULL,     -- another Python makes another code
    family INTEGER NOT NULL,  -- versions whose results count as each other's (changed="keep") have the same number
    since REAL NOT NULL,      -- seconds since 1970, as all times here
    UNIQUE (module, name, code)
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    function INTEGER NOT NULL REFERENCES functions,
    began REAL NOT NULL,
    synced REAL NOT NULL,     -- when the figures below were true
    state TEXT NOT NULL,      -- running, done, failed, stopped; killed where a later run found it running
    pid INTEGER NOT NULL,
    total INTEGER,            -- items, where that was known
    command TEXT,
    kept INTEGER NOT NULL DEFAULT 0,    -- results recorded
    failed INTEGER NOT NULL DEFAULT 0,  -- failures recorded
    taken INTEGER NOT NULL DEFAULT 0    -- found here, from earlier runs
);
CREATE TABLE results (
    id INTEGER PRIMARY KEY,   -- in the order of recording
    run INTEGER NOT NULL REFERENCES runs,
    key BLOB NOT NULL,        -- of the item: poolwise/journal/items.py
    item TEXT NOT NULL,       -- for people
    is_json INTEGER NOT NULL, -- whether item is JSON; else the beginning of its repr
    form INTEGER NOT NULL,    -- 0: value is JSON, 1: value is a pickle, 2: it failed
    value
);
CREATE TABLE failures (
    id INTEGER PRIMARY KEY REFERENCES results,
    kind TEXT NOT NULL,       -- the exception's type
    words TEXT NOT NULL,
    traceback TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    error BLOB                -- the exception's pickle, where it has one
);
"""

# What `poolwise journal show` was asked for first: when an item failed, and what could not be kept.
_SECOND: Final = """
ALTER TABLE failures ADD COLUMN at REAL;  -- when it failed; unknown of failures that version 1 recorded
ALTER TABLE runs ADD COLUMN unkept INTEGER NOT NULL DEFAULT 0;  -- results that could not be pickled
"""

# The step at place n makes version n + 1 of version n.
STEPS: Final = (_FIRST, _SECOND)
VERSION: Final = len(STEPS)


def version_of(connection: sqlite3.Connection, name: str) -> int:
    """Give a journal's version, 0 for an empty file. Raises JournalDamagedError where it is none of ours."""
    application, version = _number(connection, "application_id"), _number(connection, "user_version")
    empty = not _scalar(connection, "SELECT count(*) FROM sqlite_master")
    if application == 0 and version == 0 and empty:
        return 0
    if application != APPLICATION_ID:
        raise JournalDamagedError(
            f"{name} is a database of another program, and no journal of Poolwise: name another file"
        )
    if version > VERSION:
        raise JournalDamagedError(
            f"{name} is a journal of version {version}, and this Poolwise reads versions up to {VERSION}: it was "
            "written by a newer Poolwise; use that, or name another file"
        )
    return version


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Bring a journal up to date, each step whole or not at all."""
    for place in range(version, VERSION):
        connection.executescript(
            f"BEGIN IMMEDIATE; {STEPS[place]}; PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {place + 1}; COMMIT"
        )


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(_scalar(connection, f"PRAGMA {pragma}"))


def _scalar(connection: sqlite3.Connection, query: str) -> int:
    row: tuple[int] = connection.execute(query).fetchone()
    return row[0]
