"""What finished chunks have in common, by clocks that nobody waits for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from poolwise.measure import tally as tally_module
from poolwise.measure.tally import MOST_CHUNKS, Tally
from poolwise.model.events import ChunkDone, Outcome
from poolwise.model.recent import Recent
from poolwise.testing import FakeClock


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Make clocks that stand still, and what workers have queued for."""
    clocks = SimpleNamespace(wall=FakeClock(50.0), cpu=FakeClock(9.0), queued=4.0)
    fake = SimpleNamespace(monotonic=clocks.wall.now, process_time=clocks.cpu.now)
    monkeypatch.setattr(tally_module, "time", fake)
    return clocks


def done(items: int, wall_s: float, cpu_s: float = 0.0) -> ChunkDone:
    """Tell of a chunk that has taken so long."""
    return ChunkDone(0, 1, Outcome(list(range(items)), {}, wall_s, cpu_s))


def test_where_nothing_was_heard_the_clocks_tell(clocks: SimpleNamespace) -> None:
    """Without chunks there is what was computed meanwhile; without time there are no figures."""
    tally = Tally("threads", workers=2)
    clocks.wall.advance(1.0)
    clocks.cpu.advance(1.0)
    recent = tally.take()
    assert (recent.items, recent.busy, recent.cpu_s, recent.wall_s) == (0, 1.0, 0.5, 1.0)
    tally.hear(done(1, 0.1))
    assert tally.take() is None


def test_figures_are_means_for_one_item(clocks: SimpleNamespace) -> None:
    """Wall and CPU are shared among all items; the median and the least are of chunks."""
    tally = Tally("threads")
    for event in (done(1, 0.010, 0.002), done(1, 0.030, 0.001), done(2, 0.040, 0.002)):
        tally.hear(event)
    clocks.wall.advance(0.05)
    clocks.cpu.advance(0.01)
    assert tally.take() == Recent(
        kind="threads",
        seconds=pytest.approx(0.05),
        items=4,
        wall_s=pytest.approx(0.02),
        cpu_s=pytest.approx(0.0025),  # 10 ms of the process, of which the four chunks know 5
        typical_s=0.02,
        wait_s=pytest.approx(0.008),
        busy=pytest.approx(0.2),
    )


def test_it_begins_anew_each_time(clocks: SimpleNamespace) -> None:
    """What was told once is not told again."""
    tally = Tally("threads")
    tally.hear(done(1, 0.5))
    clocks.wall.advance(1.0)
    clocks.cpu.advance(1.0)
    assert tally.take().wall_s == 0.5
    tally.hear(done(3, 0.3))
    clocks.wall.advance(0.5)
    recent = tally.take()
    assert (recent.items, recent.seconds, recent.busy, recent.rate) == (3, pytest.approx(0.5), 0.0, pytest.approx(6.0))
    assert tally.chunks == 0


def test_a_chunk_that_was_taken_back_whole_says_nothing(clocks: SimpleNamespace) -> None:
    """Nobody has run any of it."""
    tally = Tally("processes")
    tally.hear(ChunkDone(0, 1, Outcome([], {}, 0.0), cut=True))
    assert tally.chunks == 0


def test_waiting_for_a_core_is_not_the_items_waiting(clocks: SimpleNamespace) -> None:
    """On a busy machine workers stand in the queue: what an item took is less than what passed, its CPU at least."""
    tally = Tally("processes", lambda: clocks.queued)
    tally.hear(done(2, 0.10, 0.04))
    clocks.queued += 0.03
    clocks.wall.advance(0.1)
    assert tally.take().wall_s == pytest.approx(0.035)
    tally.hear(done(2, 0.10, 0.04))
    clocks.queued += 1.0
    clocks.wall.advance(0.1)
    recent = tally.take()
    assert (recent.wall_s, recent.waiting) == (pytest.approx(0.02), 0.0)
    # A worker that has died takes its figures with it.
    tally.hear(done(2, 0.10, 0.04))
    clocks.queued -= 2.0
    clocks.wall.advance(0.1)
    assert tally.take().wall_s == pytest.approx(0.05)


def test_of_very_many_chunks_the_newest_count(clocks: SimpleNamespace) -> None:
    """The rate knows them all; what an item is like, the last ones say."""
    tally = Tally("threads")
    for wall_s in [1.0] * 100 + [0.001] * MOST_CHUNKS:
        tally.hear(done(1, wall_s))
    clocks.wall.advance(1.0)
    recent = tally.take()
    assert (recent.items, recent.wall_s) == (100 + MOST_CHUNKS, pytest.approx(0.001))
