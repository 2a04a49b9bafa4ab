"""Measure again the constants of ``poolwise/decide/cost.py`` on this machine: what starting and handing over cost.

Run: ``python benchmarks/constants.py``. Each figure is the median of several rounds, in microseconds.
"""

from __future__ import annotations

import statistics
import time

from poolwise.backends import Backend, create
from poolwise.model.events import Chunk, ChunkDone, WorkerReady
from poolwise.model.options import HAS_INTERPRETERS
from poolwise.model.plan import Plan
from poolwise.work.call import make_call
from poolwise.work.items import make_items
from poolwise.work.job import Job

CHUNKS = 200
ROUNDS = 7


def nothing(item: int) -> int:
    """Take no time."""
    return item


async def nothing_async(item: int) -> int:
    """Take no time, in an event loop."""
    return item


def until(backend: Backend, wanted: type, count: int) -> None:
    """Wait for so many events of a type."""
    while count > 0:
        count -= sum(isinstance(event, wanted) for event in backend.wait(None))


def one_round(plan: Plan, workers: int) -> tuple[float, float, float]:
    """Give the seconds to start the workers, for a chunk there and back, and to end the workers."""
    function = nothing_async if plan.backend == "asyncio" else nothing
    items = make_items((range(CHUNKS),))
    backend = create(plan, Job(call=make_call(function, spread=False), items=items))
    begun = time.perf_counter()
    for worker in range(workers):
        backend.start(worker)
    until(backend, WorkerReady, workers)
    started = time.perf_counter()
    for index in range(CHUNKS):
        backend.send(0, Chunk(index, index, index + 1), None if backend.inherits_items(0) else [index])
        until(backend, ChunkDone, 1)
    run = time.perf_counter()
    backend.close(abort=False)
    return started - begun, (run - started) / CHUNKS, time.perf_counter() - run


def main() -> None:
    """Print the table."""
    print(f"{'backend':24}{'workers':>8}{'start':>10}{'chunk':>10}{'end':>10}   (µs; start and end for all workers)")
    ways = [
        ("threads", None),
        ("asyncio", None),
        ("processes", "fork"),
        ("processes", "forkserver"),
        ("processes", "spawn"),
        *([("interpreters", None)] if HAS_INTERPRETERS else []),
    ]
    for backend, method in ways:
        for workers in (1, 2, 4) if backend in ("processes", "interpreters") else (1, 8, 64):
            plan = Plan(backend=backend, workers=workers, start_method=method)
            rounds = [one_round(plan, workers) for _ in range(ROUNDS)]
            figures = [statistics.median(column) * 1e6 for column in zip(*rounds, strict=True)]
            print(f"{backend + ' ' + (method or ''):24}{workers:8}" + "".join(f"{each:10.0f}" for each in figures))


if __name__ == "__main__":
    main()
