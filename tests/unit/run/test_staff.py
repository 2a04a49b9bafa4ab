"""The book of workers: what is asked for each chunk is known without looking at everybody."""

from __future__ import annotations

import random

import pytest

from poolwise.model.events import Chunk
from poolwise.run.richest import Richest
from poolwise.run.staff import STALE, Staff


def staff(*chunks: list[int]) -> Staff:
    """Hire workers that are ready; each is given chunks of so many items."""
    made, start = Staff(), 0
    for sizes in chunks:
        worker = made.hire()
        made.arrive(worker)
        for size in sizes:
            made.give(worker, Chunk(start, start, start + size))
            start += size
    return made


def test_the_richest_is_who_has_the_most_by_now():
    """What is given, done, taken back or lost counts at once; of equals the first comes first."""
    book = staff([5], [3, 4], [7])
    assert book.richest() == (1, 7)
    book.cut(1, ((8, 8),))
    assert book.richest() == (2, 7)
    book.lose(2)
    assert book.richest() == (0, 5)
    book.done(0, 0)
    assert book.richest() == (1, 3)
    book.give(0, Chunk(9, 50, 60))
    assert book.richest() == (0, 10)
    assert book.richest(0) == (1, 3)
    book.bench([0, 1])
    assert book.richest() == (-1, 0)


def test_who_has_nothing_to_give_back_is_asked_no_more():
    """A worker that has kept all it had is passed over until it has something new."""
    book = staff([5], [3])
    book.cut(0, ())
    assert book.richest() == (1, 3)
    book.done(0, 0)
    book.give(0, Chunk(7, 20, 26))
    assert book.richest() == (0, 6)


def test_what_is_kept_to_find_the_richest_does_not_grow():
    """A run in which somebody was idle once does not fill the memory for ever after."""
    book = staff([5], [3])
    assert book.richest() == (0, 5)
    for number in range(10, 1000):
        book.give(0, Chunk(number, number, number + 1))
        book.done(0, number)
    assert book._richest is None or len(book._richest) <= STALE * 2 + 1
    assert book.richest() == (0, 5)


def test_the_hungry_are_those_with_work_and_room():
    """Each as often as it has room; not who has nothing at all, gave something back, or is here."""
    book = staff([1], [], [1, 1], [1])
    book.cut(3, ((3, 3),))
    served = []
    for number, worker in enumerate(book.hungry(3), 10):
        served.append(worker)
        book.give(worker, Chunk(number, number, number + 1))
    assert served == [0, 0, 2]
    assert list(book.hungry(3)) == []
    book.done(0, 0)
    assert list(zip(book.hungry(3, 0), range(1), strict=False)) == []
    assert [worker for worker, _ in zip(book.hungry(3), range(1), strict=False)] == [0]


def test_who_was_not_served_is_hungry_still():
    """Nothing may be left to send in the middle of it."""
    book = staff([1], [1])
    assert next(book.hungry(2)) == 0
    assert next(book.hungry(2)) == 0
    book.give(0, Chunk(9, 9, 10))
    assert list(zip(book.hungry(2), range(1), strict=False)) == [(1, 0)]


@pytest.mark.parametrize("seed", range(20))
def test_the_book_of_the_richest_agrees_with_a_look_at_all(seed: int):
    """Whatever changes, in whatever order."""
    rng = random.Random(seed)
    wealth = {worker: rng.randrange(5) for worker in range(10)}
    book = Richest(wealth.items())
    for _ in range(200):
        worker = rng.randrange(10)
        wealth[worker] = rng.randrange(6)
        book.note(worker, wealth[worker])
        most = max(wealth.values())
        first = min(worker for worker, count in wealth.items() if count == most) if most else -1
        assert book.find(wealth.__getitem__) == (first, most)
