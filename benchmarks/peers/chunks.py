"""The best chunk size of a peer, found by trying a few."""

from __future__ import annotations

from collections.abc import Callable

# The smallest chunks that are tried make no more pieces than this: peers take up to 1 ms for each.
MOST_PIECES = 20_000
# What is this much slower than the best at the first try is not tried again.
HOPELESS = 1.25


def candidates(tasks: int, workers: int) -> list[int]:
    """Give the sizes: so that each worker gets 1, 4, 16, 64, 256 chunks, and single items where they are few.

    >>> candidates(64, 2)
    [1, 2, 8, 32]
    """
    sizes = {max(1, tasks // (workers * each)) for each in (1, 4, 16, 64, 256)}
    sizes |= {1} if tasks <= MOST_PIECES // 2 else set()
    return sorted(size for size in sizes if tasks / size <= MOST_PIECES)


def find_best(
    sizes: list[int | None], measure: Callable[[int | None], float | None], tries: int
) -> tuple[int | None, dict[str, float]]:
    """Give the size with the least time of so many tries, and the least time of each size.

    ``measure`` gives the seconds that a size takes, or None where it failed.
    """
    least: dict[int | None, float] = {}
    for turn in range(tries):
        for size in sizes:
            if turn and least.get(size, float("inf")) > HOPELESS * min(least.values(), default=0):
                continue
            seconds = measure(size)
            if seconds is not None:
                least[size] = min(seconds, least.get(size, seconds))
    best = min(least, key=lambda size: least[size]) if least else sizes[0]
    return best, {"its own" if size is None else str(size): seconds for size, seconds in least.items()}
