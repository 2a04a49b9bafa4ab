"""Ray on this machine only; it serves on 127.0.0.1, without its dashboard."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

# Read by Ray when it is imported: stay on the local interface, tell nobody that it is used.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from ray.util.multiprocessing import Pool

from benchmarks.peers.ways.way import Way
from benchmarks.peers.ways.windowed import windowed

# More than all arrays together: nothing is written to disk.
STORE_BYTES = 2_000_000_000


class Ray(Way):
    """Its pool, with the interface of ``multiprocessing.Pool``, for maps and streams; remote functions for the rest."""

    def __enter__(self) -> Self:
        """Start Ray."""
        ray.init(
            num_cpus=self.workers,
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            log_to_driver=False,
            logging_level="ERROR",
            _node_ip_address="127.0.0.1",
            _temp_dir=tempfile.gettempdir(),
        )
        return self

    def __exit__(self, *error: object) -> None:
        """End Ray and its processes."""
        ray.shutdown()

    @functools.cached_property
    def _pool(self) -> Pool:
        """The pool, made when it is needed: its actors take all cores, and remote functions would wait for ever."""
        return Pool(processes=self.workers)

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Use ``Pool.map``."""
        results: list[Any] = self._pool.map(function, items, chunksize=self.chunk)
        return results

    def stream(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Use ``Pool.imap``."""
        results: Iterator[Any] = self._pool.imap(function, items, chunksize=self.chunk or 1)
        return results

    def submit(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Use a remote function."""
        remote = ray.remote(function)
        results: list[Any] = ray.get([remote.remote(item) for item in items])
        return results

    def take_arrays(self, function: Callable[[Any], Any], arrays: Sequence[Any]) -> Iterator[Any]:
        """Put each array into the object store."""
        remote = ray.remote(function)
        return windowed(arrays, lambda array: remote.remote(ray.put(array)), ray.get, self.workers)

    def give_arrays(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Take each array from the object store."""
        return windowed(items, ray.remote(function).remote, ray.get, self.workers)


WAY = Ray
