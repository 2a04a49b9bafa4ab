"""The tables of ``docs/scale.md``: the real scheduler on a cluster of ten thousand workers that is not there.

Run: ``make scale`` or ``python -m benchmarks.scale.run [--only cost] [--json FILE]``. Each run has a process
of its own. All but the table "cost" and the columns of real time come out the same each time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.scale.parent import MEASURES
from benchmarks.scale.simulate import Figures, Run
from benchmarks.scale.tables import TABLES, Table

ROOT = Path(__file__).resolve().parents[2]
# So many items are worth measuring: the start of two processes is nothing beside them.
ITEMS = {"None": 10**6, "float": 10**6, "record": 10**6, "record, journal": 10**5}


def main() -> int:
    """Make the tables, one after another."""
    arguments = _arguments()
    stored: dict[str, Any] = {}
    for name in arguments.only or (*TABLES, "items"):
        print(f"\n{TABLES[name].title if name in TABLES else 'What an item costs the parent (real)'}\n", flush=True)
        for line, figures in _items() if name == "items" else _rows(TABLES[name]):
            print(line, flush=True)
            stored.setdefault(name, []).append(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(stored, indent=1))
    return 0


def _rows(table: Table) -> Iterator[tuple[str, Any]]:
    yield from _head("", *table.columns)
    for label, run in table.rows.items():
        figures = min((_measure(run) for _ in range(table.repeats)), key=lambda each: each.parent_s)
        yield _line(label, *(show(run, figures) for show in table.columns.values())), {label: asdict(figures)}


def _items() -> Iterator[tuple[str, Any]]:
    """Measure what no simulation tells: values that travel, are kept, and are written down."""
    yield from _head("results", "CPU of the parent", "memory", "on disk")
    for what in MEASURES:
        found = min((_child("parent", what, str(ITEMS[what])) for _ in range(3)), key=lambda each: each["item_s"])
        disk = f"{found['disk_bytes']:.0f} bytes" if "disk_bytes" in found else "–"
        yield _line(what, f"{found['item_s'] * 1e9:,.0f} ns", f"{found['item_bytes']:.0f} bytes", disk), {what: found}


def _head(*columns: str) -> Iterator[tuple[str, Any]]:
    yield _line(*columns), None
    yield _line("---", *["---:"] * (len(columns) - 1)), None


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _measure(run: Run) -> Figures:
    return Figures(**_child("simulate", json.dumps(asdict(run))))


def _child(module: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.scale.{module}", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make scale", description=(__doc__ or "").splitlines()[0])
    names = (*TABLES, "items")
    parser.add_argument("--only", action="append", choices=names, help="one of the tables; several times")
    parser.add_argument("--json", type=Path, metavar="FILE", help="store all figures there")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; what was measured stands above")
