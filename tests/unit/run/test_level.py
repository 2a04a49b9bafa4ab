"""The level of an adaptive limit, against made-up far sides in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from poolwise.run.level import BEGIN, Answer, Level
from tests.unit.run.far_side import Busy, Constant, Fixed, Queueing, Refusing, Run, Server, run

ITEMS = 10_000
SEEDS = range(4)
MOST = 256


def spread(rng: random.Random) -> float:
    """Answers that take as different times as those of a busy service."""
    return rng.lognormvariate(0, 0.5)


def memoryless(rng: random.Random) -> float:
    """Answers of which nothing can be foreseen: the worst that is likely."""
    return rng.expovariate(1.0)


FAR_SIDES: dict[str, tuple[Callable[[], Server], tuple[int, ...]]] = {
    "as quick however many": (Fixed, (MOST,)),
    "as quick, spread": (lambda: Fixed(spread), (MOST,)),
    "as quick, memoryless": (lambda: Fixed(memoryless), (MOST,)),
    "refuses beyond 3": (lambda: Refusing(lambda _: 3), (3,)),
    "refuses beyond 24": (lambda: Refusing(lambda _: 24), (24,)),
    "refuses beyond 24, at once": (lambda: Refusing(lambda _: 24, refusal_s=0.0), (24,)),
    "refuses beyond 100": (lambda: Refusing(lambda _: 100), (100,)),
    "a queue before 4": (lambda: Queueing(4), (4, 8, 16)),
    "a queue before 24": (lambda: Queueing(24), (24, 32, 48)),
    "a queue before 24, spread": (lambda: Queueing(24, spread), (24, 32, 48)),
    "a queue before 24, memoryless": (lambda: Queueing(24, memoryless), (24, 32, 48)),
    "a client that makes 500 a second": (lambda: Busy(500), (25, 50)),
    "a client that makes 2000 a second": (lambda: Busy(2000), (100, 200)),
}
"""Each with the fixed numbers among which the best one is."""


@pytest.mark.parametrize("name", FAR_SIDES)
def test_it_is_nearly_as_quick_as_the_best_fixed_number(name):
    """Whatever the far side is like: at most 1.5 times as long, 5 % of the requests refused, and no item lost."""
    make, fixed = FAR_SIDES[name]
    best = min(run(make(), Constant(limit), ITEMS, seed=0).took_s for limit in fixed)
    runs = [run(make(), Level(MOST), ITEMS, seed) for seed in SEEDS]
    assert max(each.took_s for each in runs) <= 1.5 * best
    assert max(each.waste for each in runs) <= 0.05
    assert [each.failed for each in runs] == [0] * len(runs)


def levels(each: Run, begin_s: float, end_s: float) -> list[int]:
    """Give the levels between two times."""
    return [limit for at_s, limit in each.limits if begin_s <= at_s < end_s]


@pytest.mark.parametrize(("most", "name"), [(24, "refuses beyond 24"), (100, "refuses beyond 100")])
def test_it_finds_its_level_within_a_second(most, name):
    """After a second it is within a quarter of what the far side takes, and stays there."""
    for seed in SEEDS:
        found = run(FAR_SIDES[name][0](), Level(), ITEMS, seed).level_after(1.0)
        assert 0.75 * most <= min(found) <= max(found) <= most + 1


def test_it_settles_where_more_brings_nothing():
    """A queue is found by the latency, and what only lengthens it is taken back; more is tried now and then."""
    found = sorted(run(Queueing(24), Level(), ITEMS, seed=0).level_after(1.0))
    assert 24 <= found[0] <= found[int(0.9 * len(found))] <= 48


def test_it_recovers_when_the_far_side_does():
    """From 24 to 6 and back: a level is found each time, within some seconds."""
    server = Refusing(lambda now: 6 if 5 <= now < 10 else 24)
    for seed in SEEDS:
        found = run(server := Refusing(server.most), Level(), ITEMS, seed)
        assert max(levels(found, 8.0, 10.0)) <= 8
        assert min(levels(found, 18.0, 20.0)) >= 20
        assert found.waste <= 0.05
        assert not found.failed


def test_an_item_that_is_refused_alone_has_failed():
    """Down to one at a time there is nobody to blame but the item, or the far side."""
    level = Level(begin=2)
    first, second = level.enter(), level.enter()
    assert level.leave(first, 1.0, Answer(0.1, served=False, refused=True))
    assert level.limit == 1
    assert level.leave(second, 1.0, Answer(0.1, served=False, refused=True))
    assert not level.leave(level.enter(), 2.0, Answer(0.1, served=False, refused=True))


def test_those_under_way_at_a_refusal_are_refused_once():
    """Eight that are refused together take the level down one step, not eight."""
    level = Level()
    tickets = [level.enter() for _ in range(BEGIN)]
    for ticket in tickets:
        assert level.leave(ticket, 1.0, Answer(0.1, served=False, refused=True))
    assert level.limit == 6
    assert level.inside == 0


def test_an_item_that_is_refused_again_says_nothing_new():
    """A page that is never served does not take the level down for all others."""
    level = Level()
    before = level.limit
    assert level.leave(level.enter(), 1.0, Answer(0.1, served=False, refused=True, again=True))
    assert level.limit == before


def test_it_rests_as_long_as_it_is_asked_to():
    """``Retry-After`` is honoured, up to five minutes."""
    level = Level()
    level.leave(level.enter(), 10.0, Answer(0.1, served=False, refused=True, retry_after_s=7.0))
    assert level.rest_until == 17.0
    level.leave(level.enter(), 10.0, Answer(0.1, served=False, refused=True, retry_after_s=1e9))
    assert level.rest_until == 310.0


def test_it_grows_only_where_it_is_used():
    """Latencies of a few say nothing of more."""
    level = Level()
    for step in range(200):
        level.leave(level.enter(), float(step), Answer(0.1, served=True))
    assert level.limit == BEGIN
