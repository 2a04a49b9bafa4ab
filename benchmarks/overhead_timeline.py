"""What recording a run costs (``timeline=True``), at tasks of one millisecond, by the clock and in computing time.

Run: ``python benchmarks/overhead_timeline.py [--rounds N] [--items N] [--json FILE]``. With and without run in turn, in
one process, the order turning pair by pair; the table gives the median of the ratios within a pair, and their middle
half. Beside it stands the same for pairs in which neither is recorded: what such a table says of nothing at all.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import poolwise

TASK_S = 0.001
WAYS: dict[str, dict[str, Any]] = {
    "processes, computing": {"backend": "processes"},
    "threads, waiting": {"backend": "threads", "max_workers": 8},
    "threads, computing": {"backend": "threads"},
    "loop, computing": {"backend": "loop"},
}
MOST = 1.02


def wait(item: int) -> int:
    """Wait for a millisecond."""
    time.sleep(TASK_S)
    return item


def compute(count: int) -> int:
    """Compute for as long as adding so many numbers takes."""
    return sum(range(count))


def calibrate() -> int:
    """Find how many numbers take a millisecond to add, at this machine's best."""
    count = 50_000
    best_s = min(_timed(lambda: compute(count)) for _ in range(50))
    return int(count * TASK_S / best_s)


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _computed_s() -> float:
    """Give the CPU seconds of this process and of its children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def run_once(function: Callable[[int], int], items: list[int], options: dict[str, Any]) -> tuple[float, float]:
    """Give what a run took: seconds, and seconds of computing."""
    computed_s, begun = _computed_s(), time.perf_counter()
    poolwise.map(function, items, progress=False, **options)
    return time.perf_counter() - begun, _computed_s() - computed_s


def pairs(way: str, rounds: int, items: list[int], *, recorded: bool) -> list[tuple[float, float]]:
    """Give, for each pair, how many times as long the second run took, by the clock and in computing."""
    function = wait if "waiting" in way else compute
    ratios = []
    for turn in range(rounds):
        plain, other = WAYS[way], {**WAYS[way], "timeline": recorded}
        order = (plain, other) if turn % 2 else (other, plain)
        took = [run_once(function, items, options) for options in order]
        without, with_it = took if turn % 2 else took[::-1]
        ratios.append((with_it[0] / without[0], with_it[1] / without[1]))
    return ratios


def summary(ratios: list[float]) -> dict[str, float]:
    """Give the median and the middle half."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {"median": middle, "from": low, "to": high}


def main() -> int:
    """Measure, print a table, and say whether all stay within the limit."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--only", default="", help="ways whose name holds this")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    items, found = [calibrate()] * arguments.items, {}
    print(f"{arguments.items} tasks of 1 ms, {arguments.rounds} pairs; ratios: median (middle half)")
    for way in (each for each in WAYS if arguments.only in each):
        for recorded in (False, True):
            ratios = pairs(way, arguments.rounds, items, recorded=recorded)
            wall, computed = summary([each for each, _ in ratios]), summary([each for _, each in ratios])
            found[f"{way}, {'recorded' if recorded else 'nothing'}"] = {"wall": wall, "computed": computed}
            told = "  ".join(
                f"{name} {each['median']:.4f} ({each['from']:.4f} to {each['to']:.4f})"
                for name, each in (("wall", wall), ("computed", computed))
            )
            print(f"{way:<22} {'recorded' if recorded else 'nothing ':<9} {told}", flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return int(any(each["wall"]["median"] > MOST for way, each in found.items() if way.endswith("recorded")))


if __name__ == "__main__":
    raise SystemExit(main())
