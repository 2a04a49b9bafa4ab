"""What a page is made of, as values: sections of words, tables, pairs and charts. ``html.page`` writes them."""

from __future__ import annotations

from typing import TypeAlias

from poolwise.model.classes import frozen
from poolwise.report.pictures.chart import Chart
from poolwise.report.table import Table


@frozen
class Words:
    """Sentences, as one paragraph."""

    text: str
    strong: bool = False


@frozen
class Pairs:
    """Names with what belongs to them: ``cores``, ``4``. A name that is empty goes on with the one before."""

    rows: tuple[tuple[str, str], ...]


@frozen
class Titled:
    """A table with what it shows."""

    caption: str
    table: Table


Part: TypeAlias = Words | Pairs | Titled | Chart


@frozen
class Section:
    """A heading and what stands below it."""

    heading: str
    parts: tuple[Part, ...]
    level: int = 2
    """2 for a part of the page, 3 for a part of that."""
