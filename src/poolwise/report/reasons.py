"""What each reason says: one sentence part for each type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poolwise.model import plan
from poolwise.model.machine import unexplained
from poolwise.report.figures import counted, duration, number, share, size

# The word of ``Machine.gil_by`` for what the user has set.
ASKED_FOR = "PYTHON_GIL"
# What set the number of cores, as it is said.
CORES_FROM = {
    "os": "the machine has no more",
    "affinity": "the process is bound to it",
    "cgroup": "the container's quota",
    "worker": "inside a worker",
}


def reason_text(reason: plan.Reason) -> str:
    """Say a reason; it stands behind a colon or a "because"."""
    return SENTENCES[type(reason)](reason)


def rejection_text(reason: plan.Reason) -> str:
    """Say why a way was not chosen; it stands behind the way's name and a colon."""
    return REJECTIONS.get(type(reason), reason_text)(reason)


def _work_ended(reason: plan.WorkEnded) -> str:
    if not reason.items:
        return "there were no items"
    return f"all was done in {duration(reason.seconds)}, before there was anything to decide"


def _slower(reason: plan.Slower) -> str:
    too_little = ", which is too little gain" if reason.seconds < reason.chosen_s else ""
    return f"about {duration(reason.seconds)} instead of {duration(reason.chosen_s)}{too_little}"


def _predicted(reason: plan.Predicted) -> str:
    items = counted(reason.items, "more item")
    return f"{items} should take about {duration(reason.seconds)}, and one after another {duration(reason.loop_s)}"


def _pool_costs_more(reason: plan.PoolCostsMore) -> str:
    too_little = ", which is too little gain" if reason.pool_s < reason.loop_s else ""
    return (
        f"{counted(reason.items, 'more item')} should take about {duration(reason.loop_s)}, "
        f"and with {reason.pool} {duration(reason.pool_s)}{too_little}"
    )


def _starts_by(reason: plan.StartsBy) -> str:
    dangers = _fork_dangers(reason)
    if reason.forced:
        warning = f", although {dangers}" if dangers and reason.method == "fork" else ""
        return f"workers start by {reason.method}, as asked{warning}"
    if reason.method == "fork":
        return f"workers start by fork: no other thread runs that could hold a lock{_survivors(reason)}"
    return f"workers start by {reason.method}{': ' if dangers else ''}{dangers}"


def _fork_dangers(reason: plan.StartsBy) -> str:
    """Say what speaks against a fork; nothing where nothing does."""
    lost = [pool for pool in reason.native_pools if not pool.survives_fork]
    told = [
        f"{pool.name} seems to have been used ({counted(pool.threads, 'thread')}), and might hang in a forked child"
        for pool in lost
    ]
    holders = []
    if reason.python_threads > 1:
        holders.append(counted(reason.python_threads - 1, "other Python thread"))
    if (unknown := unexplained(reason.native_threads, reason.native_pools)) > 0:
        holders.append(counted(unknown, "native thread"))
    if holders:
        told.append(f"{' and '.join(holders)} might hold a lock, which makes fork unsafe")
    return "; ".join(told)


def _survivors(reason: plan.StartsBy) -> str:
    pools = [(pool.threads, pool.name) for pool in reason.native_pools if pool.survives_fork]
    if not pools:
        return ""
    survive = "survives" if sum(threads for threads, _ in pools) == 1 else "survive"
    return f" ({' and '.join(counted(threads, f'idle {name} thread') for threads, name in pools)} {survive} a fork)"


def _one_core(reason: plan.OneCore) -> str:
    return f"there is only one core to use ({CORES_FROM.get(reason.source, reason.source)})"


def _bounded(reason: plan.Bounded) -> str:
    if reason.by == "load":
        busy = counted(reason.each, "core")
        return f"other programs keep {busy} busy, which leaves {number(reason.free)}"
    if reason.by == "memory":
        room = f"each takes about {size(reason.each)}, and {size(reason.free)} of memory may be taken"
        return f"no more than {number(reason.workers)} at a time: {room}"
    what = "open file" if reason.by == "files" else "thread"
    each = f", {number(reason.each)} for each" if reason.each > 1 else ""
    return f"no more than {number(reason.workers)} at a time: {counted(reason.free, f'more {what}')} may be taken{each}"


