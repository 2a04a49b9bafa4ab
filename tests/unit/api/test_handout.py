"""The iterator of ``Pool.map``, over results that a test brings."""

from __future__ import annotations

import time
import weakref
from concurrent.futures import CancelledError
from typing import Any

import pytest

from poolwise.api.handout import Handout
from poolwise.api.source import Source
from poolwise.model.events import Batch, Failed, TaskError
from poolwise.run.desk import Many


class Thing:
    """Something whose end can be seen."""


def handout_of(count: int, *pieces: list[Any], deadline: float | None = None) -> tuple[Many, Handout[Any]]:
    """Make a map and its iterator; some of its results are there."""
    many = Many(abs, range(count), spread=False)
    bring(many, 0, *pieces)
    return many, Handout.of(Source(many), deadline)


def bring(many: Many, start: int, *pieces: list[Any]) -> None:
    """Bring results."""
    for values in pieces:
        many.take(Batch(start, values))
        start += len(values)


def fail(many: Many, index: int, error: BaseException) -> None:
    """Let an item fail."""
    many.take(Batch(index, [None], {0: Failed(index, TaskError(error), 1)}))


def test_results_come_in_order_through_pieces_of_any_size() -> None:
    """One iterator, then nothing more."""
    many, handout = handout_of(6, [0], [1, 2, 3], [4, 5])
    assert list(handout) == [0, 1, 2, 3, 4, 5]
    assert list(handout) == []
    assert many.cancelled


def test_a_result_that_was_given_is_not_held() -> None:
    """Not even by the piece in which it came, of which others have not been given."""
    things = [Thing(), Thing(), Thing()]
    gone = [weakref.ref(each) for each in things]
    _, handout = handout_of(3, things)
    # The list is handed on, and what this test knows of it with it.
    first = next(handout)
    assert gone[0]() is first
    assert len(things) == 2
    del first
    assert [each() is None for each in gone] == [True, False, False]


def test_an_error_is_raised_in_its_place_and_ends_the_iterator() -> None:
    """What comes before it is given; what has not begun is given up."""
    many, handout = handout_of(4, [0, 1])
    fail(many, 2, ValueError("no"))
    bring(many, 3, [3])
    assert [next(handout), next(handout)] == [0, 1]
    with pytest.raises(ValueError, match="no"):
        next(handout)
    assert list(handout) == []
    assert many.cancelled


def test_an_error_in_the_middle_of_a_piece_is_raised_in_its_place() -> None:
    """The values behind it are not given."""
    many, handout = handout_of(3)
    many.take(Batch(0, ["a", None, "c"], {1: Failed(1, TaskError(ValueError("no")), 1)}))
    assert next(handout) == "a"
    with pytest.raises(ValueError, match="no"):
        next(handout)
    assert list(handout) == []


def test_closing_in_the_middle_of_a_piece_ends_the_iterator() -> None:
    """Nothing more comes of the piece, and what has not begun is given up."""
    many, handout = handout_of(4, [0, 1, 2])
    assert next(handout) == 0
    handout.close()
    assert many.cancelled
    assert list(handout) == []


def test_closing_before_the_first_result_gives_up_all() -> None:
    """Also where nobody has asked for anything; and again, nothing happens."""
    many, handout = handout_of(2)
    handout.close()
    handout.close()
    assert many.cancelled
    assert list(handout) == []


def test_dropping_the_iterator_gives_up_the_rest() -> None:
    """As closing it does."""
    many, handout = handout_of(4, [0, 1])
    next(handout)
    del handout
    assert many.cancelled


def test_a_deadline_counts_only_for_what_has_not_come() -> None:
    """What is there is given all the same."""
    _, handout = handout_of(2, [0], deadline=time.monotonic() - 1)
    assert next(handout) == 0
    with pytest.raises(TimeoutError):
        next(handout)


def test_a_cancelled_map_gives_what_has_come_first() -> None:
    """Then it says that it was cancelled."""
    many, handout = handout_of(2, [0])
    many.cancel()
    assert next(handout) == 0
    with pytest.raises(CancelledError):
        next(handout)


def test_an_error_of_the_pool_is_raised() -> None:
    """When nothing more will come."""
    many, handout = handout_of(2, [0])
    many.fail(RuntimeError("no worker"))
    assert next(handout) == 0
    with pytest.raises(RuntimeError, match="no worker"):
        next(handout)


def test_light_values_are_given_and_let_go_with_their_piece() -> None:
    """At the latest when the next piece is asked for; closing ends them, too."""
    many, handout = handout_of(3)
    values = [10, 11]
    many.take(Batch(0, values, light=True))
    assert [next(handout), next(handout)] == [10, 11]
    many.take(Batch(2, [12]))
    assert next(handout) == 12
    assert handout._blocks._block is not values


def test_closing_in_the_middle_of_light_values_ends_the_iterator() -> None:
    """As of others."""
    many, handout = handout_of(2)
    many.take(Batch(0, [10, 11], light=True))
    assert next(handout) == 10
    handout.close()
    assert list(handout) == []
