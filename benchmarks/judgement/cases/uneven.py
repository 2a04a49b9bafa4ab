"""Items that differ, work that changes its nature, items that come slowly."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from benchmarks.judgement.case import Case
from benchmarks.judgement.cases.spinning import milliseconds

SLOW_MS = 200.0


def crunch(ms: float) -> int:
    """Compute for as long as the item says."""
    return milliseconds(ms, int(ms * 100))


def heavy_tailed(count: int) -> list[float]:
    """Give Pareto milliseconds: most short, a few very long."""
    numbers = random.Random(42)
    return [min(SLOW_MS, numbers.paretovariate(1.1)) for _ in range(count)]


def slow_last(count: int) -> list[float]:
    """Give short items, and a slow one at the end."""
    return [1.0] * (count - 1) + [SLOW_MS]


def slow_first(count: int) -> list[float]:
    """Give a slow item, then short ones."""
    return [SLOW_MS] + [1.0] * (count - 1)


def slow_in_the_middle(count: int) -> list[float]:
    """Give short items, and a slow one among them."""
    return [1.0] * (count // 2) + [SLOW_MS] + [1.0] * (count - count // 2 - 1)


def growing(count: int) -> list[float]:
    """Give items that take longer and longer."""
    return [0.02 * (number + 1) for number in range(count)]


def wait_or_compute(ms: float) -> float:
    """Wait for a negative time, compute for a positive one."""
    if ms < 0:
        time.sleep(-ms / 1000)
        return ms
    return milliseconds(ms, 1)


def computing_then_waiting(count: int) -> list[float]:
    """Give items that compute for 3 ms, then as many that wait for 20 ms."""
    return [3.0] * (count // 2) + [-20.0] * (count - count // 2)


def waiting_then_computing(count: int) -> list[float]:
    """Give them the other way round."""
    return computing_then_waiting(count)[::-1]


def by_turns(count: int) -> list[float]:
    """Give one that waits for each that computes."""
    return [-10.0 if number % 2 else 3.0 for number in range(count)]


def tiny_then_heavy(count: int) -> list[float]:
    """Give items of some microseconds, and in the end some that compute for 3 ms."""
    return [0.005] * (count - 150) + [3.0] * 150


def slow_to_come(count: int) -> Iterator[int]:
    """Give an item every 4 ms, as lines of a slow source come."""
    for number in range(count):
        time.sleep(0.004)
        yield number


def costly_to_make(count: int) -> Iterator[int]:
    """Give items that take 1 ms of computing each, as from a parser."""
    for number in range(count):
        milliseconds(1, number)
        yield number


def nap_20ms(item: int) -> int:
    """Wait for 20 ms."""
    time.sleep(0.02)
    return item


def crunch_3ms(item: int) -> int:
    """Compute for 3 ms."""
    return milliseconds(3, item)


def crunch_100us(item: int) -> int:
    """Compute for 100 µs."""
    return milliseconds(0.1, item)


CASES = (
    Case(name="compute, heavy-tailed", function=crunch, items=heavy_tailed, count=200),
    Case(name="a slow item last", function=crunch, items=slow_last, count=300),
    Case(name="a slow item first", function=crunch, items=slow_first, count=300),
    Case(name="a slow item in the middle", function=crunch, items=slow_in_the_middle, count=300),
    Case(name="growing items", function=crunch, items=growing, count=200),
    Case(name="computing, then waiting", function=wait_or_compute, items=computing_then_waiting, count=300),
    Case(name="waiting, then computing", function=wait_or_compute, items=waiting_then_computing, count=300),
    Case(name="waiting and computing by turns", function=wait_or_compute, items=by_turns, count=300),
    Case(name="tiny, then heavy", function=wait_or_compute, items=tiny_then_heavy, count=10_000),
    Case(name="slow generator, waiting work", function=nap_20ms, items=slow_to_come, count=60),
    Case(name="slow generator, computing work", function=crunch_3ms, items=slow_to_come, count=60),
    Case(name="costly generator, computing work", function=crunch_3ms, items=costly_to_make, count=150),
    Case(name="fast generator", function=crunch_100us, items=lambda count: (n for n in range(count)), count=4_000),
)
