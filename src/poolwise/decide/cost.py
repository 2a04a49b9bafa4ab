"""What each way to run the items that are left would cost: the formulas, all in this file.

The work of ``n`` items on ``k`` workers takes as long as the scarcest thing allows (the bottleneck law, Denning and
Buzen, "The Operational Analysis of Queueing Network Models", ACM Computing Surveys 10, 1978):

==============  ==========================================  ====================================================
waiting         ``ceil(n / k) * wall``                      every worker has its share of the items, one by one
cores           ``n * cpu / min(k, cores)``                 computing needs cores, however many workers there are
GIL             ``n * (gil + handling)``                    threads of one process take turns
lock            ``n * serial``                              so do they at a lock of the function's; per process
shipping        ``n * parent``                              the parent packs items and unpacks results alone
==============  ==========================================  ====================================================

Where more are at work than there are cores, so that some wait while others compute (processes beyond the cores,
several threads in a process), the bound is too good: they do not take turns so neatly. There ``n`` items take
``n * turns(N, elsewhere, turn)``: ``N`` at a time come back for a turn of ``turn`` seconds at what only one can have,
and are ``elsewhere`` in between (a closed queueing network of one queue and a delay; mean value analysis, Reiser and
Lavenberg, Journal of the ACM 27, 1980, in Schweitzer's approximation, 1979, which for one queue can be solved by
hand). ``m`` cores are taken for one that is ``m`` times as fast, and a delay for the rest (Seidmann, Schweitzer and
Shalev-Oren, 1987).

``start_s`` is what comes before the first of them, and ``tail_s`` what uneven items cost at the end. All times are
seconds for one item unless their name says otherwise.
"""

from __future__ import annotations

import math

from poolwise.model.classes import frozen
from poolwise.model.machine import Cluster, Machine
from poolwise.model.options import BackendName, ClusterName, StartMethod
from poolwise.model.plan import Estimate
from poolwise.model.profile import Payload, Profile
from poolwise.model.units import Seconds

# Measured on a 2-core virtual machine, CPython 3.11 (benchmarks/constants.py measures them again):
# starting and ending a thread, and handing a chunk to it and back;
THREAD_START_S: Seconds = 0.00019
THREAD_CHUNK_S: Seconds = 0.000055
# a coroutine's task and its way to the loop's thread and back;
TASK_START_S: Seconds = 0.00001
TASK_CHUNK_S: Seconds = 0.00003
LOOP_START_S: Seconds = 0.0005
# a worker process by each start method (fork grows with the parent's memory, for which the parent's page tables are
# copied), ending it, and a chunk to it and back.
WORKER_START_S: dict[StartMethod, Seconds] = {"fork": 0.002, "forkserver": 0.003, "spawn": 0.055}
POOL_START_S: dict[StartMethod, Seconds] = {"fork": 0.0022, "forkserver": 0.125, "spawn": 0.04}
PROCESS_CHUNK_S: Seconds = 0.00012
# A fresh interpreter imports what the caller has imported: so long for each module beyond those that every worker has
# (NumPy: 140 modules in 0.06 s, pandas 555 in 0.24 s, scikit-learn 1628 in 0.95 s).
MODULE_S: Seconds = 0.00043
USUAL_MODULES = 250
# an interpreter of its own in a thread, which imports what runs a chunk, ending it, and a chunk to it and back (CPython
# 3.14; two that start side by side take twice as long as one).
INTERPRETER_START_S: Seconds = 0.035
INTERPRETER_CHUNK_S: Seconds = 0.00015
# until a worker on a cluster is there, beside the round trips that are measured: Ray starts a Python that imports it,
# for each worker beyond the few that it has ready; a Dask worker is a seat in a process that is there.
CLUSTER_START_S: dict[ClusterName, Seconds] = {"dask": 0.0, "ray": 1.8}
# what this process and the cluster's library do for a chunk: the parent's own part, of which there is one for all.
CLUSTER_CHUNK_S: dict[ClusterName, Seconds] = {"dask": 0.003, "ray": 0.001}
# An item that a thread of a worker process takes by itself, its lock and its mark: up to 15 µs more than in a loop.
INNER_ITEM_S: Seconds = 0.00001
# Items that a forked worker inherits need not travel, but who looks at an object writes its reference count, and the
# system copies the page then: of the time that pickling and unpickling an object takes, this share (15,000 records of
# 0.9 kB: 1.7 pages and 5 µs each, where pickling takes 19 µs).
TOUCHING = 0.25
# A thread that computes holds the GIL for a whole switch interval while others wait: turns cost this share.
GIL_TURNS = 0.03
# Where the GIL is let go and wanted back many times within an item, who wants it back finds that another has it: they
# get along as if each held it so many times as long (NumPy's small equations hold it for 0.55 of the time, a logistic
# regression for 0.45: two threads take as long as the loop).
GIL_CONVOY = 1.8
# A thread of a worker takes as many items at a time as take so long (work/chunk_threads.py).
TAKE_S: Seconds = 0.0002
# Chunks are sized to take about so long (run/adapt.py does it while running): long enough that handling one costs
# little, short enough that results come steadily.
CHUNK_S: dict[BackendName, Seconds] = {
    "loop": 0.05,
    "threads": 0.01,
    "processes": 0.02,
    "interpreters": 0.02,
    "asyncio": 0.005,
    # A message to a cluster and back takes some 15 ms, and its scheduler a millisecond.
    "dask": 0.2,
    "ray": 0.1,
}


