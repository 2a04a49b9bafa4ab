"""Whether results are the same, as a person would mean it."""

from __future__ import annotations

import dataclasses
import decimal
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.api.compare import alike, differing
from poolwise.errors import TaskTimeoutError, WorkerDiedError
from poolwise.model.failure import Failure


class Plain:
    """Says nothing of when it is equal."""

    def __init__(self, held) -> None:
        self.held = held


class Slotted:
    """Holds what nobody sees, and says nothing of when it is equal."""

    __slots__ = ("held",)

    def __init__(self, held) -> None:
        self.held = held


class Odd:
    """Cannot be compared at all."""

    def __eq__(self, other) -> bool:
        raise RuntimeError("ask me not")

    def __hash__(self) -> int:
        return 0

    def __reduce__(self):
        raise TypeError("nor pickle me")


class MuteError(Exception):
    """Has no words."""

    def __str__(self) -> str:
        raise RuntimeError("ask me not")


@dataclasses.dataclass(frozen=True)
class Mean:
    """A result that may hold a not-a-number."""

    mean: float
    note: str = dataclasses.field(default="", compare=False)


def failure(error: Exception) -> Failure:
    """Make a failure of an error."""
    return Failure(0, None, error)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, 2, False),
        (math.nan, math.nan, True),
        ([1, math.nan], [1, math.nan], True),
        ([1], (1,), False),
        ([1, 2], [1], False),
        ({"a": math.nan}, {"a": math.nan}, True),
        ({"a": 1}, {"b": 1}, False),
        (Path("a"), Path("a"), True),
        (Path("a"), Path("b"), False),
        (Plain(1), Plain(1), True),
        (Plain(1), Plain(2), False),
        (Plain([math.nan]), Plain([math.nan]), True),
        (Slotted(1), Slotted(1), True),
        (Slotted(1), Slotted(2), None),
        (Odd(), Odd(), None),
        (Plain(1), 1, False),
        (failure(ValueError("a")), failure(ValueError("a")), True),
        (failure(ValueError("a")), failure(ValueError("b")), False),
        (failure(ValueError("a")), 1, False),
    ],
)
def test_results_are_compared_as_they_are_meant(one, other, same) -> None:
    """Numbers by value, not-a-numbers as equal, objects by what they hold, errors by type and text."""
    assert alike(one, other) is same


@pytest.mark.parametrize(
    "make",
    [
        lambda: Mean(float("nan")),
        lambda: [Mean(float("nan"))],
        lambda: complex(1, float("nan")),
        lambda: decimal.Decimal("nan"),
        lambda: {float("nan")},
    ],
)
def test_a_not_a_number_is_the_same_wherever_it_stands(make) -> None:
    """In a dataclass, a complex number, a set: what holds one says itself that it is not equal, and is the same."""
    assert make() != make()
    assert alike(make(), make()) is True


def test_a_not_a_number_beside_something_else_hides_no_difference() -> None:
    """The rest has to be the same; a field that the dataclass does not compare counts for nothing."""
    assert alike(Mean(math.nan), Mean(1.0)) is False
    assert alike(Mean(float("nan"), "a"), Mean(float("nan"), "b")) is True
    assert alike(complex(1, float("nan")), complex(2, float("nan"))) is False
    assert alike(decimal.Decimal("nan"), decimal.Decimal(1)) is False


def test_errors_are_compared_without_what_varies_in_their_words() -> None:
    """How long it took, which worker it was, where in memory an object lies; and an error may have no words at all."""
    assert alike(failure(TaskTimeoutError("0.101 s")), failure(TaskTimeoutError("0.103 s"))) is True
    assert alike(failure(WorkerDiedError("worker 1")), failure(WorkerDiedError("worker 2"))) is True
    assert alike(failure(ValueError(f"no {object()}")), failure(ValueError(f"no {object()}"))) is True
    assert alike(failure(ValueError("<A at 0x1f>")), failure(ValueError("<B at 0x1f>"))) is False
    assert alike(failure(MuteError()), failure(MuteError())) is True


def test_arrays_are_compared_by_content() -> None:
    """An array is no truth value, and holds not-a-numbers too."""
    numpy = pytest.importorskip("numpy")
    one = numpy.array([1.0, math.nan])
    assert alike(one, one.copy()) is True
    assert alike(one, numpy.array([1.0, 2.0])) is False
    assert alike({"x": [one]}, {"x": [one.copy()]}) is True
    assert alike(numpy.array(["a"]), numpy.array(["a"])) is True


def test_what_holds_itself_comes_to_an_end() -> None:
    """A list within itself is compared as deep as is sensible, and then nothing is claimed."""
    one: list = []
    other: list = []
    one.append(one)
    other.append(other)
    assert alike(one, other) is None


@given(st.lists(st.integers() | st.floats() | st.text()), st.data())
def test_exactly_the_changed_items_are_found(values, data) -> None:
    """Whatever the results are: those that were changed are named, and no others."""
    changed = data.draw(st.sets(st.integers(0, len(values) - 1))) if values else set()
    other = [object() if index in changed else value for index, value in enumerate(values)]
    assert {index for index, known in differing(values, other) if known} == changed


class Frame:
    """A table as pandas and polars have it: says whether it equals another, and not by ``==``."""

    dtypes = ("int64",)

    def __init__(self, held) -> None:
        self.held = held

    def __eq__(self, other) -> bool:
        raise ValueError("the truth value is ambiguous")

    def __hash__(self) -> int:
        return 0

    def equals(self, other) -> bool:
        return self.held == other.held


def test_frames_are_asked_themselves() -> None:
    """A difference between two is known, and not just not known to be none."""
    assert alike(Frame([1]), Frame([1])) is True
    assert alike(Frame([1]), Frame([2])) is False
