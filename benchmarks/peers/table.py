"""The tables, in Markdown that can be read as it is.

Run: ``python -m benchmarks.peers.table FILE`` shows again what ``--json FILE`` has stored.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.parts import BY_NAME, Part
from benchmarks.peers.peers import FLOOR, OURS
from benchmarks.peers.results import Ratio, Row, find, from_json, ratio

NOTHING = "–"
HEADINGS = {"seconds": "time", "peak_mb": "peak"}


def show(facts: Mapping[str, Any], parts: Mapping[str, list[Row]]) -> str:
    """Give the text of all tables, with what it needs to be read on top."""
    return "\n\n".join([head(facts), *(show_part(BY_NAME[name], rows) for name, rows in parts.items())])


def head(facts: Mapping[str, Any]) -> str:
    """Give what stands on top: where and how it was measured, and how to read a ratio."""
    known = ", ".join(f"{name} {value}" for name, value in facts.items())
    legend = (
        "Medians of the rounds. A ratio is taken within each round; the median, in brackets the least and the most.\n"
        f"× {FLOOR} and × {OURS}: how many times as much the way takes as these do; above 1 is worse than they."
    )
    return f"{known}\n\n{legend}"


def show_part(part: Part, rows: list[Row]) -> str:
    """Give the table of one part."""
    columns = ["way", HEADINGS[part.figure], *(["tasks/s"] if part.rate else []), f"× {FLOOR}", f"× {OURS}"]
    columns += [heading for _, heading in part.shows] + ["remarks"]
    lines = [_line(part, row, rows) for row in rows]
    return f"**{part.name}**: {part.asks}\n\n{_markdown(columns, lines)}"


def _line(part: Part, row: Row, rows: list[Row]) -> list[str]:
    figure = row.median(part.figure)
    floor, ours = find(rows, FLOOR), find(rows, OURS, row.variant.method)
    cells = [row.variant.label, _amount(figure, part.unit)]
    if part.rate:
        cells.append(f"{part.tasks / figure:,.0f}" if figure else NOTHING)
    cells += [_ratio(ratio(row, floor, part.figure)), _ratio(ratio(row, ours, part.figure))]
    cells += [_amount(row.median(name), _unit_of(name)) for name, _ in part.shows]
    return [*cells, _remarks(row)]


def _remarks(row: Row) -> str:
    chunk = [f"chunks of {row.variant.chunk:,}" if row.variant.chunk else "its own chunk size"] if row.tried else []
    # A bar would end the cell, a line break the table.
    return "; ".join([*row.problems(), *chunk, *row.notes()]).replace("|", "/").replace("\n", " ")[:200]


def _unit_of(figure: str) -> str:
    if figure.endswith("_mb"):
        return "MB"
    return {"first_s": "ms", "import_s": "ms", "seconds": "s"}.get(figure, "×")


def _amount(figure: float | None, unit: str) -> str:
    if figure is None:
        return NOTHING
    scaled = figure * 1000 if unit == "ms" else figure
    digits = {"ms": 3 if scaled < 10 else 1, "s": 3, "×": 3, "MB": 1}[unit]
    return f"{scaled:,.{digits}f} {unit}"


def _ratio(found: Ratio | None) -> str:
    return NOTHING if found is None else f"{found.median:.2f} ({found.least:.2f}–{found.most:.2f})"


def _markdown(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Lay out a table; figures stand at the right, words at the left."""
    widths = [max(len(line[place]) for line in [columns, *lines]) for place in range(len(columns))]
    words = {0, len(columns) - 1}

    def laid_out(cells: Sequence[str]) -> str:
        placed = (
            cell.ljust(width) if place in words else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(placed)} |"

    rule = "|".join(
        "-" * (width + 2) if place in words else "-" * (width + 1) + ":" for place, width in enumerate(widths)
    )
    return "\n".join([laid_out(columns), f"|{rule}|", *map(laid_out, lines)])


if __name__ == "__main__":
    print(show(*from_json(json.loads(Path(sys.argv[1]).read_text()))))
