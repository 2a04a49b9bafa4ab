"""How lists of values travel: what comes out is what went in, and one bad value costs itself."""

from __future__ import annotations

import enum
import mmap
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from poolwise.engine.arena import Reader, Writer
from poolwise.errors import ItemShippingError, ResultShippingError
from poolwise.work.packing import Broken, Packer, Parcel, Unpacker
from poolwise.work.shipping import LEAST_BUFFER

SIZE = 64 * LEAST_BUFFER
LARGE = 2 * LEAST_BUFFER


class Number(int):
    """Looks like an int to whoever does not look closely."""


class Colour(enum.IntEnum):
    RED = 1


class Stubborn:
    """Cannot be pickled."""

    def __reduce__(self) -> Any:
        msg = "will not"
        raise ValueError(msg)


class Sulky:
    """Can be pickled and not unpickled."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


class Lines:
    """Here and there the two sides of a channel, with an arena in between."""

    def __init__(self, shared: mmap.mmap | None) -> None:
        self.writer = Writer(shared, 0, SIZE) if shared is not None else None
        self.reader = Reader(shared, 0, SIZE) if shared is not None else None
        self.packer = Packer(lambda: self.writer, by_value=False)
        self.unpacker = Unpacker(lambda: self.reader)

    def values(self, values: list[Any], errors: dict[int, Any] | None = None) -> tuple[Any, Parcel, dict[int, Any]]:
        """Let results travel; give them, their parcel, and the errors of both sides."""
        errors = {} if errors is None else errors
        parcel, body = self.packer.values(values, errors)
        # As it travels: the parcel in a pickled message, the body behind it.
        parcel = Parcel(*pickle.loads(pickle.dumps(tuple(parcel))))
        return self.unpacker.values(parcel, memoryview(bytes(body)), errors), parcel, errors

    def items(self, items: list[Any]) -> Any:
        """Let items travel."""
        parcel, body = self.packer.items(items)
        return self.unpacker.items(parcel, memoryview(bytes(body)))


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Give both sides, with an arena."""
    yield (both := Lines(mmap.mmap(-1, SIZE)))
    both.writer.close()
    both.reader.close()


PLAIN = [1, -1.5, "x", None, True, b"y", 2j, [1, {"a": (2, {3})}], frozenset({4}), range(3), bytearray(b"z")]


def test_built_in_values_are_one_pickle(lines: Lines) -> None:
    """However nested: nothing of the user's takes part."""
    came, parcel, errors = lines.values(PLAIN)
    assert (came, parcel.pieces, errors) == (PLAIN, None, {})
    assert [type(each) for each in came] == [type(each) for each in PLAIN]
    assert lines.items(PLAIN) == PLAIN


@pytest.mark.parametrize("value", [Number(3), Colour.RED, ValueError("told"), Number, len], ids=repr)
@pytest.mark.parametrize("nested", [False, True])
def test_the_exact_type_is_kept(lines: Lines, value: Any, nested: bool) -> None:  # noqa: FBT001
    """What only resembles a built-in value comes back as what it was, also deep inside."""
    came, parcel, _ = lines.values([[{"a": value}] if nested else value, 1])
    back = came[0][0]["a"] if nested else came[0]
    assert parcel.pieces is not None
    assert (type(back), str(back)) == (type(value), str(value))


def test_numpy_scalars_stay_scalars(lines: Lines) -> None:
    """A float64 is a float by inheritance, and must not become one."""
    numpy = pytest.importorskip("numpy")
    sent = [numpy.float64(0.5), numpy.int8(3), numpy.bool_(1), 0.5]
    came, _, _ = lines.values(sent)
    assert [(type(each), each) for each in came] == [(type(each), each) for each in sent]


# --- One bad value -------------------------------------------------------------------------------------------------


def test_a_result_that_cannot_be_pickled_costs_itself(lines: Lines) -> None:
    """Its neighbours arrive, and its error says what to do."""
    came, _, errors = lines.values([1, Stubborn(), Number(3)])
    assert (list(came), list(errors)) == ([1, None, 3], [1])
    assert type(errors[1].error) is ResultShippingError
    assert "will not" in str(errors[1].error)


def test_a_result_that_cannot_be_unpickled_costs_itself(lines: Lines) -> None:
    """So does one that fails on the other side."""
    came, _, errors = lines.values([1, Sulky(), 3])
    assert (list(came), list(errors)) == ([1, None, 3], [1])
    assert type(errors[1].error) is ResultShippingError


def test_bad_items_cost_themselves(lines: Lines) -> None:
    """In their places come their errors, for the worker to raise."""
    first, stubborn, sulky, last = lines.items([1, Stubborn(), Sulky(), 4])
    assert (first, last) == (1, 4)
    for bad in (stubborn, sulky):
        assert isinstance(bad, Broken)
        assert type(bad.error) is ItemShippingError


