"""pebble."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from pebble import ProcessPool

from benchmarks.peers.ways.way import Way


class Pebble(Way):
    """``ProcessPool``."""

    def __enter__(self) -> Self:
        """Make the pool; it starts its workers with the first task."""
        self._pool = ProcessPool(max_workers=self.workers, context=multiprocessing.get_context(self.method))
        return self

    def __exit__(self, *error: object) -> None:
        """End the workers the orderly way."""
        self._pool.close()
        self._pool.join()

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Use ``ProcessPool.map``."""
        return list(self.stream(function, items))

    def stream(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Use ``ProcessPool.map``, which reads all items at once."""
        results: Iterator[Any] = self._pool.map(function, items, chunksize=self.chunk or 1).result()
        return results

    def submit(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Use ``ProcessPool.schedule``."""
        tasks = [self._pool.schedule(function, (item,)) for item in items]
        return [task.result() for task in tasks]


WAY = Pebble
