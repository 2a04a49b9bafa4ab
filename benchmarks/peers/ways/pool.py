"""``multiprocessing.Pool``."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from benchmarks.peers.ways.way import Way


class Pool(Way):
    """``map`` and ``imap`` with a chunk size, ``apply_async`` for single tasks."""

    def __enter__(self) -> Self:
        """Start the workers."""
        self._pool = multiprocessing.get_context(self.method).Pool(self.workers)
        return self

    def __exit__(self, *error: object) -> None:
        """End them the orderly way: ``terminate``, which ``with`` would call, takes longer."""
        self._pool.close()
        self._pool.join()

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Use ``Pool.map``."""
        return self._pool.map(function, items, chunksize=self.chunk)

    def stream(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Use ``Pool.imap``, which reads its items as fast as they come, and has 1 for a default chunk size."""
        return self._pool.imap(function, items, chunksize=self.chunk or 1)

    def submit(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Use ``Pool.apply_async``."""
        tasks = [self._pool.apply_async(function, (item,)) for item in items]
        return [task.get() for task in tasks]


WAY = Pool
