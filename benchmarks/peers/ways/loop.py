"""The plain loop: what all results are checked against."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from benchmarks.peers.ways.way import Way


class Loop(Way):
    """No pool at all."""

    def __enter__(self) -> Self:
        """Do nothing."""
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing."""

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Call the function in a list comprehension."""
        return [function(item) for item in items]

    def stream(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Call the function item by item."""
        return (function(item) for item in items)

    def submit(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Call the function: a loop has no tasks."""
        return [function(item) for item in items]


def durations(function: Callable[[Any], Any], items: Sequence[Any]) -> list[float]:
    """Give the seconds that each item takes."""
    clock = time.perf_counter
    stamps = [clock()]
    for item in items:
        function(item)
        stamps.append(clock())
    return [after - before for before, after in itertools.pairwise(stamps)]


WAY = Loop
