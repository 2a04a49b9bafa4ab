"""Pure Python that computes for about a given time: a count of loops, so that the work is the same in each run."""

from __future__ import annotations

import itertools

# On the machine that this was written on (CPython 3.11) so many take a millisecond.
LOOPS_PER_MS = 60_000
NEXT = tuple((number * 5 + 1) & 0xFF for number in range(256))


def spin(loops: int, value: int) -> int:
    """Walk through a table, holding the GIL and making no objects."""
    value &= 0xFF
    for _ in itertools.repeat(None, loops):
        value = NEXT[value]
    return value


def milliseconds(count: float, value: int) -> int:
    """Compute for about so many milliseconds."""
    return spin(int(count * LOOPS_PER_MS), value)
