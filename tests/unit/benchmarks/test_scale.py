"""The simulated cluster of ``benchmarks/scale``: a thousand workers in seconds, and the same each time."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from benchmarks.scale.simulate import Figures, Run, simulate
from benchmarks.scale.tables import TABLES
from benchmarks.scale.world import World

WORLD = World(message_s=20e-6)
RUN = Run(items=100_000, workers=1000, world=WORLD)
SLOW = replace(RUN, items=10**6, workers=100, chunk_s=5, world=replace(WORLD, slow_share=0.1))


def virtual(figures: Figures) -> Figures:
    """Leave out what was measured on this machine."""
    return replace(figures, parent_s=0.0, real_s=0.0, grown=0)


def test_a_hundred_thousand_items_on_a_thousand_workers():
    """All of them come back once, in little more than the ideal time and the parent's, and so they do again."""
    figures = simulate(RUN)
    assert figures.given == RUN.items
    assert (figures.failed, figures.deaths, figures.twice) == (0, 0, 0)
    assert figures.ideal_s == pytest.approx(1.0)
    assert figures.ideal_s < figures.makespan_s < figures.ideal_s + figures.messages * 20e-6
    assert figures.parent_s > 0
    assert virtual(simulate(RUN)) == virtual(figures)


def test_workers_and_nodes_that_are_lost_cost_no_item():
    """Their chunks are run by others: each item has its result, and nobody is named as guilty."""
    world = replace(WORLD, deaths_per_hour=2.0, hangs_per_hour=1.0, silence_s=5, node_losses=((2.0, 100),))
    figures = simulate(replace(RUN, items=5 * 10**5, world=world))
    assert figures.given == 5 * 10**5
    assert figures.failed == 0
    assert figures.deaths > 100
    assert figures.twice > 0


def test_what_slow_workers_have_not_begun_is_done_by_others():
    """Taking back items within a chunk leaves less of the tail than copies, and runs nothing twice."""
    world = replace(SLOW.world, cuts=True)
    nothing, copies, back = (
        simulate(run) for run in (SLOW, replace(SLOW, copies=True), replace(SLOW, gives_back=True, world=world))
    )
    assert back.makespan_s < copies.makespan_s < nothing.makespan_s
    assert (nothing.twice, back.twice) == (0, 0)
    assert copies.twice > 0
    assert copies.wasted_s > 0


def test_order_keeps_what_stands_behind_a_slow_worker():
    """Results wait for an earlier one in memory; where no order is wanted, none does."""
    assert simulate(SLOW).held > 20_000
    assert simulate(replace(SLOW, ordered=False)).held == 0


def test_a_stream_keeps_few():
    """``imap`` reads ahead a little only, whoever is slow."""
    figures = simulate(replace(SLOW, items=5_000, chunksize=1, stream=True))
    assert figures.given == 5_000
    assert figures.held <= 2 * 1024


def test_a_parent_that_is_too_slow_is_what_the_run_takes():
    """Where messages come quicker than they are handled, they wait, and the workers for them."""
    figures = simulate(replace(RUN, items=5000, workers=100, chunksize=1, world=replace(WORLD, message_s=0.0005)))
    assert figures.makespan_s == pytest.approx(figures.messages * 0.0005, rel=0.1)


@pytest.mark.parametrize("count", [1, 1000])
def test_the_time_of_a_chunk_has_the_mean_of_its_items(count: int):
    """However many there are, the spread does not move the mean."""
    rng, world = random.Random(1), World(item_s=0.01, spread=1.0)
    drawn = [world.duration(count, rng) for _ in range(20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.01 * count, rel=0.05)


def test_every_table_is_of_whole_runs():
    """What the tables name can be run: each row has items, and workers that are no more than these."""
    for table in TABLES.values():
        assert all(0 < run.workers <= run.items for run in table.rows.values())
