"""The functions that are mapped and the items that they are mapped over: the same for every peer.

They stand in a module of their own, so that every peer can pickle them by name. NumPy is imported inside, by the parts
with arrays only: it starts threads of its own, and a peer that asks whether a fork is safe would see them.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

# Loops of ``spin`` that take about 10 µs, 100 µs and 1 ms on CPython 3.11 (17 ns a loop on the machine that we wrote
# this on). A count and not a clock: the work stays the same however busy the machine is.
LOOPS = {"10us": 600, "100us": 6_000, "1ms": 60_000}
# Where ``spin`` goes from each number: small ones, of which Python keeps one each.
NEXT = tuple((number * 5 + 1) & 0xFF for number in range(256))

ARRAYS = 64
ARRAY_LENGTH = 1_000_000  # float64: 8 MB


def plus_one(x: int) -> int:
    """Do next to nothing."""
    return x + 1


def spin(loops: int, value: int) -> int:
    """Compute in pure Python, without making any object.

    A loop that makes numbers takes up to half as long again where the allocator's page is just full: in one process it
    is, in another not, and the comparison would be of that.
    """
    value &= 0xFF
    for _ in itertools.repeat(None, loops):
        value = NEXT[value]
    return value


def task_10us(item: int) -> int:
    """Compute for about 10 µs."""
    return spin(LOOPS["10us"], item)


def task_100us(item: int) -> int:
    """Compute for about 100 µs."""
    return spin(LOOPS["100us"], item)


def task_1ms(item: int) -> int:
    """Compute for about 1 ms."""
    return spin(LOOPS["1ms"], item)


def uneven_task(loops: int) -> int:
    """Compute for as long as the item says."""
    return spin(loops, loops & 0xFF)


def uneven_items() -> list[int]:
    """Give log-normal numbers of loops, about 1.5 s in all, and last five of 100 to 400 times the median."""
    numbers = random.Random(20_240_229)
    usual = [round(LOOPS["100us"] * numbers.lognormvariate(0, 1)) for _ in range(8_000)]
    return usual + [LOOPS["100us"] * times for times in (100, 300, 200, 400, 100)]


def sum_array(array: Any) -> float:
    """Reduce a big argument to a small result."""
    return float(array.sum())


def make_array(number: int) -> Any:
    """Make a big result of a small argument."""
    import numpy as np  # noqa: PLC0415 - see the docstring of this module

    return np.full(ARRAY_LENGTH, float(number))


def array_items() -> Sequence[Any]:
    """Make the arrays, all different: a peer that sends an array which it knows only once would be no measure."""
    import numpy as np  # noqa: PLC0415 - see the docstring of this module

    return [np.arange(number, number + ARRAY_LENGTH, dtype=np.float64) for number in range(ARRAYS)]