def test_what_is_nested_too_deep_costs_itself(lines: Lines) -> None:
    """Also of built-in values: pickling them runs out of stack."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    came, _, errors = lines.values([1, deep, 3])
    assert (list(came), list(errors)) == ([1, None, 3], [1])
    assert "RecursionError" in str(errors[1].error)
    while deep:
        # Taken apart from outside: freeing it at once would need the stack as well.
        deep = deep[0]


def test_each_value_is_marked_before_its_own_code_runs(lines: Lines) -> None:
    """So that a death over a value names it; plain values have no code."""
    marked: list[int] = []
    parcel, body = lines.packer.values([1, Number(2)], {}, marked.append)
    lines.unpacker.items(parcel, memoryview(body), marked.append)
    lines.packer.values([1, 2], {}, marked.append)
    assert marked == [0, 1, 0, 1]


# --- Large ---------------------------------------------------------------------------------------------------------


def test_large_buffers_travel_outside_of_the_pickle(lines: Lines) -> None:
    """An array comes back equal and writable, in the arena; its place is free when it is dropped."""
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(LARGE // 8)
    came, parcel, errors = lines.values([array, "small"])
    assert (errors, came[1]) == ({}, "small")
    [(length, [(place, size, writable)]), _] = parcel.pieces
    assert (size, writable, length < 1000, parcel.size > LARGE) == (LARGE, True, True, True)
    assert (came[0] == array).all()
    came[0][0] = 7
    assert (came[0][0], array[0]) == (7, 0)
    assert lines.reader.take_dropped() == []
    del came
    assert lines.reader.take_dropped() == [place]


def test_what_was_read_only_stays_so(lines: Lines) -> None:
    """Whoever froze an array gets a frozen one."""
    numpy = pytest.importorskip("numpy")
    array = numpy.zeros(LARGE, dtype="u1")
    array.setflags(write=False)
    came, _, _ = lines.values([array])
    assert not came[0].flags.writeable


def test_arrays_in_strides_arrive(lines: Lines) -> None:
    """What is not contiguous is put in order on its way."""
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(LARGE)[::2]
    transposed = numpy.arange(LARGE).reshape(2, -1).T
    came, _, _ = lines.values([array, transposed])
    assert (came[0] == array).all()
    assert (came[1] == transposed).all()


def test_a_large_body_lies_in_the_arena_too(lines: Lines) -> None:
    """It is read there and its place is free at once."""
    came, parcel, _ = lines.values(["x" * LARGE])
    assert came == ["x" * LARGE]
    assert parcel.body is not None
    assert lines.reader.take_dropped() == [parcel.body[0]]


def test_a_value_that_fails_after_its_buffers_gives_them_back(lines: Lines) -> None:
    """Nobody will ever read them, so that their room is free at once."""
    numpy = pytest.importorskip("numpy")
    for _ in range(3 * SIZE // LARGE):
        came, _, errors = lines.values([(numpy.zeros(LARGE, dtype="u1"), Stubborn())])
        assert (list(came), list(errors)) == ([None], [0])
    assert lines.writer.put(bytes(LARGE)) == 0


def test_a_second_try_takes_no_buffer_twice(lines: Lines) -> None:
    """What only cloudpickle can pack was tried by pickle first, whose buffers are let go."""
    numpy = pytest.importorskip("numpy")
    came, parcel, _ = lines.values([(numpy.ones(LARGE, dtype="u1"), lambda: 5)])
    assert (came[0][0].sum(), came[0][1]()) == (LARGE, 5)
    assert [len(places) for _, places in parcel.pieces] == [1]
    assert parcel.size < 2 * LARGE


@pytest.mark.parametrize("arena", [True, False])
def test_what_the_arena_cannot_hold_travels_in_the_pickle(arena: bool) -> None:  # noqa: FBT001
    """It is full, or there is none (a limit on address space): slower, and as right."""
    numpy = pytest.importorskip("numpy")
    both = Lines(mmap.mmap(-1, SIZE) if arena else None)
    array = numpy.arange(2 * SIZE // 8)
    came, parcel, errors = both.values([array])
    assert (parcel.body, [places for _, places in parcel.pieces], errors) == (None, [()], {})
    assert (came[0] == array).all()
    came[0][0] = 7
    if arena:
        both.writer.close()
        both.reader.close()


@pytest.mark.parametrize(
    "few", [[1, True, 2.5, None, "\ud800", b"b"], [], [Number(7)], [Colour.RED, 1], [[1], {2: 3}, range(4)]]
)
def test_few_values_come_as_they_were(few: list[Any]) -> None:
    """Each of its own type, though few are packed in another way than many."""
    came, _, errors = Lines(None).values(few)
    assert (list(came), [*map(type, came)], errors) == (few, [*map(type, few)], {})
