"""One way of one case, measured in a process of its own: prints a line of JSON. ``run.py`` starts it, many times."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import poolwise

PRIMES_BELOW = 1_000_000
PRIMES_SUM = 37550402023
# Of the halves for two hand-forked processes, each gets every other block: primes cost more the larger they are.
BLOCK = 1000


def plus_one(x: int) -> int:
    """Do next to nothing."""
    return x + 1


def nap(item: int) -> int:
    """Wait."""
    time.sleep(0.01)
    return item


async def nap_async(item: int) -> int:
    """Wait, in an event loop."""
    await asyncio.sleep(0.01)
    return item


def is_prime(n: int) -> bool:
    """Tell by trial division, as in the article."""
    if n < 4:
        return n > 1
    if n % 2 == 0:
        return False
    divisor = 3
    while divisor * divisor <= n:
        if n % divisor == 0:
            return False
        divisor += 2
    return True


def digest(block: bytes) -> str:
    """Compute in C, with the GIL let go."""
    return hashlib.sha256(block).hexdigest()


def count_up(item: int) -> int:
    """Compute in Python, about as long as the digest of a megabyte takes."""
    total = 0
    for value in range(16_000):
        total += value * item
    return total


def sum_primes(flags: Iterable[bool]) -> int:
    """Add up the numbers whose flag is set."""
    return sum(n for n, flag in enumerate(flags) if flag)


def forked_halves(parts: list[list[range]]) -> int:
    """Sum the primes by hand: a forked child for each part sends its flags back through a pipe."""
    pipes = []
    for ranges in parts:
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump([[is_prime(n) for n in each] for each in ranges], pipe, protocol=5)
            os._exit(0)
        os.close(writing)
        pipes.append(os.fdopen(reading, "rb"))
    total = 0
    for ranges, pipe in zip(parts, pipes, strict=True):
        for numbers, flags in zip(ranges, pickle.load(pipe), strict=True):
            total += sum(n for n, flag in zip(numbers, flags, strict=True) if flag)
        pipe.close()
        os.wait()
    return total


def plain_halves() -> int:
    """Give each child one contiguous half."""
    half = PRIMES_BELOW // 2
    return forked_halves([[range(half)], [range(half, PRIMES_BELOW)]])


def fair_halves() -> int:
    """Give each child every other block, so that both have the same work."""
    blocks = [range(start, start + BLOCK) for start in range(0, PRIMES_BELOW, BLOCK)]
    return forked_halves([blocks[::2], blocks[1::2]])


def with_threads(function: Callable[[Any], Any], items: Iterable[Any], workers: int) -> list[Any]:
    """Map with the standard library's threads."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


NUMBERS = range(PRIMES_BELOW)
BLOCKS = [bytes([value]) * (1 << 20) for value in range(100)]
COUNTS = range(100)
NAPS = range(200)

CASES: dict[str, dict[str, Callable[[], Any]]] = {
    "x + 1, 100,000 items": {
        "list comprehension": lambda items=list(range(100_000)): [plus_one(x) for x in items],
        "poolwise": lambda items=list(range(100_000)): poolwise.map(plus_one, items),
    },
    "sleep 10 ms, 200 items": {
        "loop": lambda: [nap(item) for item in NAPS],
        "poolwise": lambda: poolwise.map(nap, NAPS),
        "200 threads": lambda: with_threads(nap, NAPS, 200),
    },
    "primes below 1,000,000": {
        "two forked, fair halves": fair_halves,
        "poolwise": lambda: sum_primes(poolwise.map(is_prime, NUMBERS)),
        "two forked, plain halves": plain_halves,
        "loop": lambda: sum_primes([is_prime(n) for n in NUMBERS]),
    },
    "sha256 of 1 MB, 100 items": {
        "loop": lambda: [digest(block) for block in BLOCKS],
        "poolwise": lambda: poolwise.map(digest, BLOCKS),
        "threads": lambda: poolwise.map(digest, BLOCKS, backend="threads", max_workers=2),
        "processes": lambda: poolwise.map(digest, BLOCKS, backend="processes", max_workers=2),
    },
    "pure Python 1 ms, 100 items": {
        "loop": lambda: [count_up(item) for item in COUNTS],
        "poolwise": lambda: poolwise.map(count_up, COUNTS),
        "threads": lambda: poolwise.map(count_up, COUNTS, backend="threads", max_workers=2),
        "processes": lambda: poolwise.map(count_up, COUNTS, backend="processes", max_workers=2),
    },
    "coroutine, 10 ms, 200 items": {
        "poolwise": lambda: poolwise.map(nap_async, NAPS),
        "gather by hand": lambda: asyncio.run(_gather()),
    },
    "x + 1, ten items": {
        "list comprehension": lambda: [plus_one(x) for x in range(10)],
        "poolwise": lambda: poolwise.map(plus_one, range(10)),
    },
}


async def _gather() -> list[int]:
    return list(await asyncio.gather(*(nap_async(item) for item in NAPS)))


def main() -> None:
    """Run one way once and print what came of it."""
    case, way = sys.argv[1:3]
    run = CASES[case][way]
    poolwise.map(plus_one, range(3))  # what is imported when first used is not what is measured
    begun = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - begun
    report = getattr(result, "report", None)
    print(json.dumps({"seconds": seconds, "check": _check(result), "chosen": report.plan.backend if report else None}))


def _check(result: object) -> str:
    """Give the same text for the same results, whoever made them."""
    plain = list(result) if isinstance(result, list) else result
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:12]


if __name__ == "__main__":
    main()
