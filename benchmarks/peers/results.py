"""What was measured, as values: the runs of each way, and the medians and ratios that the table and the plot show."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# Of the file that ``--json`` writes.
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One row of a table: a peer as it is used in one part."""

    label: str
    peer: str
    method: str | None = None
    chunk: int | None = None
    form: str = ""


@dataclass(slots=True)
class Row:
    """All runs of a variant, one for each round; a run that gave no figures has ``failed`` or ``missing``."""

    variant: Variant
    runs: list[dict[str, Any]] = field(default_factory=list)
    tried: dict[str, float] = field(default_factory=dict)
    """The chunk sizes that were tried, and the seconds that each took."""

    def figures(self, name: str) -> list[float | None]:
        """Give a figure of each round; None where the run gave none."""
        return [run.get(name) for run in self.runs]

    def median(self, name: str) -> float | None:
        """Give the median over the rounds that gave the figure."""
        there = [figure for figure in self.figures(name) if figure is not None]
        return statistics.median(there) if there else None

    def problems(self) -> list[str]:
        """Give what went wrong, each once, and in how many rounds it did."""
        said = [_problem(run) for run in self.runs]
        return [
            text if said.count(text) == len(said) else f"{text} ({said.count(text)} of {len(said)} rounds)"
            for text in dict.fromkeys(filter(None, said))
        ]

    def notes(self) -> list[str]:
        """Give what the runs want to be said, each once."""
        return list(dict.fromkeys(run["note"] for run in self.runs if run.get("note")))


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratio of two rows, taken within each round: the median, the least and the most."""

    median: float
    least: float
    most: float


def ratio(row: Row, other: Row | None, figure: str) -> Ratio | None:
    """Compare two rows round by round; None where there is no round that has both.

    >>> fast, slow = Variant(label="a", peer="a"), Variant(label="b", peer="b")
    >>> ratio(Row(slow, [{"s": 4}, {"s": 9}, {}]), Row(fast, [{"s": 2}, {"s": 3}, {"s": 1}]), "s")
    Ratio(median=2.5, least=2.0, most=3.0)
    """
    if other is None:
        return None
    pairs = zip(row.figures(figure), other.figures(figure), strict=True)
    ratios = [mine / theirs for mine, theirs in pairs if mine is not None and theirs]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


def find(rows: list[Row], peer: str, method: str | None = None) -> Row | None:
    """Give the first row of a peer, the one with this start method if there is one."""
    of_peer = [row for row in rows if row.variant.peer == peer]
    same = [row for row in of_peer if row.variant.method == method]
    return next(iter(same + of_peer), None)


def _problem(run: dict[str, Any]) -> str:
    if "missing" in run:
        return str(run["missing"])
    if "failed" in run:
        return f"FAILED: {run['failed']}"
    return "WRONG RESULTS" if run.get("wrong") else ""


def to_json(facts: Mapping[str, Any], parts: Mapping[str, list[Row]]) -> dict[str, Any]:
    """Give what is stored: what is known of the machine and the run, and all figures of all runs."""
    return {
        "version": VERSION,
        "facts": dict(facts),
        "parts": {name: [asdict(row) for row in rows] for name, rows in parts.items()},
    }


def from_json(stored: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[Row]]]:
    """Read what ``to_json`` gave; of another version it cannot be read."""
    if stored.get("version") != VERSION:
        raise ValueError(f"version {stored.get('version')} of the figures; this reads version {VERSION}: measure again")
    parts = {
        name: [Row(Variant(**row["variant"]), row["runs"], row["tried"]) for row in rows]
        for name, rows in stored["parts"].items()
    }
    return stored["facts"], parts
