"""Which ways there are to run the rest: for each backend its best number of workers, or why it cannot serve."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from poolwise.backends.protocol import CAPABILITIES
from poolwise.decide.cost import Work, interpreters_cost, loop_cost, processes_cost, tasks_cost, threads_cost
from poolwise.model.classes import frozen
from poolwise.model.options import BACKENDS, BackendName, Options
from poolwise.model.plan import (
    Candidate,
    CannotShip,
    CannotTimeOut,
    Estimate,
    InsideWorker,
    IsCoroutine,
    NeedsInterpreters,
    NoStartMethod,
    NotCoroutine,
    NotIsolated,
    OneCore,
    Reason,
    Waits,
)

# Threads: beyond this, stacks and switches cost more than one more waiter brings, and many servers object.
MOST_THREADS = 128
# Tasks of an event loop are cheaper than threads; open connections are what runs out first (1024 open files is the
# usual limit for a process).
MOST_TASKS = 256
# Processes that also wait: so many for each core at most, since each takes memory.
MOST_PROCESSES_PER_CORE = 4
# A coroutine function that mostly waits stays in one event loop, where what it shares (sessions, locks) keeps working.
COROUTINE_WAITS = 0.5
# Less computing than this share of the time is not what keeps an item.
COMPUTES = 0.05


@frozen
class Question:
    """All that the decision depends on."""

    work: Work
    options: Options


def candidates(question: Question) -> list[Candidate]:
    """Give the best candidate of each backend that the caller allows."""
    forced = question.options.backend
    names = BACKENDS if forced == "auto" else (forced,)
    return [_candidate(question, name) for name in names]


def _candidate(question: Question, name: BackendName) -> Candidate:
    if question.options.backend == "auto" and (why_not := _obstacle(question, name)) is not None:
        return Candidate(name, 1, None, 1, why_not)
    ways = [Candidate(name, workers, estimate, tasks) for workers, tasks, estimate in _ways(question, name)]
    return min(ways, key=lambda way: (_total(way), way.workers))


def _obstacle(question: Question, name: BackendName) -> Reason | None:
    """Why a backend cannot serve at all, if it cannot."""
    work, can = question.work, CAPABILITIES[name]
    if name == "interpreters":
        return _interpreter_obstacle(work)
    if work.profile.coroutine and name in ("loop", "threads"):
        return IsCoroutine()
    if not work.profile.coroutine and not can.plain_functions:
        return NotCoroutine()
    if question.options.timeout is not None and can.timeout == "tells":
        return CannotTimeOut(name)
    if can.ships and work.profile.coroutine and work.profile.waiting > COROUTINE_WAITS:
        return Waits(work.profile.waiting)
    return _process_obstacle(work) if can.ships else None


def _process_obstacle(work: Work) -> Reason | None:
    if work.machine.in_worker:
        return InsideWorker()
    if work.start_method not in work.machine.start_methods:
        return NoStartMethod(work.start_method, work.machine.platform)
    return _shipping_obstacle(work, items=work.ships_items)


def _interpreter_obstacle(work: Work) -> Reason | None:
    if not work.machine.interpreters:
        return NeedsInterpreters(work.machine.python)
    if work.profile.coroutine:
        return IsCoroutine()
    if work.machine.in_worker:
        return InsideWorker()
    if work.machine.foreign_modules:
        return NotIsolated(work.machine.foreign_modules)
    return _shipping_obstacle(work, items=True)


def _shipping_obstacle(work: Work, *, items: bool) -> Reason | None:
    profile = work.profile
    if work.machine.cores == 1 and profile.waiting < COMPUTES:
        return OneCore(work.machine.cores_from)
    parts = [("the function", profile.function), ("a result", profile.result)]
    if items:
        parts.append(("an item", profile.argument))
    for what, payload in parts:
        if payload is not None and payload.problem is not None:
            return CannotShip(what, payload.problem)
    return None


def _ways(question: Question, name: BackendName) -> Iterator[tuple[int, int, Estimate]]:
    work, options = question.work, question.options
    match name:
        case "loop":
            yield 1, 1, loop_cost(work)
        case "threads":
            yield from _each(options, work, MOST_THREADS, lambda k: threads_cost(work, k))
        case "asyncio":
            yield from _each(options, work, MOST_TASKS, lambda k: tasks_cost(work, k))
        case "interpreters":
            yield from _each(options, work, work.machine.cores, lambda k: interpreters_cost(work, k))
        case "processes":
            tasks = _tasks_per_worker(work)
            most = max(_processes(work))
            yield from (
                (k, tasks, processes_cost(work, k, tasks))
                for k in _counts(options, work, [*_processes(work), *_powers(most)])
            )


def _each(
    options: Options, work: Work, most: int, cost: Callable[[int], Estimate]
) -> Iterator[tuple[int, int, Estimate]]:
    for workers in _counts(options, work, [*_powers(most), work.machine.cores]):
        yield workers, 1, cost(workers)


def _counts(options: Options, work: Work, wanted: Iterable[int]) -> list[int]:
    """Keep the numbers of workers that the caller and the items allow; a given ``max_workers`` may be any number."""
    most = min(options.max_workers or max(*wanted, 1), max(1, work.items))
    allowed = {min(each, most) for each in (*wanted, most)}
    # With 198 items, 99 workers need two rounds as 128 do.
    fitting = {math.ceil(work.items / math.ceil(work.items / each)) for each in allowed}
    # One worker is the loop with a detour; it is a candidate only where there can be no second.
    return sorted(each for each in allowed | fitting if each > 1) or [1]


def _powers(most: int) -> list[int]:
    return [1 << power for power in range(most.bit_length()) if 1 << power <= most]


def _processes(work: Work) -> list[int]:
    """As many as there are cores; more where items also wait, so that the cores are kept busy meanwhile."""
    cores = work.machine.cores
    if work.profile.coroutine or work.profile.waiting < COMPUTES:
        return [cores]
    share = max(1 - work.profile.waiting, 1 / MOST_PROCESSES_PER_CORE)
    return [cores, round(cores / share)]


def _tasks_per_worker(work: Work) -> int:
    """Coroutines at a time in one worker: enough that its loop always has one that computes."""
    if not work.profile.coroutine:
        return 1
    return max(1, min(MOST_TASKS, math.ceil(1 / max(1 - work.profile.waiting, 1 / MOST_TASKS))))


def _total(way: Candidate) -> float:
    return way.estimate.total_s if way.estimate is not None else math.inf
