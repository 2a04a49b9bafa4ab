"""What clusters leave to their users: a stream with a bounded number of tasks under way, in order."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# Enough for every worker to have work while the oldest result is waited for.
UNDER_WAY_EACH = 4


def windowed(
    items: Iterable[Any], submit: Callable[[Any], Any], result: Callable[[Any], Any], workers: int
) -> Iterator[Any]:
    """Give the result of each item in order, reading only so many items ahead."""
    under_way: collections.deque[Any] = collections.deque()
    for item in items:
        under_way.append(submit(item))
        if len(under_way) >= UNDER_WAY_EACH * workers:
            yield result(under_way.popleft())
    while under_way:
        yield result(under_way.popleft())


def slices(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Cut items into lists."""
    left = iter(items)
    while part := list(itertools.islice(left, size)):
        yield part
