"""How many may wait at once, played against far sides that are simulated: no clock, no luck but a seed's."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.model.recent import Recent
from poolwise.run.limit import LEAST_ANSWERS, Limiter

BASE_S = 0.02
FarSide = Callable[[int, int], float]
"""Says what an answer takes, with so many under way, in such a round."""


def round_of(limit: int, latency_s: float) -> Recent:
    """Make the round of a far side that takes so long for each of ``limit`` under way (Little's law gives the rate)."""
    answers = max(LEAST_ANSWERS, limit // 2)
    return Recent(
        kind="threads",
        seconds=answers * latency_s / limit,
        items=answers,
        wall_s=latency_s,
        cpu_s=0.0,
        typical_s=latency_s,
        wait_s=latency_s,
        busy=0.0,
    )


def play(limiter: Limiter, far_side: FarSide, rounds: int, base_s: float | None = BASE_S) -> list[tuple[int, float]]:
    """Give the limit and the rate of each round."""
    story = []
    for number in range(rounds):
        recent = round_of(limiter.limit, far_side(limiter.limit, number))
        story.append((limiter.limit, recent.rate))
        limiter.hear(recent, base_s)
    return story


def unlimited(_limit: int, _round: int) -> float:
    """Take no longer for many."""
    return BASE_S


def serves(capacity: int) -> FarSide:
    """Serve so many at once; the others stand in a queue."""
    return lambda limit, _: BASE_S * max(1.0, limit / capacity)


def suffers(capacity: int) -> FarSide:
    """Slow down quadratically beyond so many: more asked for is less done."""
    return lambda limit, _: BASE_S * max(1.0, limit / capacity) ** 2


def test_a_far_side_that_bears_all_gets_all() -> None:
    """The limit doubles with each round, up to what the Plan wants."""
    story = play(Limiter(8, 128, 2), unlimited, 6)
    assert [limit for limit, _ in story] == [8, 16, 32, 64, 128, 128]


@given(capacity=st.integers(2, 200), begin=st.integers(2, 64), most=st.integers(64, 256))
def test_a_constant_capacity_is_always_full(capacity: int, begin: int, most: int) -> None:
    """From the moment when the limit has found it, the far side never has less to do than it can."""
    story = play(Limiter(begin, most, 2), serves(capacity), 40)
    best = min(capacity, most) / BASE_S
    assert min(rate for _, rate in story[10:]) >= 0.95 * best


@pytest.mark.parametrize("capacity", [8, 16, 30, 64])
def test_who_suffers_from_many_is_given_fewer(capacity: int) -> None:
    """Where throughput falls beyond the capacity, more than half is had in the long run (128 at once: 6 to 50 %)."""
    limiter = Limiter(8, 128, 2)
    story = play(limiter, suffers(capacity), 60)
    best = capacity / BASE_S
    assert statistics.mean(rate for _, rate in story[10:]) >= 0.6 * best
    assert limiter.trials >= 1
    assert statistics.mean(limit for limit, _ in story[10:]) <= 2 * capacity


def test_a_far_side_that_minds_from_the_first_on_is_not_noticed() -> None:
    """What was never fast has no base to be compared with: the limit stays near where it began."""
    limiter = Limiter(32, 128, 2)
    story = play(limiter, suffers(4), 40, None)
    assert max(limit for limit, _ in story) <= 64


def test_heavy_tails_do_not_pass_for_a_queue() -> None:
    """Items of which a tenth take ten times as long: the median of a round hardly moves, and the limit stays high."""
    rng = random.Random(1)

    def tailed(limit: int, _round: int) -> float:
        answers = max(LEAST_ANSWERS, limit // 2)
        return statistics.median(BASE_S * (10 if rng.random() < 0.1 else 1) for _ in range(answers))

    story = play(Limiter(16, 128, 2), tailed, 80)
    assert statistics.mean(limit for limit, _ in story[10:]) >= 100


def test_very_uneven_items_keep_most_of_their_company() -> None:
    """Durations over three orders of magnitude: single rounds mislead, and what they cost comes back."""
    rng = random.Random(2)

    def uneven(limit: int, _round: int) -> float:
        answers = max(LEAST_ANSWERS, limit // 2)
        return statistics.median(BASE_S * rng.lognormvariate(0, 1.5) for _ in range(answers))

    story = play(Limiter(16, 128, 2), uneven, 200)
    assert statistics.mean(limit for limit, _ in story[20:]) >= 48


@pytest.mark.parametrize("times", [2.6, 5, 50])
def test_items_that_really_take_longer_get_their_company_back(times: float) -> None:
    """With fewer at once they are no faster: two rounds are lost, then all are back, and stay."""
    limiter = Limiter(16, 128, 2)
    story = play(limiter, lambda _, number: BASE_S * (times if number >= 10 else 1), 30)
    assert [limit for limit, _ in story[4:11]] == [128] * 7
    assert [limit for limit, _ in story[13:]] == [128] * 17
    assert limiter.trials == 1


@given(begin=st.integers(1, 300), most=st.integers(1, 300), least=st.integers(1, 64), data=st.data())
@settings(max_examples=200)
def test_whatever_comes_the_limit_stays_in_its_bounds(begin: int, most: int, least: int, data: st.DataObject) -> None:
    """Never more than the Plan says, never fewer than the cores."""
    begin = min(begin, most)
    limiter = Limiter(begin, most, least)
    for latency_s in data.draw(st.lists(st.floats(1e-6, 100), max_size=30)):
        limit = limiter.hear(round_of(limiter.limit, latency_s), BASE_S)
        assert limit == limiter.limit
        assert min(begin, least, most) <= limit <= most


@pytest.mark.parametrize(
    ("limit", "answers", "is_round"), [(1, 7, False), (1, 8, True), (16, 8, True), (64, 31, False), (64, 32, True)]
)
def test_a_round_is_half_of_what_is_under_way(limit: int, answers: int, is_round: bool) -> None:  # noqa: FBT001 - a table
    """And eight answers at least: the median of fewer is luck."""
    assert Limiter(limit, 128, 1).is_round(answers) is is_round
