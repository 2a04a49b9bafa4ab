"""What the benchmarks ask of a peer. What a peer does not have raises ``Missing``, and the table says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self


class Missing(Exception):  # noqa: N818 - nothing went wrong: the peer has no such form
    """The peer has no such form; the text says which."""


class Way:
    """One peer, used as its documentation says. Entering makes the pool, leaving ends it and its processes."""

    def __init__(self, *, workers: int, method: str | None, chunk: int | None, form: str) -> None:
        """Take what a run is given: the start method and the chunk size are None where the peer does not let choose."""
        self.workers = workers
        self.method = method
        self.chunk = chunk
        self.form = form
        self.note = ""
        """What the table should say of this run."""
        self.figures: dict[str, float] = {}
        """What else this way has measured."""

    def __enter__(self) -> Self:
        """Make the pool."""
        raise NotImplementedError

    def __exit__(self, *error: object) -> None:
        """End the pool."""
        raise NotImplementedError

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Give all results in order."""
        raise NotImplementedError

    def stream(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Give the results one by one, reading the items as lazily as the peer can."""
        raise NotImplementedError

    def submit(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Hand in each item as a task of its own, then wait for all results."""
        raise NotImplementedError

    # What a peer may know better than by these defaults.

    def map_once(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Make a pool, give all results in order, end the pool."""
        with self:
            return self.map(function, items)

    def stream_once(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Make a pool, give the results one by one, end the pool."""
        with self:
            yield from self.stream(function, items)

    def take_arrays(self, function: Callable[[Any], Any], arrays: Sequence[Any]) -> Iterable[Any]:
        """Call the function on big arrays; the results are small."""
        return self.stream(function, (array for array in arrays))

    def give_arrays(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Give big arrays one by one, in any order."""
        return self.stream(function, items)

    def take_arrays_once(self, function: Callable[[Any], Any], arrays: Sequence[Any]) -> Iterable[Any]:
        """Do ``take_arrays``, with a pool of its own."""
        with self:
            return list(self.take_arrays(function, arrays))

    def give_arrays_once(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Do ``give_arrays``, with a pool of its own."""
        with self:
            yield from self.give_arrays(function, items)
