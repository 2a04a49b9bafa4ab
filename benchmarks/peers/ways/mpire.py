"""mpire."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from mpire import WorkerPool

from benchmarks.peers.ways.way import Way


class Mpire(Way):
    """``WorkerPool`` whose workers are kept between maps."""

    def __enter__(self) -> Self:
        """Make the pool; it starts its workers with the first map."""
        self._pool = WorkerPool(n_jobs=self.workers, start_method=self.method, keep_alive=True)
        return self

    def __exit__(self, *error: object) -> None:
        """End the workers the orderly way."""
        self._pool.stop_and_join()

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Use ``WorkerPool.map``."""
        results: list[Any] = self._pool.map(function, items, chunk_size=self.chunk)
        return results

    def stream(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Use ``WorkerPool.imap``."""
        return self._pool.imap(function, items, chunk_size=self.chunk or 1)

    def submit(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Use ``WorkerPool.apply_async``."""
        tasks = [self._pool.apply_async(function, (item,)) for item in items]
        return [task.get() for task in tasks]


WAY = Mpire
