"""joblib with its usual backend, loky."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from benchmarks.peers.ways.way import Way


class Joblib(Way):
    """``Parallel``; the executor under it for single tasks. Start-up includes the end of loky's workers."""

    def __enter__(self) -> Self:
        """Make the context in which workers are kept."""
        self._parallel = Parallel(n_jobs=self.workers, batch_size=self.chunk or "auto")
        self._parallel.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the context, and end the workers, which joblib itself would keep for some minutes."""
        self._parallel.__exit__(None, None, None)
        get_reusable_executor().shutdown(wait=True)

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Use ``Parallel``."""
        results: list[Any] = self._parallel(delayed(function)(item) for item in items)
        return results

    def stream(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Use ``Parallel`` with ``return_as="generator"``, which shares the workers."""
        stream = Parallel(n_jobs=self.workers, batch_size=self.chunk or "auto", return_as="generator")
        results: Iterator[Any] = stream(delayed(function)(item) for item in items)
        return results

    def submit(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Use loky's executor: joblib has no single tasks."""
        executor = get_reusable_executor(max_workers=self.workers)
        tasks = [executor.submit(function, item) for item in items]
        return [task.result() for task in tasks]


WAY = Joblib
