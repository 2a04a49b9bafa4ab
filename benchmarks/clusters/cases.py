"""What is mapped on clusters, how the ways take turns, and the table of what they took."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

WORKERS = 2
OURS = "poolwise.map"


def add_one(item: int) -> int:
    """Do next to nothing."""
    return item + 1


def spin(item: int) -> int:
    """Compute for a millisecond."""
    end = time.perf_counter() + 0.001
    while time.perf_counter() < end:
        pass
    return item


def doze(item: int) -> int:
    """Wait for 10 ms."""
    time.sleep(0.01)
    return item


def total(item: np.ndarray) -> float:
    """Read a megabyte."""
    return float(item.sum())


@dataclass(frozen=True)
class Case:
    """What is mapped."""

    name: str
    function: Callable[[Any], Any]
    items: Callable[[int], Sequence[Any]]
    count: int


CASES = (
    Case("tiny items", add_one, range, 100_000),
    Case("1 ms of computing", spin, range, 4_000),
    Case("10 ms of waiting", doze, range, 400),
    Case(
        "1 MB arguments", total, lambda count: [np.full(125_000, each, dtype=np.float64) for each in range(count)], 200
    ),
)

Way: TypeAlias = Callable[[Any, Callable[[Any], Any], Sequence[Any]], list[Any]]
"""Maps a function over items on a cluster, which it is given by what its library connects with."""


def arguments(about: str | None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="*", help=f"parts of: {', '.join(case.name for case in CASES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def compare(
    ways: Mapping[str, Way], cluster: Any, asked: argparse.Namespace, *, rest: Callable[[], object] = lambda: None
) -> None:
    """Measure what is asked for and print a table; ``rest`` is called before each way's turn."""
    print("| case | way | median | × Poolwise, median [least – most] |\n|---|---|---|---|")
    told: dict[str, dict[str, list[float]]] = {}
    for case in CASES:
        if not asked.case or any(part in case.name for part in asked.case):
            told[case.name] = measure(ways, cluster, case, asked, rest)
            print(show(case, told[case.name]), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


def measure(
    ways: Mapping[str, Way], cluster: Any, case: Case, asked: argparse.Namespace, rest: Callable[[], object]
) -> dict[str, list[float]]:
    """Give each way's seconds in each round."""
    items = case.items(max(WORKERS, round(case.count * asked.share)))
    expected = [case.function(item) for item in items]
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(asked.rounds):
        names = list(ways)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            rest()
            begun = time.perf_counter()
            results = ways[name](cluster, case.function, items)
            taken[name].append(time.perf_counter() - begun)
            if results != expected:
                raise SystemExit(f"{name} gave wrong results for {case.name}")
    return taken


def show(case: Case, taken: dict[str, list[float]]) -> str:
    """Give the lines of a case, in Markdown."""
    lines = []
    for name, seconds in taken.items():
        ratios = [their / our for their, our in zip(seconds, taken[OURS], strict=True)]
        spread = f"{statistics.median(ratios):.2f} [{min(ratios):.2f} – {max(ratios):.2f}]" if name != OURS else "1"
        lines.append(f"| {case.name} | `{name}` | {statistics.median(seconds):.2f} s | {spread} |")
    return "\n".join(lines)
