"""What the opening makes of company that came to compute."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from poolwise.api.opening import Opening
from poolwise.model.events import ChunkDone, Outcome
from poolwise.model.options import Options
from poolwise.model.plan import Joined
from tests.unit.decide.facts import make_profile

RELEASES = make_profile(0.001, cpu=1.0, gil=0.05)


@pytest.fixture
def opening() -> Opening:
    """Make one in which threads have come to compute beside the first items."""
    runner = SimpleNamespace(queued_s=lambda: 0.0, cpu_s=lambda: 0.0)
    opening = Opening(None, Options(), "loop", 2, runner, meet=lambda: None)
    opening.joined = Joined("threads", 0.003)
    opening.computes = True
    return opening


def done(number: int, wall_s: float, cpu_s: float) -> ChunkDone:
    """Tell of a chunk of one item."""
    return ChunkDone(0, number, Outcome([0], {}, wall_s, cpu_s))


def test_threads_that_took_turns_tell_that_the_gil_is_held(opening: Opening) -> None:
    """One that is let go for moments looks free, but two threads get half a core each."""
    for number in range(4):
        opening.hear(done(number, 0.002, 0.001))
    found = opening.corrected(RELEASES)
    assert (found.gil_held, found.wall_s, found.thread_cpu_s) == (1.0, 0.001, 0.001)


def test_threads_that_computed_side_by_side_tell_that_it_is_free(opening: Opening) -> None:
    """Each had a core nearly all the time."""
    for number in range(4):
        opening.hear(done(number, 0.00105, 0.001))
    found = opening.corrected(RELEASES)
    assert (found.gil_held, found.thread_cpu_s) == (RELEASES.gil_held, 0.001)


def test_before_anybody_came_each_had_the_gil_for_itself(opening: Opening) -> None:
    """What ran alone says nothing of turns."""
    opening.computes = False
    opening.hear(done(0, 0.002, 0.001))
    opening.computes = True
    assert opening.corrected(RELEASES).gil_held == RELEASES.gil_held
