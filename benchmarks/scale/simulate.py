"""One run on a simulated cluster: what it is, and what came of it.

``python -m benchmarks.scale.simulate '{"items": 1000000, "workers": 1000}'`` runs one in this process and prints its
figures as JSON; ``run.py`` starts such a process for each row of its tables, so that each has a memory of its own.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.scale.cluster import SimulatedCluster
from benchmarks.scale.copies import CopyingCluster
from benchmarks.scale.world import World
from poolwise.model.units import Bytes, Seconds
from poolwise.run.adapt import Sizing
from poolwise.run.driver import Driver
from poolwise.run.scheduler import Scheduler
from poolwise.run.terms import Crew, Wishes
from poolwise.testing import FakeClock
from poolwise.work.items import make_items


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is to be run, and how."""

    items: int = 10**6
    workers: int = 1000
    chunk_s: Seconds = 1.0
    """Chunks are to take so long (``Sizing.target_s``)."""
    chunksize: int | None = None
    depth: int = 1
    """Chunks that a worker may hold, the one in work included."""
    gives_back: bool = False
    """What a worker has not begun can be taken back."""
    copies: bool = False
    """Idle workers run copies of what is late, in the end."""
    ordered: bool = True
    stream: bool = False
    """``imap``: results are taken one by one, and it reads ahead a little only."""
    crash_retries: int = 1
    seed: int = 7
    world: World = field(default_factory=World)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What came of a run. Virtual: what the cluster would have taken; real: what the parent took on this machine."""

    makespan_s: Seconds
    """Virtual: from the first worker that was ready to the last result."""
    ideal_s: Seconds
    """All work, divided by all workers at their speed."""
    given: int
    failed: int
    chunks: int
    messages: int
    waits: int
    deaths: int
    copies: int
    twice: int
    """Items that were begun more than once."""
    wasted_s: Seconds
    """Time of workers of which nothing came."""
    held: int
    """Most results at a time that waited for an earlier one."""
    parent_s: Seconds
    """Real: CPU time of the scheduler and the driver."""
    real_s: Seconds
    """Real: what the whole simulation took."""
    grown: Bytes
    """Real: what the process has grown by from the start of the run to its peak."""

    @property
    def chunk_cost_s(self) -> Seconds:
        """What a chunk costs the parent."""
        return self.parent_s / max(1, self.chunks)

    @property
    def item_cost_s(self) -> Seconds:
        """What an item costs the parent, the handling of its value left aside."""
        return self.parent_s / max(1, self.given)

    @property
    def loss(self) -> float:
        """How much longer than the ideal it took, as a part of that."""
        return self.makespan_s / self.ideal_s - 1


def simulate(run: Run) -> Figures:
    """Run it: the real scheduler and the real driver, on a cluster that is not there."""
    clock = FakeClock()
    wishes = Wishes(ordered=run.ordered, stream=run.stream, errors="collect", crash_retries=run.crash_retries)
    scheduler = Scheduler(wishes, run.items, run.items)
    driver = Driver(scheduler, make_items((range(run.items),), stream=run.stream), clock=clock.now)
    given = failed = held = 0

    def watch() -> None:
        nonlocal held
        held = max(held, scheduler.counts.done - given)

    known: dict[str, Any] = {"seed": run.seed, "watch": watch}
    cluster = (
        CopyingCluster(run.world, run.workers, clock, waiting=lambda: scheduler.has_waiting, **known)
        if run.copies
        else SimulatedCluster(run.world, run.workers, clock, **known)
    )
    before, begun_s = peak_memory(fresh=True), time.perf_counter()
    for batch in driver.run(cluster, _crew(run)):
        given += len(batch.values)
        failed += len(batch.failures)
    assert driver.ending is None, driver.ending
    return Figures(
        makespan_s=clock.now() - run.world.start_s,
        ideal_s=run.items * run.world.item_s / run.world.speed(run.workers),
        given=given,
        failed=failed,
        chunks=scheduler.counts.chunks,
        messages=cluster.messages,
        waits=cluster.waits,
        deaths=cluster.deaths,
        copies=getattr(cluster, "copies", 0),
        twice=cluster.twice,
        wasted_s=cluster.wasted_s,
        held=held,
        parent_s=cluster.parent_s,
        real_s=time.perf_counter() - begun_s,
        grown=peak_memory() - before,
    )


def _crew(run: Run) -> Crew:
    sizing = Sizing(chunksize=run.chunksize, target_s=run.chunk_s, item_s=run.world.item_s)
    return Crew(workers=run.workers, depth=run.depth, gives_back=run.gives_back, sizing=sizing)


def peak_memory(*, fresh: bool = False) -> Bytes:
    """Give the most memory that this process has had (Linux), since it was asked ``fresh``; elsewhere 0."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    if fresh:
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) << 10


def as_run(given: dict[str, Any]) -> Run:
    """Make a run of what JSON says."""
    world = given.get("world", {})
    losses = tuple((at_s, count) for at_s, count in world.get("node_losses", ()))
    return Run(**{**given, "world": World(**{**world, "node_losses": losses})})


if __name__ == "__main__":
    print(json.dumps(asdict(simulate(as_run(json.loads(sys.argv[1]))))))
