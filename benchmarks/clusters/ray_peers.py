"""Poolwise on Ray against Ray's own ways, on a Ray of this machine: tasks, its multiprocessing.Pool, its ActorPool.

Run: ``python -m benchmarks.clusters.ray_peers [CASE ...] [--rounds N] [--share S] [--json FILE]``. In each round all
ways do the same items, in turning order, and each way's time includes what it starts: actors, for all but the tasks,
which run in processes that Ray keeps. A ratio is taken within a round. ``--share 0.1``: a tenth of the items.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import poolwise

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


def by_poolwise(_ray: Any, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Run on Poolwise's actors."""
    return list(poolwise.map(function, items, backend="ray", max_workers=WORKERS, progress=False))


def by_tasks(ray: Any, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Make a task of each item, as Ray's own first page does."""
    remote = ray.remote(function)
    results: list[Any] = ray.get([remote.remote(item) for item in items])
    return results


def by_pool(_ray: Any, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Use Ray's replacement for multiprocessing.Pool."""
    from ray.util.multiprocessing import Pool  # noqa: PLC0415 - an extra

    with Pool(WORKERS) as pool:
        results: list[Any] = pool.map(function, list(items))
    return results


def by_actor_pool(ray: Any, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Use Ray's pool of actors."""
    from ray.util import ActorPool  # noqa: PLC0415 - an extra

    class Caller:
        def call(self, item: Any) -> Any:
            return function(item)

    actors = [ray.remote(num_cpus=1)(Caller).remote() for _ in range(WORKERS)]
    return list(ActorPool(actors).map(lambda actor, item: actor.call.remote(item), items))


WAYS: dict[str, Callable[[Any, Callable[[Any], Any], Sequence[Any]], list[Any]]] = {
    OURS: by_poolwise,
    "ray.get of tasks": by_tasks,
    "ray.util.multiprocessing.Pool": by_pool,
    "ray.util.ActorPool": by_actor_pool,
}


def measure(ray: Any, case: Case, rounds: int, share: float) -> dict[str, list[float]]:
    """Give each way's seconds in each round."""
    items = case.items(max(WORKERS, round(case.count * share)))
    expected = [case.function(item) for item in items]
    taken: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(rounds):
        names = list(WAYS)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            _wait_until_free(ray)
            begun = time.perf_counter()
            results = WAYS[name](ray, case.function, items)
            taken[name].append(time.perf_counter() - begun)
            if results != expected:
                raise SystemExit(f"{name} gave wrong results for {case.name}")
    return taken


def _wait_until_free(ray: Any) -> None:
    """Let the actors of the way before end: they would stand in the way of the next."""
    while ray.available_resources().get("CPU", 0) < WORKERS:
        time.sleep(0.05)


def show(case: Case, taken: dict[str, list[float]]) -> str:
    """Give the lines of a case, in Markdown."""
    lines = []
    for name, seconds in taken.items():
        ratios = [their / our for their, our in zip(seconds, taken[OURS], strict=True)]
        spread = f"{statistics.median(ratios):.2f} [{min(ratios):.2f} – {max(ratios):.2f}]" if name != OURS else "1"
        lines.append(f"| {case.name} | `{name}` | {statistics.median(seconds):.2f} s | {spread} |")
    return "\n".join(lines)


def main() -> None:
    """Start a Ray, measure on it, and end it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="*", help=f"parts of: {', '.join(case.name for case in CASES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="pw-ray-")
    os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))
    import ray  # noqa: PLC0415 - it reads the environment

    where: dict[str, Any] = {"_node_ip_address": "127.0.0.1", "include_dashboard": False, "_temp_dir": folder}
    ray.init(num_cpus=WORKERS, logging_level=logging.ERROR, log_to_driver=False, **where)
    told: dict[str, dict[str, list[float]]] = {}
    try:
        print(f"Ray {ray.__version__}, {WORKERS} CPUs, {asked.rounds} rounds\n")
        print("| case | way | median | × Poolwise, median [least – most] |\n|---|---|---|---|")
        for case in CASES:
            if not asked.case or any(part in case.name for part in asked.case):
                told[case.name] = measure(ray, case, asked.rounds, asked.share)
                print(show(case, told[case.name]), flush=True)
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