@frozen(kw_only=True)
class Work:
    """The facts that the formulas need."""

    items: int
    counted: bool = True
    """The items are there; else they come one by one, and so many are assumed."""
    profile: Profile
    machine: Machine
    start_method: StartMethod = "fork"
    ships_items: bool = True
    """Items travel by pickle; else workers inherit them."""


def loop_cost(work: Work) -> Estimate:
    """One after another in this thread."""
    return Estimate(0.0, work.items * work.profile.wall_s, 0.0, "one worker")


def threads_cost(work: Work, workers: int) -> Estimate:
    """Waiting overlaps; computing overlaps as far as the GIL is let go."""
    profile = work.profile
    handling = _per_item(THREAD_CHUNK_S, CHUNK_S["threads"], profile)
    limits = {
        "waiting": _rounds(work.items, workers) * profile.wall_s,
        "cores": work.items * (profile.cpu_s + handling) / min(workers, work.machine.cores_free),
    }
    if work.machine.gil:
        held_s = min(max(profile.gil_s, profile.thread_cpu_s), GIL_CONVOY * profile.gil_s)
        limits["GIL"] = work.items * (held_s * (1 + GIL_TURNS) + handling)
    if profile.serial_s:
        limits["lock"] = work.items * profile.serial_s
    return _estimate(workers * THREAD_START_S, limits, _tail(profile, workers))


def tasks_cost(work: Work, workers: int) -> Estimate:
    """Coroutines in one event loop: waiting overlaps, computing does not."""
    profile = work.profile
    handling = _per_item(TASK_CHUNK_S, CHUNK_S["asyncio"], profile)
    limits = {
        "waiting": _rounds(work.items, workers) * profile.wall_s,
        "one event loop": work.items * (profile.cpu_s + handling),
    }
    return _estimate(LOOP_START_S + workers * TASK_START_S, limits, _tail(profile, workers))


def processes_cost(work: Work, workers: int, tasks_per_worker: int = 1) -> Estimate:
    """Everything overlaps, for the price of starting workers and shipping."""
    profile, method = work.profile, work.start_method
    arguments = _seconds(profile.argument)
    touching = 0.0 if work.ships_items else TOUCHING * arguments
    shipping = (arguments if work.ships_items else 0.0) + _seconds(profile.result)
    # Of each pickling and unpickling, one half is done by the parent and the other by a worker.
    handling = shipping / 2 + _per_item(PROCESS_CHUNK_S, CHUNK_S["processes"], profile)
    at_once, cores = workers * tasks_per_worker, work.machine.cores_free
    threads = tasks_per_worker if tasks_per_worker > 1 and not profile.coroutine else 0
    inner = _per_item(INNER_ITEM_S, TAKE_S, profile) if threads else 0.0
    computing = profile.cpu_s + touching + shipping / 2 + handling + inner
    wall_s = profile.wall_s + touching + shipping / 2
    limits = {
        "waiting": _rounds(work.items, at_once) * wall_s,
        "cores": work.items * computing / min(workers, cores),
        "shipping": work.items * handling,
    }
    if threads or (workers > cores and not profile.coroutine):
        turn = computing / min(at_once, cores)
        limits["cores"] = work.items * _turns(at_once, wall_s + handling + inner - turn, turn)
    if threads and work.machine.gil:
        turn = profile.gil_s * (1 + GIL_TURNS) + shipping / 2 + inner
        limits["GIL"] = work.items / workers * _turns(threads, wall_s + inner - turn, turn)
    if profile.serial_s:
        # Each process has locks of its own.
        limits["lock"] = work.items * profile.serial_s / workers
    start = POOL_START_S[method] + workers * (WORKER_START_S[method] + _seconds(profile.function))
    start += _imports(work, workers)
    # Workers start their threads side by side, as far as there are cores.
    start += threads * THREAD_START_S * workers / min(workers, cores)
    return _estimate(start, limits, _tail(profile, at_once))


