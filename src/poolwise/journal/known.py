"""What earlier runs have left: which results there are for an item, each to be used once."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from poolwise.journal.values import FAILURE, read_error, read_value
from poolwise.model.events import Batch, Failed
from poolwise.work.call import short_repr, show_error

logger = logging.getLogger("poolwise")

Stands: TypeAlias = Callable[[Any, Any], bool]
"""Says of an item and of what was kept of it (its result, or an exception) whether that still stands."""

# Results come before failures, each in the order of recording: the rank of a failure is its row plus this.
BEHIND: Final = 1 << 62

# In a temporary database, sorted once: what is recorded in this run need not be found in it, and so costs no index.
_COLLECT: Final = f"""
INSERT INTO temp.known SELECT key, id + {BEHIND} * (form = {FAILURE}) FROM results
WHERE run IN (SELECT runs.id FROM runs JOIN functions ON functions.id = runs.function WHERE functions.family = ?)
ORDER BY key, 2
"""  # noqa: S608 - our own numbers
_FIND: Final = f"""
SELECT known.rank, results.id, results.form, results.value FROM temp.known
CROSS JOIN results ON results.id = known.rank & {BEHIND - 1}
WHERE known.key = ? AND known.rank > ? ORDER BY known.rank LIMIT 1
"""  # noqa: S608 - see above


class Known:
    """The results of earlier runs for one function."""

    def __init__(
        self, connection: sqlite3.Connection, family: int, *, take_failures: bool, stands: Stands | None = None
    ) -> None:
        """Sort what there is by its key."""
        self._connection = connection
        self._take_failures = take_failures
        self._stands = stands
        connection.execute("CREATE TEMP TABLE known (key BLOB, rank INTEGER, PRIMARY KEY (key, rank)) WITHOUT ROWID")
        connection.execute("BEGIN")
        connection.execute(_COLLECT, (family,))
        connection.execute("COMMIT")
        last = connection.execute("SELECT coalesce(max(id), 0) FROM results").fetchone()[0]
        # A byte for each row: whether it has been used. An item that comes twice uses two.
        self._used = bytearray(last + 1)
        self._after: dict[bytes, int] = {}
        self._told = False

    @property
    def empty(self) -> bool:
        """Tell whether there is nothing to be found."""
        return self._connection.execute("SELECT 1 FROM temp.known LIMIT 1").fetchone() is None

    def find(self, start: int, keys: Sequence[bytes], items: Sequence[Any]) -> tuple[list[Batch], dict[int, int]]:
        """Give what is known of the items, and the rows of what does not stand any more, by their items' numbers."""
        batches: list[Batch] = []
        again: dict[int, int] = {}
        for index, key in enumerate(keys, start):
            found = self._next(key)
            if found is None:
                continue
            row, form, data = found
            if form == FAILURE and not self._take_failures:
                again[index] = row
                continue
            item = items[index - start]
            try:
                value, failed = self._read(index, row, form, data)
            except Exception as error:  # noqa: BLE001 - unpickling may raise anything; the item is run again
                self._tell_unreadable(index, item, error)
                continue
            if self._stands is None or self._stands(item, value if failed is None else failed.error.error):
                _add(batches, index, value, failed)
            else:
                again[index] = row
        return batches, again

    def _read(self, index: int, row: int, form: int, data: Any) -> tuple[Any, Failed | None]:  # noqa: ANN401 - any result
        return (None, self._failure(index, row)) if form == FAILURE else (read_value(form, data), None)

    def _next(self, key: bytes) -> tuple[int, int, Any] | None:
        """Use the next row of this key."""
        rank = self._after.get(key, -1)
        while (found := self._connection.execute(_FIND, (key, rank)).fetchone()) is not None:
            rank, row, form, value = found
            if not self._used[row]:
                self._used[row] = 1
                return row, form, value
            # The same item once more: from now on it is looked for behind the last that was used.
            self._after[key] = rank
        return None

    def _tell_unreadable(self, index: int, item: object, error: BaseException) -> None:
        if not self._told:
            self._told = True
            logger.warning(
                "what the journal holds for item %d, %s, cannot be read back (%s): the item is run again, as are "
                "others like it",
                *(index, short_repr(item), show_error(error)),
            )

    def _failure(self, index: int, row: int) -> Failed:
        kind, words, traceback, attempts, error = self._connection.execute(
            "SELECT kind, words, traceback, attempts, error FROM failures WHERE id = ?", (row,)
        ).fetchone()
        return Failed(index, read_error(error, kind, words, traceback), attempts)


def _add(batches: list[Batch], index: int, value: Any, failed: Failed | None) -> None:  # noqa: ANN401 - any result
    """Add an item to the last batch, or begin another where there is a gap."""
    if not batches or batches[-1].start + len(batches[-1].values) != index:
        batches.append(Batch(index, []))
    batch = batches[-1]
    if failed is not None:
        batch.failures[len(batch.values)] = failed
    values: list[Any] = batch.values  # type: ignore[assignment]  # made above
    values.append(value)
