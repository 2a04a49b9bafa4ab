"""What each reason says: one sentence part for each type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poolwise.model import plan
from poolwise.report.figures import counted, duration, number, share

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


def _predicted(reason: plan.Predicted) -> str:
    items = counted(reason.items, "item")
    return f"{items} take about {duration(reason.seconds)} so, in the loop {duration(reason.loop_s)}"


def _pool_costs_more(reason: plan.PoolCostsMore) -> str:
    return (
        f"{counted(reason.items, 'more item')} take about {duration(reason.loop_s)} there, "
        f"with {reason.pool} {duration(reason.pool_s)}"
    )


def _starts_by(reason: plan.StartsBy) -> str:
    if reason.forced:
        return f"workers start by {reason.method}, as asked"
    if reason.method == "fork":
        return "workers are forked: there is no second thread that could hold a lock"
    threads = []
    if reason.python_threads > 1:
        threads.append(counted(reason.python_threads, "Python thread"))
    if reason.native_threads:
        threads.append(counted(reason.native_threads, "native thread"))
    told = f": {' and '.join(threads)} could hold a lock, so that forking is not safe" if threads else ""
    return f"workers start by {reason.method}{told}"


def _one_core(reason: plan.OneCore) -> str:
    return f"there is one core to use ({CORES_FROM.get(reason.source, reason.source)})"


SENTENCES: dict[type, Callable[[Any], str]] = {
    plan.Forced: lambda reason: f"backend={reason.backend!r} was asked for",
    plan.WorkEnded: lambda reason: (
        f"all {counted(reason.items, 'item')} were done in {duration(reason.seconds)}, "
        "before there was anything to decide"
    ),
    plan.Waits: lambda reason: f"the function waits for {share(reason.share)} of its time, and waiting overlaps",
    plan.Computes: lambda reason: f"the function computes for {share(reason.share)} of its time",
    plan.HoldsGil: lambda reason: (
        f"it holds the GIL for {share(reason.share)} of its computing, so that threads would take turns"
    ),
    plan.ReleasesGil: lambda reason: (
        f"it lets the GIL go for {share(reason.share)} of its computing, so that threads compute side by side"
    ),
    plan.NoGil: lambda _: "this Python has no GIL, so that threads compute side by side",
    plan.IsCoroutine: lambda _: "it is a coroutine function, which runs in an event loop",
    plan.NotCoroutine: lambda _: "an event loop runs coroutine functions only, and this is an ordinary function",
    plan.PoolCostsMore: _pool_costs_more,
    plan.Predicted: _predicted,
    plan.Slower: lambda reason: f"about {duration(reason.seconds)} instead of {duration(reason.chosen_s)}",
    plan.CannotShip: lambda reason: f"{reason.what} cannot travel to another process: {reason.problem}",
    plan.CannotTimeOut: lambda _: "it could not end an item that is late",
    plan.OneCore: _one_core,
    plan.LengthUnknown: lambda reason: (
        f"how many items will come is not known; {number(reason.assumed)} more were assumed"
    ),
    plan.InsideWorker: lambda _: "this is a worker already, and its siblings have the other cores",
    plan.StartsBy: _starts_by,
    plan.NoStartMethod: lambda reason: f"start_method={reason.method!r} does not exist on {reason.platform}",
    plan.NotMeasured: lambda _: "nothing was measured before; chunks are sized by time while running",
}
