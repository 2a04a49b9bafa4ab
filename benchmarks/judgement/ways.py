"""The ways to run a function over items: those that an expert would try by hand.

A way is made before the clock, so that what it imports does not count; its call, from the start of a pool to its end,
does.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.pool import ThreadPool
from typing import Any

Function = Callable[[Any], Any]
Runner = Callable[[Function, Iterable[Any]], list[Any]]

THREADS = (2, 4, 8, 16, 32, 64, 128)
PROCESSES = (1, 2, 4, 8, 16)
THREADS_EACH = (4, 8, 16, 32, 64)
TASKS = (2, 4, 8, 16, 32, 64, 128, 256)
FORK = "fork"

# What forked workers find in their copy of this process: an expert whose function cannot be pickled does it so.
_inherited: list[Any] = []


@dataclass(frozen=True, slots=True)
class Way:
    """One way, with so many workers in all."""

    name: str
    workers: int
    run: Runner


@dataclass(frozen=True, slots=True)
class Ladder:
    """Ways that differ in the number of workers only, fewer first."""

    rungs: tuple[Way, ...]
    start: int = 0
    """The rung that a search begins with, to go up and down from there."""
    beside: dict[int, tuple[Way, ...]] = field(default_factory=dict)
    """By the number of workers: other ways with as many, to be tried where that number is good."""


def hand_tuned(*, coroutine: bool) -> list[Ladder]:
    """Give all ways; the first is the loop."""
    return _for_coroutines() if coroutine else _for_functions()


def by_name(name: str, *, coroutine: bool) -> Runner:
    """Find a way."""
    ladders = hand_tuned(coroutine=coroutine)
    ways = [way for ladder in ladders for way in (*ladder.rungs, *itertools.chain(*ladder.beside.values()))]
    return {way.name: way.run for way in ways}[name]


# --- Ordinary functions ---------------------------------------------------------------------------------------


def loop(function: Function, items: Iterable[Any]) -> list[Any]:
    """Call one after another."""
    return [function(item) for item in items]


def _for_functions() -> list[Ladder]:
    mixed = [Way(f"2 processes × {n} threads", 2 * n, _forked_threads(2, n)) for n in THREADS_EACH]
    return [
        Ladder((Way("loop", 1, loop),)),
        Ladder(
            tuple(Way(f"threads {n}", n, _threads(n)) for n in THREADS),
            start=THREADS.index(16),
            beside={n: (Way(f"threads {n}, in chunks", n, _chunked_threads(n)),) for n in (2, 4)},
        ),
        Ladder(
            tuple(_inheriting(n, "quarters") for n in PROCESSES),
            start=PROCESSES.index(2),
            beside={n: tuple(_other_pools(n)) for n in PROCESSES},
        ),
        Ladder(tuple(mixed), start=THREADS_EACH.index(16)),
    ]


def _inheriting(workers: int, rule: str) -> Way:
    return Way(f"inherit {workers}, {rule}", workers, _inherit(workers, rule))


def _other_pools(workers: int) -> Iterator[Way]:
    """Give the ways with so many processes that differ in what is sent, and in how many items at a time."""
    for rule in RULES:
        yield Way(f"fork {workers}, {rule}", workers, _fork(workers, rule))
        if rule != "quarters":
            yield _inheriting(workers, rule)
    yield Way(f"executor {workers}", workers, _executor(workers))


def _threads(workers: int) -> Runner:
    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(function, items))

    return run


def _chunked_threads(workers: int) -> Runner:
    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        given = items if isinstance(items, Sequence) else list(items)
        with ThreadPool(workers) as pool:
            return pool.map(function, given, chunksize=_chunk(len(given), workers, "quarters"))

    return run


RULES = ("singly", "quarters", "shares")


def _chunk(count: int, workers: int, rule: str) -> int:
    """Give the chunk size: one item, a quarter of a worker's share, or all of it."""
    pieces = {"singly": count, "quarters": 4 * workers, "shares": workers}[rule]
    return max(1, -(-count // max(1, pieces)))


def _fork(workers: int, rule: str) -> Runner:
    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        pool = multiprocessing.get_context(FORK).Pool(workers)
        if isinstance(items, Sequence):
            results = pool.map(function, items, chunksize=_chunk(len(items), workers, rule))
        else:  # what comes slowly is handed on as it comes
            results = list(pool.imap(function, items, chunksize=1 if rule == "singly" else 16))
        _end(pool)
        return results

    return run


def _executor(workers: int) -> Runner:
    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        chunk = _chunk(len(items), workers, "quarters") if isinstance(items, Sequence) else 1
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context(FORK)) as pool:
            return list(pool.map(function, items, chunksize=chunk))

    return run


def _inherit(workers: int, rule: str) -> Runner:
    """The function and the items are in the workers' copies of this process; numbers are all that is sent."""

    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        given = items if isinstance(items, Sequence) else list(items)
        _inherited[:] = [function, given]
        pool = multiprocessing.get_context(FORK).Pool(workers)
        results = pool.map(_call_inherited, range(len(given)), chunksize=_chunk(len(given), workers, rule))
        _end(pool)
        return results

    return run


def _call_inherited(index: int) -> Any:
    function, items = _inherited
    return function(items[index])


def _forked_threads(workers: int, threads: int) -> Runner:
    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        return _in_parts(_map_part_on_threads, function, items, workers, threads)

    return run


def _map_part_on_threads(part: tuple[int, int, int]) -> list[Any]:
    (function, items), (start, step, threads) = _inherited, part
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items[start::step]))


