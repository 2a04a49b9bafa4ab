"""The tables of docs/compat: lines of another library, ours beside them, and what is said of the two results.

A table that is read has three columns, of which the third is called ``result``. Its first two cells are code, or ``–``
where there is none; a row whose code begins with ``with`` holds for all rows below it. The third cell begins with one
of the words of ``Word``; what follows is for people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.docs.pages import ROOT, read_blocks

FOLDER = ROOT / "docs" / "compat"
NONE = "–"
CODE = re.compile(r"`([^`]+)`")
CELLS = re.compile(r"(?<!\\)\|")


class Word(Enum):
    """What a row says of the two results; longer words first, since a cell begins with one of them."""

    ANY_ORDER = "same, in any order"
    SAME_ERROR = "same error"
    SAME = "same"
    ERRORS = "errors differ"
    """Two types of errors follow, in code."""
    VALUES = "differs"
    """Two values follow, in code."""
    GAIN = "fails there"
    """The other's type of error and our value follow, in code."""
    NOT_OFFERED = "not offered"
    """Only the other library's line is run."""
    OPENS = "for all rows below"


@dataclass(frozen=True)
class Row:
    """One row; ``line`` is that of the page, from 1."""

    page: str
    line: int
    table: int
    before: str
    after: str
    word: Word
    said: str

    @property
    def codes(self) -> list[str]:
        """The pieces of code in what is said."""
        return CODE.findall(self.said)

    def __str__(self) -> str:
        """Name it in the list of tests."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A page with its rows, the switch by one line, and the file that its lines import from."""

    path: Path
    rows: tuple[Row, ...]
    switches: tuple[tuple[str, str], ...]
    """Their import lines and ours, from tables whose columns are called ``instead of`` and ``write``."""
    work: str

    @property
    def stays(self) -> bool:
        """The library itself stays, and is only told to have its work done elsewhere."""
        return all(ours.startswith(theirs) for theirs, ours in self.switches)


def read_pages() -> dict[str, Page]:
    """Read every page of the folder that has such tables."""
    pages = {path.stem: read_page(path) for path in sorted(FOLDER.glob("*.md"))}
    return {name: page for name, page in pages.items() if page.rows}


def read_page(path: Path) -> Page:
    """Read one."""
    rows: list[Row] = []
    switches: list[tuple[str, str]] = []
    head: list[str] = []
    table = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|"):
            head = []
        elif not head:
            head, table = _cells(line), table + 1
        elif not set(line) <= set("|- "):
            cells = _cells(line)
            if head[-1] == "result":
                rows.append(_row(path.stem, number, table, cells))
            elif head[:2] == ["instead of", "write"]:
                switches.append((_code(cells[0]), _code(cells[1])))
    work = [block.text for block in read_blocks(path) if block.file == "work.py"]
    return Page(path, tuple(rows), tuple(switches), work[0] if work else "")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in CELLS.split(line)[1:-1]]


def _row(page: str, number: int, table: int, cells: list[str]) -> Row:
    before, after, said = cells
    word = next((word for word in Word if said.startswith(word.value)), None)
    assert word is not None, f"{page}:{number}: {said!r} begins with none of {[word.value for word in Word]}"
    return Row(page, number, table, _code(before), _code(after), word, said.removeprefix(word.value))


def _code(cell: str) -> str:
    if cell == NONE:
        return ""
    found = CODE.fullmatch(cell)
    assert found is not None, f"a cell holds one piece of code: {cell!r}"
    return found[1]
