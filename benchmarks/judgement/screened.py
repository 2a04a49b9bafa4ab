"""The file in which screenings are kept: it is written after each case, and ``--quick`` reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.judgement.results import VERSION, check_version
from benchmarks.judgement.screening import Tried


class Screened:
    """What was tried for each case."""

    def __init__(self, file: Path) -> None:
        """Keep it in this file; what stands there is read when asked for, since another run may add to it."""
        self._file = file

    def get(self, case: str, count: int) -> Tried | None:
        """Give what was tried; None where nothing was, or with another number of items."""
        stored = self._read()
        tried: Tried | None = stored["cases"].get(case)
        return tried if stored["counts"].get(case, count) == count else None

    def put(self, case: str, count: int, tried: Tried) -> None:
        """Keep what was tried."""
        stored = self._read()
        stored["cases"][case], stored["counts"][case] = tried, count
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(stored, indent=1))

    def _read(self) -> dict[str, Any]:
        if not self._file.exists():
            return {"version": VERSION, "cases": {}, "counts": {}}
        stored: dict[str, Any] = json.loads(self._file.read_text())
        check_version(stored)
        return {"counts": {}} | stored
