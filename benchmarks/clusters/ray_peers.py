"""Poolwise on Ray against Ray's own ways, on a Ray of this machine: tasks, its multiprocessing.Pool, its ActorPool.

Run: ``python -m benchmarks.clusters.ray_peers [CASE ...] [--rounds N] [--share S] [--json FILE]``. In each round all
ways do the same items, in turning order, and each way's time includes what it starts: actors, for all but the tasks,
which run in processes that Ray keeps. A ratio is taken within a round. ``--share 0.1``: a tenth of the items.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import poolwise
from benchmarks.clusters.cases import OURS, WORKERS, Way, arguments, compare


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


WAYS: dict[str, Way] = {
    OURS: by_poolwise,
    "ray.get of tasks": by_tasks,
    "ray.util.multiprocessing.Pool": by_pool,
    "ray.util.ActorPool": by_actor_pool,
}


def _wait_until_free(ray: Any) -> None:
    """Let the actors of the way before end: they would stand in the way of the next."""
    while ray.available_resources().get("CPU", 0) < WORKERS:
        time.sleep(0.05)


def main() -> None:
    """Start a Ray, measure on it, and end it."""
    asked = arguments(__doc__)
    folder = tempfile.mkdtemp(prefix="pw-ray-")
    os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))
    import ray  # noqa: PLC0415 - it reads the environment

    where: dict[str, Any] = {"_node_ip_address": "127.0.0.1", "include_dashboard": False, "_temp_dir": folder}
    ray.init(num_cpus=WORKERS, logging_level=logging.ERROR, log_to_driver=False, **where)
    try:
        print(f"Ray {ray.__version__}, {WORKERS} CPUs, {asked.rounds} rounds\n")
        compare(WAYS, ray, asked, rest=lambda: _wait_until_free(ray))
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
