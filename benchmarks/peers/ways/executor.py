"""``concurrent.futures.ProcessPoolExecutor``."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Self

from benchmarks.peers.ways.way import Way


class Executor(Way):
    """``map`` with a chunk size, ``submit`` for single tasks."""

    def __enter__(self) -> Self:
        """Make the executor; it starts its workers with the first task."""
        self._executor = ProcessPoolExecutor(self.workers, mp_context=multiprocessing.get_context(self.method))
        return self

    def __exit__(self, *error: object) -> None:
        """End the workers."""
        self._executor.shutdown()

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Use ``Executor.map``."""
        return list(self.stream(function, items))

    def stream(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Use ``Executor.map``: before Python 3.14 (``buffersize``) it reads all items at once."""
        return self._executor.map(function, items, chunksize=self.chunk or 1)

    def submit(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Use ``Executor.submit``."""
        tasks = [self._executor.submit(function, item) for item in items]
        return [task.result() for task in tasks]


WAY = Executor
