"""Which ways there are to run the rest: for each backend its best number of workers, or why it cannot serve."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from poolwise.backends.protocol import CAPABILITIES
from poolwise.decide.cost import (
    Work,
    cluster_cost,
    interpreters_cost,
    loop_cost,
    processes_cost,
    tasks_cost,
    threads_cost,
)
from poolwise.decide.limits import (
    Most,
    most_tasks,
    most_tasks_per_worker,
    most_threads,
    most_workers,
    tightest,
)
from poolwise.model.classes import frozen
from poolwise.model.options import CLUSTERS, LOCAL_BACKENDS, BackendName, Options
from poolwise.model.plan import (
    Bounded,
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
# Of ways to use processes that differ by less than this, which is within the error of the estimates, the one that takes
# the least memory: the fewest processes, and then the fewest threads.
NEAR = 1.05
# Threads in each of several processes: so many at most. Where that many leave the GIL of each process free, the work
# waits for 98 % of its time, and threads of one process do nearly as well.
MOST_INNER_THREADS = 64
# Work that computes for less than this share of its time leaves even one GIL free for a hundred threads.
LEAST_COMPUTING = 0.01
# A coroutine function that mostly waits stays in one event loop, where what it shares (sessions, locks) keeps working.
COROUTINE_WAITS = 0.5
# ... unless computing takes so many times as long as the waiting: then one loop, however many wait in it, is the limit.
LOOP_IS_FULL = 4.0
# How finely numbers of workers are tried; each costs 4 µs to estimate.
STEP_DIGITS = 5
# ... and those of processes with threads, of which there are two numbers to try: 1 to 8, 10, 12, 14, 16, 20 and so on.
COARSE_DIGITS = 3
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
    connected: tuple[BackendName, ...] = tuple(cluster.backend for cluster in question.work.machine.clusters)
    names = LOCAL_BACKENDS + connected if forced == "auto" else (forced,)
    return [_candidate(question, name) for name in names]


def what_bounds(question: Question, chosen: Candidate) -> Bounded | None:
    """Say what the machine has too little of, if more at a time would be cheaper than the chosen way."""
    generous = _best(question, chosen.backend, bounded=False)
    if _total(generous) >= _total(chosen):
        return None
    most = tightest(_bounds(question.work, chosen.backend, generous.tasks_per_worker))
    return most.reason() if most is not None else None


def _candidate(question: Question, name: BackendName) -> Candidate:
    if question.options.backend == "auto" and (why_not := _obstacle(question, name)) is not None:
        return Candidate(name, 1, None, 1, why_not)
    return _best(question, name, bounded=True)


def _best(question: Question, name: BackendName, *, bounded: bool) -> Candidate:
    ways = list(_ways(question, name, bounded))
    cheapest = min(ways, key=lambda way: (_total(way), way.workers))
    if name != "processes":
        return cheapest
    near = [way for way in ways if _total(way) <= NEAR * _total(cheapest)]
    return min(near, key=lambda way: (way.workers, way.tasks_per_worker))


def _obstacle(question: Question, name: BackendName) -> Reason | None:
    """Why a backend cannot serve at all, if it cannot."""
    work, can = question.work, CAPABILITIES[name]
    if name == "interpreters" or name in CLUSTERS:
        return _foreign_obstacle(work, name)
    if work.profile.coroutine and name in ("loop", "threads"):
        return IsCoroutine()
    if not work.profile.coroutine and not can.plain_functions:
        return NotCoroutine()
    if question.options.timeout is not None and can.timeout == "tells":
        return CannotTimeOut(name)
    if can.ships and work.profile.coroutine and work.profile.waiting > COROUTINE_WAITS and not _loop_is_full(work):
        return Waits(work.profile.waiting)
    return _process_obstacle(work) if can.ships else None


def _loop_is_full(work: Work) -> bool:
    """Tell whether what coroutines compute keeps one event loop busy for longer than they wait."""
    waiting_s = math.ceil(work.items / MOST_TASKS) * work.profile.wall_s
    return work.items * work.profile.cpu_s > LOOP_IS_FULL * waiting_s


def _process_obstacle(work: Work) -> Reason | None:
    if work.machine.in_worker:
        return InsideWorker()
    if work.start_method not in work.machine.start_methods:
        return NoStartMethod(work.start_method, work.machine.platform, work.machine.frozen)
    return _shipping_obstacle(work, items=work.ships_items)


def _foreign_obstacle(work: Work, name: BackendName) -> Reason | None:
    """Why an interpreter of its own, or a cluster, cannot serve, if it cannot."""
    if name == "interpreters":
        return _interpreter_obstacle(work)
    return IsCoroutine() if work.profile.coroutine else _cannot_ship(work, items=True)


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
    if work.machine.cores_free == 1 and profile.waiting < COMPUTES:
        return OneCore(work.machine.cores_from)
    return _cannot_ship(work, items=items)


def _cannot_ship(work: Work, *, items: bool) -> Reason | None:
    profile = work.profile
    parts = [("the function", profile.function), ("a result", profile.result)]
    if items:
        parts.append(("an item", profile.argument))
    for what, payload in parts:
        if payload is not None and payload.problem is not None:
            return CannotShip(what, payload.problem)
    return None


def _ways(question: Question, name: BackendName, bounded: bool) -> Iterator[Candidate]:  # noqa: FBT001 - one of two
    work = question.work
    if name == "loop":
        yield Candidate(name, 1, loop_cost(work))
        return
    most = tightest(_bounds(work, name)) if bounded else None
    if name == "processes":
        # Who is sent one item at a time runs one at a time.
        tasks = 1 if question.options.chunksize == 1 else _tasks_per_worker(work)
        for k in _counts(question.options, work, _steps(_most_processes(work)), most):
            yield Candidate(name, k, processes_cost(work, k, tasks), tasks)
        if _combines(question):
            yield from _with_threads(question, bounded)
        return
    wanted, cost = _scale(work, name)
    yield from (Candidate(name, k, cost(k)) for k in _counts(question.options, work, wanted, most))


def _scale(work: Work, name: BackendName) -> tuple[list[int], Callable[[int], Estimate]]:
    """Give the numbers of workers to try, and what each costs."""
    match name:
        case "threads":
            return [*_powers(MOST_THREADS), *_steps(work.machine.cores)], partial(threads_cost, work)
        case "asyncio":
            return _powers(MOST_TASKS), partial(tasks_cost, work)
        case "interpreters":
            return _steps(work.machine.cores_free), partial(interpreters_cost, work)
        case _:
            cluster = next(each for each in work.machine.clusters if each.backend == name)
            return [*_steps(cluster.seats), cluster.seats], partial(cluster_cost, work, cluster)


def _with_threads(question: Question, bounded: bool) -> Iterator[Candidate]:  # noqa: FBT001 - see _ways
    """Give processes with threads: as many processes as cores at most, and in each as many threads as keep it busy.

    Where a lock is what limits them, more processes: each has locks of its own.
    """
    work, options = question.work, question.options
    files = tightest(most_tasks_per_worker(work.machine, work.profile)) if bounded else None
    seen: set[tuple[int, int]] = set()
    # One process with threads is this one, with a detour.
    most_processes = _most_processes(work) if work.profile.serial_s else work.machine.cores_free
    counts = [count for count in _steps(most_processes, COARSE_DIGITS) if count > 1] or [1]
    for wanted in _powers(MOST_INNER_THREADS)[1:]:
        bound = tightest(_bounds(work, "processes", wanted)) if bounded else None
        most = min(
            options.max_workers or work.items, max(1, work.items), bound.count if bound is not None else work.items
        )
        for workers in {max(1, min(cores, most)) for cores in counts}:
            threads = min(wanted, math.ceil(work.items / workers))
            if options.max_workers is not None:
                # So many calls at a time, wherever they run: it may be a server's limit.
                threads = min(threads, options.max_workers // workers)
            if files is not None:
                threads = min(threads, files.count)
            if threads > 1 and (workers, threads) not in seen:
                seen.add((workers, threads))
                yield Candidate("processes", workers, processes_cost(work, workers, threads), threads, None, "threads")


def _combines(question: Question) -> bool:
    """Tell whether ordinary functions may run several at a time in each worker process.

    Not what hardly waits, nor what does next to nothing else. Not where one item must be told from its neighbours, to
    be ended when it is late or to be blamed at the first death; and what an initializer has made for the worker's own
    thread, other threads would not find.
    """
    work, options = question.work, question.options
    careful = options.timeout is not None or options.crash_retries == 0 or options.initializer is not None
    careful |= options.chunksize == 1
    forced = options.backend != "auto"
    mixed = COMPUTES <= work.profile.waiting <= 1 - LEAST_COMPUTING or work.profile.serial_s > 0
    # A worker has one chunk in work: items that come one by one would be chunks of one, and threads without work.
    return mixed and work.counted and not (careful or forced or work.profile.coroutine)


def _bounds(work: Work, name: BackendName, tasks: int = 1) -> list[Most]:
    """Bound the number of workers by what the machine has."""
    if name == "processes":
        return most_workers(work.machine, work.profile, tasks)
    if name == "threads":
        return most_threads(work.machine, work.profile)
    return most_tasks(work.machine, work.profile) if name == "asyncio" else []


def _counts(options: Options, work: Work, wanted: Iterable[int], bound: Most | None) -> list[int]:
    """Keep the numbers of workers that the caller, the items and the machine allow."""
    wanted = tuple(wanted)
    most = min(options.max_workers or max(*wanted, 1), max(1, work.items))
    if bound is not None:
        most = min(most, bound.count)
    allowed = {min(each, most) for each in (*wanted, most)}
    # With 198 items, 99 workers need two rounds as 128 do.
    fitting = {math.ceil(work.items / math.ceil(work.items / each)) for each in allowed}
    # One worker is the loop with a detour; it is a candidate only where there can be no second.
    return sorted(each for each in allowed | fitting if each > 1) or [1]


def _powers(most: int) -> list[int]:
    return [1 << power for power in range(most.bit_length()) if 1 << power <= most]


def _steps(most: int, digits: int = STEP_DIGITS) -> list[int]:
    """Every number up to 32, then 34, 36 … 64, 68, 72 … 128: what counts is in the first five binary digits.

    Whatever is a step with few cores is one with many: else a machine with more cores might be thought slower. So the
    number of cores itself is none where it lies between two steps, which are 6 % apart at most.
    """
    return [count for count in range(1, most + 1) if count % max(1, 1 << count.bit_length() >> digits) == 0]


def _most_processes(work: Work) -> int:
    """As many as there are cores; more where items also wait, so that the cores are kept busy meanwhile."""
    cores = work.machine.cores_free
    if work.profile.coroutine or work.profile.waiting < COMPUTES:
        return cores
    share = max(1 - work.profile.waiting, 1 / MOST_PROCESSES_PER_CORE)
    return round(cores / share)


def _tasks_per_worker(work: Work) -> int:
    """Coroutines at a time in one worker: enough that its loop always has one that computes."""
    if not work.profile.coroutine:
        return 1
    return max(1, min(MOST_TASKS, math.ceil(1 / max(1 - work.profile.waiting, 1 / MOST_TASKS))))


def _total(way: Candidate) -> float:
    return way.estimate.total_s if way.estimate is not None else math.inf
