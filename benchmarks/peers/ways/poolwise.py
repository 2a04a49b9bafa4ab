"""Poolwise itself, with processes asked for and no chunk size given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

import poolwise
from benchmarks.peers.ways.way import Missing, Way


class Poolwise(Way):
    """``map`` and ``imap`` where the start-up is included, ``Pool`` where the pool is warm."""

    def __enter__(self) -> Self:
        """Start the workers."""
        pool = getattr(poolwise, "Pool", None)
        if pool is None:
            raise Missing("there is no poolwise.Pool yet")
        self._pool = pool("processes", max_workers=self.workers)
        self._pool.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """End them."""
        self._pool.__exit__(None, None, None)

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Use ``Pool.map``."""
        return list(self._pool.map(function, items))

    def stream(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Use ``Pool.map``."""
        return iter(self._pool.map(function, items))

    def submit(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Use ``Pool.submit``."""
        tasks = [self._pool.submit(function, item) for item in items]
        return [task.result() for task in tasks]

    def map_once(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Use ``poolwise.map``."""
        results = poolwise.map(function, items, **self._options())
        self.note = f"start method {results.report.plan.start_method}"
        return results

    def stream_once(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Use ``poolwise.imap``."""
        return poolwise.imap(function, items, **self._options())

    def take_arrays_once(self, function: Callable[[Any], Any], arrays: Sequence[Any]) -> Iterable[Any]:
        """Give the arrays in the form that is asked for."""
        if "list" in self.form:
            return self.map_once(function, arrays)
        generator = (array for array in arrays)
        if "imap" in self.form:
            return list(self.stream_once(function, generator))
        return self.map_once(function, generator)

    def give_arrays_once(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Use ``poolwise.imap``."""
        return self.stream_once(function, items)

    def _options(self) -> dict[str, Any]:
        """Give the options; a start method only where it is what the part is about."""
        options: dict[str, Any] = {"backend": "processes", "max_workers": self.workers}
        return options | ({"start_method": self.method} if self.method else {})


WAY = Poolwise
