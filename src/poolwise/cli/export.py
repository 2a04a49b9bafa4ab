"""A journal's entries as JSON lines or as a table (CSV)."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from poolwise.cli.output import encode_item, encode_value, safe_repr
from poolwise.journal.reading import Entry, unreadable

FIELDS = ("function", "item", "result", "error", "message", "attempts")


class Exporter:
    """Writes entries, one by one; a result that cannot be read back is told in its place, and counted."""

    def __init__(self, form: Literal["jsonl", "csv"], write: Callable[[str], None]) -> None:
        """Write by calling ``write``; what results are instances of is looked for in the current folder too."""
        self._write = write
        self._line = self._json if form == "jsonl" else self._row
        self.unreadable = 0
        self.first_problem = ""
        if str(Path.cwd()) not in sys.path:
            sys.path.append(str(Path.cwd()))
        if form == "csv":
            write(_csv(FIELDS))

    def write(self, entry: Entry) -> None:
        """Write one entry."""
        self._write(self._line(entry))

    # --- JSON lines --------------------------------------------------------------------------------------------------

    def _json(self, entry: Entry) -> str:
        item = f'"item": {entry.item}' if entry.is_json else f'"item_repr": {encode_item(entry.item)}'
        told = self._json_error(entry) if entry.failed else ": ".join(self._result(entry))
        return f'{{"function": {encode_item(entry.function)}, {item}, {told}}}\n'

    def _json_error(self, entry: Entry) -> str:
        error = {
            "type": entry.kind,
            "message": entry.words,
            "traceback": entry.traceback,
            "attempts": entry.attempts,
            "at": entry.at,
        }
        return f'"error": {encode_item(error)}'

    def _result(self, entry: Entry) -> tuple[str, str]:
        """Give the word for what it is, and its JSON: the result, its repr, or why it cannot be read back."""
        if entry.json is not None:
            return '"result"', entry.json
        try:
            value = entry.value()
        except Exception as error:  # noqa: BLE001 - unpickling may raise anything
            self.unreadable += 1
            self.first_problem = self.first_problem or unreadable(error)
            return '"unreadable"', encode_item(unreadable(error))
        try:
            return '"result"', encode_value(value)
        except (TypeError, ValueError, RecursionError):
            return '"repr"', encode_item(safe_repr(value))

    # --- CSV ---------------------------------------------------------------------------------------------------------

    def _row(self, entry: Entry) -> str:
        item = _cell(entry.item) if entry.is_json else entry.item
        if entry.failed:
            return _csv((entry.function, item, "", entry.kind, entry.words, entry.attempts))
        return _csv((entry.function, item, _cell(self._result(entry)[1]), "", "", ""))


def _cell(text: str) -> str:
    """Show JSON in a table: a text as itself, anything else as it is."""
    return str(json.loads(text)) if text.startswith('"') else text


def _csv(cells: tuple[object, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
