"""A journal that is open for a run: what is known of items is found in it, what comes of them is kept in it."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from poolwise.errors import JournalError
from poolwise.journal.begun import BegunKeys
from poolwise.journal.items import UNCHANGING, atom_keys, keys_of
from poolwise.journal.known import Known
from poolwise.journal.lock import Lock, is_file
from poolwise.journal.store import explain, explained, next_number, roll_back
from poolwise.journal.values import FAILURE, write_error, write_item, write_value
from poolwise.model.classes import frozen, mutable
from poolwise.model.events import Batch, Failed
from poolwise.model.units import Seconds
from poolwise.work.call import short_repr, show_error, type_name, words_of

logger = logging.getLogger("poolwise")

EndState: TypeAlias = Literal["done", "failed", "stopped"]

# A flush may take this part of the time: one that takes 5 ms is due half a second after the last.
SYNC_SHARE: Final = 0.01
# Nobody notices what is lost of the last 50 ms; a slow disk must not make it more than a second.
LEAST_BETWEEN_S: Seconds = 0.05
MOST_BETWEEN_S: Seconds = 1.0

_RESULT: Final = "INSERT INTO results (id, run, key, item, is_json, form, value) VALUES (?, ?, ?, ?, ?, ?, ?)"
_FAILURE: Final = "INSERT INTO failures (id, kind, words, traceback, attempts, error, at) VALUES (?, ?, ?, ?, ?, ?, ?)"
_COUNT: Final = "UPDATE runs SET kept = ?, failed = ?, taken = ?, unkept = ?, synced = ?, state = ? WHERE id = ?"


@frozen
class Counts:
    """What a run has done with its journal."""

    kept: int
    """Results that were recorded in this run."""
    failed: int
    """Failures that were recorded in this run."""
    taken: int
    """Items that were found, from earlier runs."""
    unkept: int
    """Results that cannot be pickled: their items are run again when the run is taken up."""


@mutable
class _Counting:
    kept: int = 0
    failed: int = 0
    taken: int = 0
    unkept: int = 0


class _Rows:
    """What is to be written of a batch."""

    __slots__ = ("failures", "replaced", "results", "unkept")

    def __init__(self) -> None:
        self.results: list[tuple[object, ...]] = []
        self.failures: list[tuple[object, ...]] = []
        self.replaced: list[tuple[object, ...]] = []
        self.unkept = 0


class Book:
    """The journal of one run, open in one process; made by ``open_book``.

    Its methods may be called from different threads, but not at the same time. A forked worker must not call them;
    where it does nevertheless, ``close`` does nothing.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        lock: Lock,
        *,
        path: str,
        name: str,
        run: int,
        key: Callable[[Any], object] | None,
        known: Known | None,
    ) -> None:
        """Take an open connection, under its lock; ``known`` of None: nothing can be found."""
        self.name = name
        self.gone = False
        """Somebody has removed or replaced the file: what is kept is kept in nothing that has a name."""
        self._path = path
        self._file = Path(path).stat()
        self._connection = connection
        self._lock = lock
        self._run = run
        self._key = key
        self._known = known
        self._begun = BegunKeys()
        self._again: dict[int, int] = {}
        self._pid = os.getpid()
        self._open = True
        self._counting = _Counting()
        self._row = next_number(connection, "results")
        self._unsynced = False
        self._synced_s = time.monotonic()
        self._between_s = LEAST_BETWEEN_S

    @property
    def counts(self) -> Counts:
        """Say how much was kept and taken so far."""
        now = self._counting
        return Counts(now.kept, now.failed, now.taken, now.unkept)

    # --- Before a run -------------------------------------------------------------------------------------------------

    def find(self, start: int, items: Sequence[Any]) -> Sequence[Batch]:
        """Give what is known already of the items ``start`` and following, which have not been run.

        To be called for every item, before it is run: its key is made now, since the function may change it. Each
        result is given once; where an item comes as often as it was recorded, or more seldom, it is not run again.
        Raises JournalKeyError, JournalError.
        """
        unchanging = self._key is None and UNCHANGING.issuperset(map(type, items))
        if self._known is None and unchanging:
            return ()
        keys = keys_of(items, self._key, start)
        if not unchanging:
            self._begun.put(start, keys)
        return () if self._known is None else self._look_up(self._known, start, keys, items)

    def _look_up(self, known: Known, start: int, keys: Sequence[bytes], items: Sequence[Any]) -> Sequence[Batch]:
        with explained(self.name, "read"):
            found, again = known.find(start, keys, items)
        self._again.update(again)
        for batch in found:
            self._counting.taken += len(batch.values)
            for index in range(batch.start, batch.start + len(batch.values)):
                self._begun.done(index)
        return found

    # --- While it goes on ---------------------------------------------------------------------------------------------

    def keep(self, batch: Batch, items: Sequence[Any]) -> None:
        """Write down what came of some items; it survives the death of this process when this returns.

        A result that cannot be pickled is told by a warning, once, and not kept. Raises a JournalError, whose
        ``unsaved`` holds the batch.
        """
        try:
            rows = self._rows(batch, items)
            # Before they are written: Ctrl-C may come in between, and a number must not be given twice.
            self._row += len(rows.results)
            self._write(rows)
        except (sqlite3.Error, JournalError) as error:
            raise self._unsaved(batch, error) from error
        self._counting.kept += len(rows.results) - len(rows.failures)
        self._counting.failed += len(rows.failures)
        self._counting.unkept += rows.unkept
        self._unsynced = True

    def _unsaved(self, batch: Batch, error: sqlite3.Error | JournalError) -> JournalError:
        told = error if isinstance(error, JournalError) else explain(error, self.name, "written")
        told.unsaved = {
            batch.start + place: batch.failures.get(place, value) for place, value in enumerate(batch.values)
        }
        return told

    def _rows(self, batch: Batch, items: Sequence[Any]) -> _Rows:
        rows = _Rows()
        row, run = self._row, self._run
        keys = self._keys(batch.start, items)
        for place, (key, item, value) in enumerate(zip(keys, items, batch.values, strict=True)):
            failed = batch.failures.get(place) if batch.failures else None
            try:
                form, data = write_value(value) if failed is None else (FAILURE, None)
            except Exception as error:  # noqa: BLE001 - pickling may raise anything; the result is the caller's nevertheless
                self._tell_unkept(batch.start + place, item, error)
                rows.unkept += 1
                continue
            rows.results.append((row, run, key, *write_item(self._named(item)), form, data))
            if failed is not None:
                rows.failures.append((row, *_failure_cells(failed)))
            row += 1
            if self._again and (old := self._again.pop(batch.start + place, None)) is not None:
                rows.replaced.append((old,))
        return rows

    def _named(self, item: Any) -> object:  # noqa: ANN401 - any item
        """Give what people are to read of an item: what the caller names it by, where he does."""
        if self._key is None:
            return item
        try:
            return self._key(item)
        except Exception:  # noqa: BLE001 - it has given a name before the item was run; whatever the function has made of it
            return item

    def _keys(self, start: int, items: Sequence[Any]) -> Sequence[bytes]:
        """Give the keys that were made before the items were run; what cannot change has the same now."""
        if self._key is None and UNCHANGING.issuperset(map(type, items)):
            return atom_keys(items)
        keys = []
        for index, item in enumerate(items, start):
            key = self._begun.get(index)
            if key is None:
                key = keys_of([item], self._key, index)[0]
            else:
                self._begun.done(index)
            keys.append(key)
        return keys

    def _tell_unkept(self, index: int, item: object, error: BaseException) -> None:
        if not self._counting.unkept:
            logger.warning(
                "the result of item %d, %s, cannot be pickled (%s) and so is not kept in the journal %s: the item will "
                "be run again when the run is taken up, as will others like it",
                *(index, short_repr(item), show_error(error), self.name),
            )

    def _write(self, rows: _Rows) -> None:
        write = self._connection
        # No context manager here and in ``keep``: they would take a tenth of what a batch of one item takes.
        write.execute("BEGIN IMMEDIATE")
        try:
            write.executemany(_RESULT, rows.results)
            if rows.failures:
                write.executemany(_FAILURE, rows.failures)
            if rows.replaced:
                write.executemany("DELETE FROM failures WHERE id = ?", rows.replaced)
                write.executemany("DELETE FROM results WHERE id = ?", rows.replaced)
            write.execute("COMMIT")
        except BaseException:
            roll_back(write)
            raise

    # --- Onto the disk ------------------------------------------------------------------------------------------------

    @property
    def due(self) -> bool:
        """Tell whether enough was kept, long enough ago, that flushing takes a hundredth of the time."""
        return self._unsynced and time.monotonic() - self._synced_s >= self._between_s

    def sync(self) -> None:
        """What was kept survives a power loss when this returns. Raises JournalWriteError, JournalBusyError."""
        if self._unsynced:
            self._flush("running")

    def _flush(self, state: str) -> None:
        """Commit the figures, which flushes the log and all commits in it; see ``store``."""
        now, begun = self._counting, time.monotonic()
        with explained(self.name, "written"):
            self._connection.execute("PRAGMA synchronous = FULL")
            try:
                cells = (now.kept, now.failed, now.taken, now.unkept, time.time(), state, self._run)
                self._connection.execute(_COUNT, cells)
            finally:
                self._connection.execute("PRAGMA synchronous = NORMAL")
        self._look_whether_gone()
        self._unsynced = False
        self._synced_s = time.monotonic()
        took_s = self._synced_s - begun
        self._between_s = min(max(took_s / SYNC_SHARE, LEAST_BETWEEN_S), MOST_BETWEEN_S)

    def _look_whether_gone(self) -> None:
        """The results are the caller's nevertheless, so that the run goes on; but nobody must rely on the file."""
        if self.gone or is_file(self._path, self._file):
            return
        self.gone = True
        logger.warning(
            "the journal %s has been removed or replaced while the run was at work: what the run does is handed over "
            "as ever, but is not kept, and would be done again by the next run",
            self.name,
        )

    def close(self, state: EndState) -> None:
        """Write down how the run ended, flush, and let others at the file; once is enough.

        Raises JournalWriteError where the last of it cannot be flushed; the file is closed nevertheless.
        """
        if not self._open or self._pid != os.getpid():
            return
        self._open = False
        try:
            self._flush(state)
        finally:
            try:
                with explained(self.name, "closed"):
                    self._connection.close()
            finally:
                self._lock.release()


def _failure_cells(failed: Failed) -> tuple[object, ...]:
    error = failed.error.error
    # Half a surrogate pair, which a database cannot hold.
    words = words_of(error).encode(errors="backslashreplace").decode()
    return type_name(type(error)), words, failed.error.traceback, failed.attempts, write_error(error), time.time()
