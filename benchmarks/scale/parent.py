"""What a single item, and its value, cost the parent: measured, on this machine, with real processes and a real file.

``python -m benchmarks.scale.parent WHAT COUNT`` measures one of ``MEASURES`` in this process and prints JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import poolwise
from benchmarks.scale.simulate import peak_memory


def as_float(number: int) -> float:
    """Give a small value that takes memory of its own."""
    return number + 0.5


def as_record(number: int) -> dict[str, Any]:
    """Give what people give: a record of three fields."""
    return {"number": number, "name": f"item {number}", "score": number / 7}


def as_nothing(number: int) -> None:
    """Give no value: what there is to keep is written by the function itself."""


def measure_map(function: Callable[[int], Any], count: int, **options: Any) -> dict[str, float]:
    """Let two processes do it; give what an item has cost the parent in CPU time and in memory that it still has."""
    # Neither the start of workers nor the growth of chunks is what an item costs.
    poolwise.map(function, range(10_000), backend="processes", max_workers=2, progress=False)
    before, begun_s = peak_memory(fresh=True), time.process_time()
    results = poolwise.map(
        function,
        range(count),
        backend="processes",
        max_workers=2,
        start_method="forkserver",
        chunksize=10_000,
        progress=False,
        **options,
    )
    assert len(results) == count
    cpu_s, grown = time.process_time() - begun_s, peak_memory() - before
    return {"item_s": cpu_s / count, "item_bytes": grown / count}


def measure_journal(count: int) -> dict[str, float]:
    """Keep records in a journal; give what an item has cost, and what it takes on disk."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.db"
        measured = measure_map(as_record, count, journal=file)
        on_disk = sum(each.stat().st_size for each in Path(folder).iterdir())
    return {**measured, "disk_bytes": on_disk / count}


MEASURES: dict[str, Callable[[int], dict[str, float]]] = {
    "None": lambda count: measure_map(as_nothing, count),
    "float": lambda count: measure_map(as_float, count),
    "record": lambda count: measure_map(as_record, count),
    "record, journal": measure_journal,
}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](int(sys.argv[2]))))
