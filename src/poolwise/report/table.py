"""A table as a value: headings and cells as text, which the terminal and the page lay out each in its way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from poolwise.model.classes import frozen

# What stands where there is no figure, while others in the column have one.
NOTHING = "–"


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
