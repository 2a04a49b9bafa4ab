"""What a watcher is told: the total that was announced, and when nobody is told."""

from __future__ import annotations

import pytest

import poolwise
from poolwise.run.telling import announced


@pytest.mark.parametrize(
    ("total", "known", "hint", "told"),
    [
        (None, 0, None, None),
        (None, 3, 10, 10),
        (None, 10, 10, 10),
        (None, 11, 10, None),
        (12, 12, 10, 12),
        (5, 5, 10, 5),
        (5, 5, None, 5),
    ],
)
def test_what_is_announced_counts_until_something_speaks_against_it(total, known, hint, told):
    """More items than were announced: no total. The input's end: the true one."""
    assert announced(total, known, hint) == told


def items(count):
    """Give items whose number nobody knows."""
    yield from range(count)


@pytest.mark.parametrize("count", [0, 5, 30])
@pytest.mark.parametrize("hint", [0, 10, 1000])
def test_a_wrong_total_breaks_nothing(count, hint):
    """More items than announced, fewer, none: all results, and in the end the true total."""
    told = []
    results = poolwise.imap(abs, items(count), progress=told.append, desc="named", total=hint, backend="loop")
    assert list(results) == list(range(count))
    assert (told[-1].done, told[-1].total, told[-1].desc) == (count, count, "named")
    if count:
        assert told[-1].rate == pytest.approx(count / told[-1].elapsed_s)
    assert (told[-1].left_low_s, told[-1].left_high_s) == (0.0, 0.0)


def test_a_run_that_is_left_early_promises_nothing():
    """The last moment of a stream that nobody wants any more has no time left to tell."""
    told = []
    with poolwise.imap(abs, items(100), progress=told.append, total=100, backend="loop", chunksize=1) as results:
        next(results)
    assert told[-1].finished
    assert told[-1].done < 100
    assert (told[-1].total, told[-1].left_low_s, told[-1].left_high_s) == (None, None, None)


def test_a_run_is_called_by_its_function():
    """Without ``desc`` the name is the function's."""
    told = []
    poolwise.map(abs, [1], progress=told.append)
    assert told[-1].desc == "abs"