def _in_parts(
    run_part: Callable[[tuple[int, int, int]], list[Any]],
    function: Function,
    items: Iterable[Any],
    workers: int,
    inside: int,
) -> list[Any]:
    """Give each worker every other item, for even shares, and put the results in order again."""
    given = items if isinstance(items, Sequence) else list(items)
    _inherited[:] = [function, given]
    pool = multiprocessing.get_context(FORK).Pool(workers)
    parts = pool.map(run_part, [(start, workers, inside) for start in range(workers)], chunksize=1)
    _end(pool)
    results: list[Any] = [None] * len(given)
    for start, part in enumerate(parts):
        results[start::workers] = part
    return results


def _end(pool: Any) -> None:
    """End the workers the orderly way: ``terminate``, which ``with`` would call, takes longer."""
    pool.close()
    pool.join()


# --- Coroutine functions --------------------------------------------------------------------------------------


def _for_coroutines() -> list[Ladder]:
    forked = [Way(f"2 processes × {n} tasks", 2 * n, _forked_tasks(2, n)) for n in (1, *TASKS)]
    return [
        Ladder((Way("loop", 1, _await_each),)),
        Ladder(tuple(Way(f"{n} tasks", n, _tasks(n)) for n in TASKS), start=TASKS.index(32)),
        Ladder(tuple(forked), start=5),
    ]


def _await_each(function: Callable[[Any], Awaitable[Any]], items: Iterable[Any]) -> list[Any]:
    async def run() -> list[Any]:
        return [await function(item) for item in items]

    return asyncio.run(run())


def _tasks(at_once: int) -> Runner:
    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        return asyncio.run(_gather(function, items, at_once))

    return run


async def _gather(function: Callable[[Any], Awaitable[Any]], items: Iterable[Any], at_once: int) -> list[Any]:
    gate = asyncio.Semaphore(at_once)

    async def call(item: Any) -> Any:
        async with gate:
            return await function(item)

    return await asyncio.gather(*(call(item) for item in items))


def _forked_tasks(workers: int, tasks: int) -> Runner:
    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        return _in_parts(_map_part_as_tasks, function, items, workers, tasks)

    return run


def _map_part_as_tasks(part: tuple[int, int, int]) -> list[Any]:
    (function, items), (start, step, tasks) = _inherited, part
    return asyncio.run(_gather(function, items[start::step], tasks))