def _no_start_method(reason: plan.NoStartMethod) -> str:
    where = "in a frozen program, which would start itself" if reason.frozen else f"on {reason.platform}"
    return f"worker processes cannot be started by {reason.method!r} {where}"


def _not_isolated(reason: plan.NotIsolated) -> str:
    first, others = reason.modules[0], len(reason.modules) - 1
    loaded = f"{first} and {counted(others, 'other package')} are" if others else f"{first} is"
    return f"{loaded} loaded here, and may not load into a second interpreter"


def gil_text(by: str) -> str:
    """Say what has turned on the GIL of a free-threaded Python: "turned on by ...", as ``Machine.gil_by`` has it."""
    if by == ASKED_FOR:
        return "turned on by PYTHON_GIL or -X gil, as asked"
    what = f"{by!r}, an" if by else "an"
    return f"turned on by {what} extension module that does not say that it can do without"


SENTENCES: dict[type, Callable[[Any], str]] = {
    plan.Forced: lambda reason: f"backend={reason.backend!r} was asked for",
    plan.WorkEnded: _work_ended,
    plan.Waits: lambda reason: (
        f"the function waits for {share(reason.share)} of its time, and many calls can wait at the same time"
    ),
    plan.Computes: lambda reason: f"the function computes for {share(reason.share)} of its time",
    plan.HoldsGil: lambda reason: (
        f"it holds the GIL for {share(reason.share)} of its computing, so that threads would take turns"
    ),
    plan.ReleasesGil: lambda reason: (
        f"it releases the GIL for {share(reason.share)} of its computing, so that threads compute side by side"
    ),
    plan.NoGil: lambda _: "this Python has no GIL, so that threads compute side by side",
    plan.GilTurnedOn: lambda reason: (
        f"the GIL of this free-threaded Python was {gil_text(reason.by)}, so that threads take turns"
    ),
    plan.IsCoroutine: lambda _: "it is a coroutine function (async def), which runs in an event loop",
    plan.NotCoroutine: lambda _: "it runs coroutine functions (async def) only",
    plan.PoolCostsMore: _pool_costs_more,
    plan.Predicted: _predicted,
    plan.Slower: _slower,
    plan.CannotShip: lambda reason: f"{reason.what} cannot travel to another process: {reason.problem}",
    plan.CannotTimeOut: lambda _: "it cannot end an item that is late",
    plan.OneCore: _one_core,
    plan.LengthUnknown: lambda reason: (
        f"how many items will come is not known; {number(reason.assumed)} more were assumed"
    ),
    plan.InsideWorker: lambda _: "this process is a worker itself, and the other workers use the other cores",
    plan.StartsBy: _starts_by,
    plan.NoStartMethod: _no_start_method,
    plan.Joined: lambda reason: (
        f"others joined the first item {duration(reason.after_s)} after the start, while it ran, and left nothing over"
    ),
    plan.Stays: lambda reason: (
        f"{reason.backend} are at work since the first item, and to move the rest elsewhere would gain too little"
    ),
    plan.OnlyHere: lambda _: "what the function uses belongs to the calling thread, and fails in any other",
    plan.Debugged: lambda reason: (
        f"a debugger ({reason.debugger}) looks on, which steps into the function in the calling thread only"
    ),
    plan.NeedsInterpreters: lambda reason: f"interpreters need CPython 3.14 or newer, and this is {reason.python}",
    plan.NotIsolated: _not_isolated,
    plan.NotMeasured: lambda _: (
        "nothing was measured beforehand; how many items travel together is found while running"
    ),
    plan.Bounded: _bounded,
}

# What reads differently where it speaks against a way.
REJECTIONS: dict[type, Callable[[Any], str]] = {
    plan.Waits: lambda _: "a coroutine function that mostly waits needs no more than one event loop",
    plan.NeedsInterpreters: lambda _: "they need CPython 3.14 or newer",
    plan.IsCoroutine: lambda _: "it would run a coroutine function (async def) one call at a time",
    plan.CannotShip: lambda reason: f"{reason.what} cannot travel to another process",
}
