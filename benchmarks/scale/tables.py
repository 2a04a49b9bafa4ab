"""Which runs make up each table of ``docs/scale.md``, and how a row reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from benchmarks.scale.simulate import Figures, Run
from benchmarks.scale.world import World
from poolwise.model.units import Seconds

# What a message, in or out, is charged with, so that runs go the same way each time: what the table "cost" has measured
# on a machine of 2026 for runs of ten thousand workers.
MESSAGE_S: Seconds = 20e-6

Show: TypeAlias = Callable[[Run, Figures], str]


@dataclass(frozen=True)
class Table:
    """Runs that are compared."""

    title: str
    columns: dict[str, Show]
    rows: dict[str, Run]
    repeats: int = 1
    """So often each run is made; the one in which the parent took least is shown."""


def _crowd(workers: int, chunks: int, chunksize: int, **options: object) -> Run:
    """Keep so many workers busy with chunks of one size."""
    return Run(workers=workers, items=chunks * chunksize, chunksize=chunksize, **options)  # type: ignore[arg-type]


WORKERS = (100, 1000, 10_000)
COST = Table(
    "What a chunk costs the parent (real CPU time; chunks of 10 s)",
    {
        "chunks": lambda _, it: f"{it.chunks:,}",
        "a chunk": lambda _, it: f"{it.chunk_cost_s * 1e6:.1f} µs",
        "a message": lambda _, it: f"{it.parent_s / it.messages * 1e6:.1f} µs",
        "chunks a second": lambda _, it: f"{1 / it.chunk_cost_s:,.0f}",
    },
    {
        f"{workers:,} workers{', one chunk ahead' * ahead}": _crowd(
            workers, 40_000, 1000, depth=1 + ahead, gives_back=bool(ahead)
        )
        for workers in WORKERS
        for ahead in (0, 1)
    }
    | {
        "10,000 workers, imap, any order": Run(
            workers=10_000, items=40_000, chunksize=1, stream=True, ordered=False, world=World(item_s=10)
        )
    },
    repeats=3,
)

LASTING = World(message_s=MESSAGE_S)
QUICK = replace(LASTING, item_s=0.001)
TIMES: dict[str, Show] = {
    "took": lambda _, it: f"{it.makespan_s:,.1f} s",
    "ideal": lambda _, it: f"{it.ideal_s:,.1f} s",
    "more by": lambda _, it: f"{it.makespan_s - it.ideal_s:,.1f} s",
    "chunks": lambda _, it: f"{it.chunks:,}",
}
ENDS = Table(
    "Where one parent ends: 1,000 workers, ten chunks for each and the tail",
    TIMES | {"parent busy": lambda run, it: f"{it.messages * (run.world.message_s or 0) / it.makespan_s:.0%}"},
    {
        f"chunks of {chunk_s:g} s": Run(
            workers=1000, items=round(1000 * 10 * chunk_s / 0.001), chunk_s=chunk_s, world=QUICK
        )
        for chunk_s in (0.01, 0.02, 0.05, 0.1, 0.5, 2)
    },
)

SLOW = replace(LASTING, slow_share=0.01)
CUTTABLE = replace(SLOW, cuts=True)
HANGING = replace(SLOW, hangs_per_hour=0.5)
TAIL_RUN = Run(workers=1000, items=15 * 10**6, chunk_s=10)
LOSSES: dict[str, Show] = TIMES | {
    "run twice": lambda _, it: f"{it.twice:,}",
    "held": lambda run, it: f"{it.held / run.items:.0%}",
    "lost": lambda _, it: f"{it.deaths:,}",
}
TAIL = Table(
    "The tail: 15 million items of 10 ms, 1,000 workers, chunks of 10 s, 1 % of the workers ten times as slow",
    LOSSES,
    {
        "nobody slow": replace(TAIL_RUN, world=LASTING),
        "nothing done about it": replace(TAIL_RUN, world=SLOW),
        "whole chunks sent ahead are taken back": replace(TAIL_RUN, depth=2, gives_back=True, world=SLOW),
        "items not begun are taken back": replace(TAIL_RUN, gives_back=True, world=CUTTABLE),
        "copies in the end": replace(TAIL_RUN, copies=True, world=SLOW),
        "hangs: nothing done about it": replace(TAIL_RUN, world=HANGING),
        "hangs: items not begun are taken back": replace(TAIL_RUN, gives_back=True, world=replace(HANGING, cuts=True)),
        "hangs: the same, given up after 15 s": replace(
            TAIL_RUN, gives_back=True, world=replace(HANGING, cuts=True, silence_s=15)
        ),
        "hangs: copies in the end": replace(TAIL_RUN, copies=True, world=HANGING),
    },
)

ROUGH = World(
    message_s=MESSAGE_S,
    slow_share=0.01,
    cuts=True,
    deaths_per_hour=0.01,
    hangs_per_hour=0.001,
    node_losses=((200.0, 100), (600.0, 100)),
)
WHOLE_RUN = Run(workers=10_000, items=10**9, chunk_s=30, world=ROUGH)
WHOLE = Table(
    "All of it: 10⁹ items of 10 ms, 10,000 workers, chunks of 30 s, slow ones, deaths, hangs, two nodes of 100 lost",
    LOSSES
    | {
        "parent": lambda _, it: f"{it.parent_s:,.0f} s",
        "an item": lambda _, it: f"{it.item_cost_s * 1e9:.0f} ns",
        "grown": lambda _, it: f"{it.grown / 2**20:,.0f} MiB",
    },
    {
        "items not begun are taken back": replace(WHOLE_RUN, gives_back=True),
        "copies in the end": replace(WHOLE_RUN, copies=True),
    },
)

IMAP = Table(
    "imap: items of 1 s, one by one, 20 for each worker",
    TIMES | {"held": lambda _, it: f"{it.held:,}"},
    {
        f"{workers:,} workers, {'in order' if ordered else 'any order'}{', 1 % slow' * bool(slow)}": Run(
            workers=workers,
            items=20 * workers,
            chunksize=1,
            stream=True,
            ordered=ordered,
            world=replace(LASTING, item_s=1.0, slow_share=slow),
        )
        for workers in (100, 1000)
        for slow in (0.0, 0.01)
        for ordered in (True, False)
    },
)

GUILT = Table(
    "Innocents: 20,000 items of 10 minutes, 1,000 workers that die every 5 hours",
    {
        "lost": lambda _, it: f"{it.deaths:,}",
        "named as guilty": lambda _, it: f"{it.failed:,}",
        "run twice": lambda _, it: f"{it.twice:,}",
    },
    {
        f"crash_retries={retries}": Run(
            workers=1000,
            items=20_000,
            chunksize=1,
            crash_retries=retries,
            world=World(message_s=MESSAGE_S, item_s=600.0, deaths_per_hour=0.2),
        )
        for retries in (0, 1, 3)
    },
)

TABLES: dict[str, Table] = {
    "cost": COST,
    "ends": ENDS,
    "tail": TAIL,
    "whole": WHOLE,
    "imap": IMAP,
    "guilt": GUILT,
}
