"""Poolwise on Dask against Dask's own ways, on a Dask of this machine: Client.map, and dask.bag.

Run: ``python -m benchmarks.clusters.dask_peers [CASE ...] [--rounds N] [--share S]``. In each round all ways do the
same items on the same cluster, in turning order. A ratio is taken within a round. ``--share 0.1``: a tenth of them.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import dask.bag
import distributed

import poolwise
from benchmarks.clusters.ray_peers import CASES, OURS, WORKERS, Case, show

Way = Callable[[Any, Callable[[Any], Any], Sequence[Any]], list[Any]]


def by_poolwise(_client: Any, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Run in the seats of the cluster."""
    return list(poolwise.map(function, items, backend="dask", max_workers=WORKERS, progress=False))


def by_map(client: Any, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Make a task of each item, as Dask's own first page does."""
    results: list[Any] = client.gather(client.map(function, items, pure=False))
    return results


def by_batches(client: Any, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Have Dask send a hundred at a time, as its page on batches does."""
    results: list[Any] = client.gather(client.map(function, items, pure=False, batch_size=100))
    return results


def by_bag(_client: Any, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Use Dask's own collection, which makes a hundred partitions."""
    results: list[Any] = dask.bag.from_sequence(items).map(function).compute()
    return results


WAYS: dict[str, Way] = {OURS: by_poolwise, "Client.map": by_map, "Client.map, batches": by_batches, "dask.bag": by_bag}


def measure(client: Any, case: Case, rounds: int, share: float) -> dict[str, list[float]]:
    """Give each way's seconds in each round."""
    items = case.items(max(WORKERS, round(case.count * share)))
    expected = [case.function(item) for item in items]
    taken: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(rounds):
        names = list(WAYS)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            begun = time.perf_counter()
            results = WAYS[name](client, case.function, items)
            taken[name].append(time.perf_counter() - begun)
            if results != expected:
                raise SystemExit(f"{name} gave wrong results for {case.name}")
    return taken


def main() -> None:
    """Start a Dask, measure on it, and end it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="*", help=f"parts of: {', '.join(case.name for case in CASES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0)
    asked = parser.parse_args()
    where: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": None, "silence_logs": logging.CRITICAL}
    with (
        distributed.LocalCluster(n_workers=WORKERS, threads_per_worker=1, **where) as cluster,
        distributed.Client(cluster) as client,
    ):
        print(f"Dask {distributed.__version__}, {WORKERS} processes of one thread, {asked.rounds} rounds\n")
        print("| case | way | median | × Poolwise, median [least – most] |\n|---|---|---|---|")
        for case in CASES:
            if not asked.case or any(part in case.name for part in asked.case):
                print(show(case, measure(client, case, asked.rounds, asked.share)), flush=True)


if __name__ == "__main__":
    main()
