"""A table as a value: headings and cells as text, which the terminal and the page lay out each in its way."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

from poolwise.model.classes import frozen

# What stands where there is no figure, while others in the column have one.
NOTHING = "–"
# Between two columns of text.
GAP = "  "


@frozen
class Column:
    """A heading, and how what stands below it is laid out."""

    heading: str
    figures: bool = False
    """Figures stand at the right edge, words at the left."""


@frozen
class Table:
    """Headings and rows; each row has a cell for each column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    strong: int | None = None
    """The row to bring out: the fastest, the one that was chosen. It says so in words as well."""


def table_of(columns: Sequence[Column], rows: Iterable[Sequence[str]], strong: int | None = None) -> Table:
    """Make a table without the columns that are empty in each row; an empty cell among figures becomes a dash."""
    lines = [tuple(row) for row in rows]
    kept = [place for place in range(len(columns)) if any(line[place] for line in lines)]
    return Table(
        tuple(columns[place] for place in kept),
        tuple(tuple(line[place] or (NOTHING if columns[place].figures else "") for place in kept) for line in lines),
        strong,
    )


def plain_text(table: Table, width: int | None = None) -> str:
    """Lay a table out as text of at most so many columns: what does not fit stands below, the first column again.

    ``width`` of None: that of the terminal where standard output is one; else as wide as it comes.
    """
    width = _room() if width is None else width
    columns = enumerate(table.columns)
    widths = [max(map(len, (each.heading, *(row[place] for row in table.rows)))) for place, each in columns]
    return "\n\n".join(_block(table, widths, places) for places in _parts(widths, width))


def told_lines(findings: Iterable[tuple[str, str]], heading: int, width: int | None = None) -> list[str]:
    """Lay out sentences, each with its heading before it; what is too long goes on below its beginning.

    ``heading`` is the room for the headings; ``width`` as for ``plain_text``.
    """
    room = _room() if width is None else width
    lines = (broken(f"{name:<{heading}}{text}", room, hanging=heading) for name, text in findings)
    return [part for line in lines for part in line]


def broken(line: str, width: int, *, hanging: int) -> list[str]:
    """Break a line that is too long between words; what goes on stands below its beginning, not below its heading.

    ``hanging`` is the room for the heading; it is given up where it would take half of the width.
    """
    if len(line) <= width:
        return [line]
    hanging = hanging if hanging < width // 2 else 0
    rest = textwrap.wrap(line[hanging:], width - hanging, break_long_words=False)
    return [(line[:hanging] if not place else " " * hanging) + part for place, part in enumerate(rest)]


def _room() -> int:
    """Say how wide text may be: as the terminal, where standard output is one."""
    return shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else sys.maxsize


def _parts(widths: Sequence[int], width: int) -> Iterable[list[int]]:
    """Share the columns out over as few blocks as needed, each with the first column."""
    part, used = [0], widths[0]
    for place in range(1, len(widths)):
        needed = len(GAP) + widths[place]
        if used + needed > width and len(part) > 1:
            yield part
            part, used = [0], widths[0]
        part.append(place)
        used += needed
    yield part


def _block(table: Table, widths: Sequence[int], places: Sequence[int]) -> str:
    def laid_out(cells: Sequence[str]) -> str:
        padded = (
            cells[place].rjust(widths[place]) if table.columns[place].figures else cells[place].ljust(widths[place])
            for place in places
        )
        return GAP.join(padded).rstrip()

    headings = [each.heading for each in table.columns]
    rules = ["─" * width for width in widths]
    return "\n".join(map(laid_out, (headings, rules, *table.rows)))
