"""Poolwise on Dask against Dask's own ways, on a Dask of this machine: Client.map, and dask.bag.

Run: ``python -m benchmarks.clusters.dask_peers [CASE ...] [--rounds N] [--share S]``. In each round all ways do the
same items on the same cluster, in turning order. A ratio is taken within a round. ``--share 0.1``: a tenth of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import dask.bag
import distributed

import poolwise
from benchmarks.clusters.cases import OURS, WORKERS, Way, arguments, compare


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


def main() -> None:
    """Start a Dask, measure on it, and end it."""
    asked = arguments(__doc__)
    where: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": None, "silence_logs": logging.CRITICAL}
    with (
        distributed.LocalCluster(n_workers=WORKERS, threads_per_worker=1, **where) as cluster,
        distributed.Client(cluster) as client,
    ):
        print(f"Dask {distributed.__version__}, {WORKERS} processes of one thread, {asked.rounds} rounds\n")
        compare(WAYS, client, asked)


if __name__ == "__main__":
    main()
