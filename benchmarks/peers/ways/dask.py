"""Dask with a local cluster of processes, which serves on 127.0.0.1 only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from dask.distributed import Client, LocalCluster

from benchmarks.peers.ways.way import Way
from benchmarks.peers.ways.windowed import slices, windowed


@dataclass(frozen=True, slots=True)
class Whole:
    """A chunk as one value: in a list Dask looks at every item, on both ways, which takes 30 µs for each."""

    values: Sequence[Any]


def run_slice(function: Callable[[Any], Any], part: Whole) -> Whole:
    """Call the function on each item of a chunk, in a worker."""
    return Whole([function(item) for item in part.values])


class Dask(Way):
    """Futures. ``pure=False``: the same call again is not answered from memory.

    A bag (``dask.bag.from_sequence``) was tried: it takes 40 µs for each item, more than a minute for a million.
    """

    def __enter__(self) -> Self:
        """Start the cluster and connect to it."""
        self._cluster = LocalCluster(
            n_workers=self.workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
        )
        self._client = Client(self._cluster)
        return self

    def __exit__(self, *error: object) -> None:
        """Disconnect and end the cluster."""
        self._client.close()
        self._cluster.close()

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Use ``Client.submit`` for each chunk; without a chunk size, for each item."""
        if self.chunk is None:
            return self.submit(function, items)
        parts = (items[start : start + self.chunk] for start in range(0, len(items), self.chunk))
        tasks = [self._client.submit(run_slice, function, Whole(part), pure=False) for part in parts]
        return [value for part in self._client.gather(tasks) for value in part.values]

    def stream(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Use ``Client.submit`` with a window of our own: Dask has no lazy form."""
        if self.chunk is None:
            yield from self._window(items, lambda item: (function, item))
            return
        for part in self._window(slices(items, self.chunk), lambda part: (run_slice, function, Whole(part))):
            yield from part.values

    def submit(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Use ``Client.submit`` and gather."""
        results: list[Any] = self._client.gather([self._client.submit(function, item, pure=False) for item in items])
        return results

    def take_arrays(self, function: Callable[[Any], Any], arrays: Sequence[Any]) -> Iterator[Any]:
        """Scatter each array, as is advised for big arguments."""
        return self._window(arrays, lambda array: (function, self._client.scatter(array, hash=False)))

    def _window(self, items: Iterable[Any], call: Callable[[Any], tuple[Any, ...]]) -> Iterator[Any]:
        def submit(item: Any) -> Any:
            return self._client.submit(*call(item), pure=False)

        return windowed(items, submit, lambda task: task.result(), self.workers)


WAY = Dask