def _imports(work: Work, workers: int) -> Seconds:
    """Give what importing takes: a forkserver does it once, fresh interpreters each for itself, side by side."""
    if work.start_method == "fork":
        return 0.0
    times = 1 if work.start_method == "forkserver" else math.ceil(workers / work.machine.cores_free)
    return times * MODULE_S * max(0, work.machine.modules - USUAL_MODULES)


def _turns(at_once: int, elsewhere_s: Seconds, turn_s: Seconds) -> Seconds:
    """Give the time from one item's end to the next, where ``at_once`` of them take turns (see the top).

    Each is away for ``elsewhere_s``, then finds before it what the others have left in the queue: its stay ``r`` is
    ``turn * (1 + (N - 1) * r / (elsewhere + r))``, a quadratic equation.
    """
    elsewhere_s = max(0.0, elsewhere_s)
    half = (at_once * turn_s - elsewhere_s) / 2
    stay = half + math.sqrt(half * half + elsewhere_s * turn_s)
    return max(turn_s, (elsewhere_s + stay) / at_once)


def interpreters_cost(work: Work, workers: int) -> Estimate:
    """Computing overlaps as in processes; this process's own interpreter packs and unpacks, and all items travel."""
    profile = work.profile
    shipping = _seconds(profile.argument) + _seconds(profile.result)
    handling = shipping / 2 + _per_item(INTERPRETER_CHUNK_S, CHUNK_S["interpreters"], profile)
    limits = {
        "waiting": _rounds(work.items, workers) * (profile.wall_s + shipping / 2),
        "cores": work.items * (profile.cpu_s + shipping / 2 + handling) / min(workers, work.machine.cores_free),
        "shipping": work.items * handling,
    }
    start = workers * (INTERPRETER_START_S + _seconds(profile.function))
    return _estimate(start, limits, _tail(profile, workers))


def cluster_cost(work: Work, cluster: Cluster, workers: int) -> Estimate:
    """Everything overlaps, as far as the network and this process, which packs and unpacks alone, allow.

    The first round trip finds the workers their seats, the second takes the function there; the last chunk's result
    comes home by one more half.
    """
    profile = work.profile
    shipping = _seconds(profile.argument) + _seconds(profile.result)
    handling = shipping / 2 + _per_item(CLUSTER_CHUNK_S[cluster.backend], CHUNK_S[cluster.backend], profile)
    cores = min(cluster.seats, work.machine.cores_free) if cluster.here else cluster.seats
    # On this machine, the parent wants a core too.
    computing = profile.cpu_s + shipping / 2 + (handling if cluster.here else 0.0)
    limits = {
        "waiting": _rounds(work.items, workers) * (profile.wall_s + shipping / 2),
        "cores": work.items * computing / min(workers, cores),
        "shipping": work.items * handling,
    }
    start = CLUSTER_START_S[cluster.backend] + 2 * cluster.round_trip_s + _seconds(profile.function)
    return _estimate(start, limits, _tail(profile, workers) + cluster.round_trip_s)


def _estimate(start_s: Seconds, limits: dict[str, Seconds], tail_s: Seconds) -> Estimate:
    limit = max(limits, key=lambda name: limits[name])
    return Estimate(start_s, limits[limit], tail_s, limit)


def _rounds(items: int, at_once: int) -> int:
    return math.ceil(items / at_once)


def _tail(profile: Profile, workers: int) -> Seconds:
    """Uneven items: at the end the last worker is alone for about one deviation of an item."""
    return profile.spread * profile.wall_s * (1 - 1 / workers)


def _per_item(price_s: Seconds, chunk_s: Seconds, profile: Profile) -> Seconds:
    """Share the price of a chunk among the items that it will hold."""
    return price_s / max(1.0, chunk_s / max(profile.wall_s, 1e-9))


def _seconds(payload: Payload | None) -> Seconds:
    return payload.seconds if payload is not None else 0.0
