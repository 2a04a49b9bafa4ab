"""Whether and when an item that failed is tried again."""

from __future__ import annotations

import logging

import pytest

from poolwise.model.events import TaskError, Trouble
from poolwise.model.retry import WAIT_S, Retry
from poolwise.run.trials import MOST_ASKED_S, Trials, draw, excused_wait_s


def failed(error: BaseException | None = None, trouble: Trouble | None = None) -> TaskError:
    """Give what a call raised."""
    return TaskError(error or ValueError("bad"), "", trouble)


def test_a_function_s_own_failure_is_tried_at_once():
    """A number of retries means no wait where waiting cannot help, and so many tries in all."""
    trials = Trials(Retry(2))
    assert [trials.judge(7, failed()) for _ in range(3)] == [0.0, 0.0, None]
    assert trials.close(7) == 3


def test_waits_grow_up_to_a_cap():
    """Where a service fails, each wait is twice the one before, and none is longer than the cap."""
    trials = Trials(Retry(5, wait_max=0.5), lambda: 0.0)
    waits = [trials.judge(0, failed(trouble=Trouble())) for _ in range(5)]
    assert waits == [WAIT_S, 2 * WAIT_S, 4 * WAIT_S, 0.5, 0.5]


@pytest.mark.parametrize(("drawn", "expected"), [(0.0, 1.0), (0.5, 0.75), (1.0, 0.5)])
def test_a_part_of_the_wait_is_left_to_chance(drawn: float, expected: float):
    """Up to the share ``jitter`` of a wait is left out."""
    assert Trials(Retry(1, wait=1.0, jitter=0.5), lambda: drawn).judge(0, failed()) == expected


@pytest.mark.parametrize(
    ("asked_s", "expected"),
    [(7.0, 7.0), (0.2, 1.0), (300.0, 300.0), (301.0, None)],
    ids=["more", "less", "most", "too"],
)
def test_an_answer_says_how_long(asked_s: float, expected: float | None):
    """What is asked for is waited for where that is longer; where it is too long, the item has failed."""
    trials = Trials(Retry(1, wait=1.0, jitter=0.0))
    assert trials.judge(0, failed(trouble=Trouble(asked_s))) == expected


def test_what_an_answer_says_can_be_ignored():
    """With ``retry_after=False`` the own waits count alone, however long was asked for."""
    trials = Trials(Retry(1, wait=1.0, jitter=0.0, retry_after=False))
    assert trials.judge(0, failed(trouble=Trouble(9999.0))) == 1.0


def test_only_what_the_policy_takes_is_tried_again():
    """An error of another type is final, and counts as one attempt."""
    trials = Trials(Retry(3, on=(KeyError, OSError)))
    assert trials.judge(0, failed(IndexError())) is None
    assert trials.close(0) == 1
    assert trials.judge(1, failed(KeyError())) == 0.0


def test_a_policy_that_raises_says_no_and_is_told_once(caplog: pytest.LogCaptureFixture):
    """A function in ``on`` that raises counts as no; that is told at its first time."""
    trials = Trials(Retry(3, on=lambda error: error.status > 3))
    with caplog.at_level(logging.ERROR, "poolwise"):
        assert [trials.judge(index, failed()) for index in range(3)] == [None] * 3
    assert ["Retry.on raised" in record.message for record in caplog.records] == [True]


def test_who_is_excused_waits_as_asked_but_not_for_ever():
    """An item that failed because of its company waits as long as was asked for, up to the default's limit."""
    waits = [excused_wait_s(failed(trouble=each)) for each in (None, Trouble(), Trouble(2.0), Trouble(1e6))]
    assert waits == [0.0, 0.0, 2.0, MOST_ASKED_S]


def test_chance_is_spread():
    """The numbers are from 0 to 1, and on both sides of the middle."""
    drawn = [draw() for _ in range(200)]
    assert all(0 <= each < 1 for each in drawn)
    assert 0.2 < sum(each < 0.5 for each in drawn) / 200 < 0.8
