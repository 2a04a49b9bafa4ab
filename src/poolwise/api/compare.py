"""Whether two ways gave the same results: item by item, as a person would mean it."""

from __future__ import annotations

import math
import pickle
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from poolwise.errors import TaskTimeoutError, WorkerError
from poolwise.model.failure import Failure
from poolwise.work.call import show_error

# Values that hold themselves are compared no deeper.
DEEPEST = 50
# Where an object lies in memory; Python writes it into the repr of most.
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def differing(expected: Sequence[Any], found: Sequence[Any]) -> Iterator[tuple[int, bool]]:
    """Give each item whose results are not known to be the same: its index, and whether they are known to differ."""
    if _equal_as_lists(expected, found):
        return
    for index, (one, other) in enumerate(zip(expected, found, strict=True)):
        same = alike(one, other)
        if not same:
            yield index, same is False


def _equal_as_lists(expected: Sequence[Any], found: Sequence[Any]) -> bool:
    """Compare a million numbers at once; arrays cannot be compared so, and what is not equal may still be the same."""
    try:
        return bool(expected == found)
    except Exception:  # noqa: BLE001 - a user's __eq__ may raise anything; each is then looked at by itself
        return False


def alike(one: Any, other: Any, depth: int = 0) -> bool | None:  # noqa: ANN401 - any results
    """Tell whether two results are the same; None where that cannot be told.

    Not-a-numbers are the same, arrays are by their content, errors by their type and text; objects that do not say
    themselves whether they are equal are by what they hold, and so are those that say no for a not-a-number in them.
    """
    if one is other:
        return True
    if depth > DEEPEST:
        return None
    if isinstance(one, Failure) or isinstance(other, Failure):
        return _same_failure(one, other)
    for kind, compare in _BY_KIND:
        if isinstance(one, kind) and isinstance(other, kind):
            return compare(one, other, depth)
    if all(hasattr(each, "dtype") or hasattr(each, "dtypes") for each in (one, other)):
        return _same_array(one, other)
    return _same_object(one, other, depth)


def _same_failure(one: Any, other: Any) -> bool:  # noqa: ANN401
    if not (isinstance(one, Failure) and isinstance(other, Failure)):
        return False
    if type(one.error) is not type(other.error):
        return False
    # Our own words hold what varies from lap to lap: how long it took, which worker it was.
    ours = isinstance(one.error, (TaskTimeoutError, WorkerError))
    return ours or _words(one.error) == _words(other.error)


def _words(error: BaseException) -> str:
    return ADDRESS.sub("", show_error(error))


def _same_float(one: float, other: float, _: int) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _same_sequence(one: Sequence[Any], other: Sequence[Any], depth: int) -> bool | None:
    if type(one) is not type(other) or len(one) != len(other):
        return False
    return _all(alike(mine, theirs, depth + 1) for mine, theirs in zip(one, other, strict=True))


def _same_mapping(one: Mapping[Any, Any], other: Mapping[Any, Any], depth: int) -> bool | None:
    if one.keys() != other.keys():
        return False
    return _all(alike(each, other[key], depth + 1) for key, each in one.items())


_BY_KIND: tuple[tuple[Any, Callable[[Any, Any, int], bool | None]], ...] = (
    (float, _same_float),
    ((list, tuple), _same_sequence),
    (dict, _same_mapping),
)


def _all(answers: Iterator[bool | None]) -> bool | None:
    unknown = False
    for answer in answers:
        if answer is False:
            return False
        unknown = unknown or answer is None
    return None if unknown else True


def _same_array(one: Any, other: Any) -> bool | None:  # noqa: ANN401 - NumPy's, pandas', or of another library
    equals = getattr(one, "equals", None)
    try:
        if equals is not None:
            return bool(equals(other))
        numpy = sys.modules.get("numpy")
        if numpy is None:
            return None
        if one.dtype.kind in "fc" and other.dtype.kind in "fc":
            return bool(numpy.array_equal(one, other, equal_nan=True))
        return bool(numpy.array_equal(one, other))
    except Exception:  # noqa: BLE001 - whatever such an object raises, it cannot be compared
        return None


def _same_object(one: Any, other: Any, depth: int) -> bool | None:  # noqa: ANN401
    try:
        if one == other:
            return True
    except Exception:  # noqa: BLE001 - a user's __eq__, or one that gives no truth (an array of a library)
        return _same_pickle(one, other)
    if type(one) is not type(other):
        return False
    if "__eq__" in _own_names(type(one)):
        # A not-a-number, and whatever holds one, is not equal to itself once it has been made twice.
        return _same_held(one, other, depth) if hasattr(one, "__dataclass_fields__") else bool(_same_pickle(one, other))
    # It does not say when it is equal: two that were made apart are never the same by themselves.
    held, other_held = getattr(one, "__dict__", None), getattr(other, "__dict__", None)
    if held is not None and other_held is not None:
        return _same_mapping(held, other_held, depth + 1)
    return _same_pickle(one, other)


def _same_held(one: Any, other: Any, depth: int) -> bool | None:  # noqa: ANN401 - two of the same dataclass
    """Compare the fields that a dataclass compares."""
    names = [name for name, field in one.__dataclass_fields__.items() if field.compare]
    return _all(alike(getattr(one, name, None), getattr(other, name, None), depth + 1) for name in names)


def _own_names(kind: type) -> set[str]:
    """Give what a class and its bases define, but for ``object``."""
    return {name for base in kind.__mro__[:-1] for name in vars(base)}


def _same_pickle(one: Any, other: Any) -> bool | None:  # noqa: ANN401
    """Equal pickles are equal values; that others are not equal is not said by that."""
    try:
        return True if pickle.dumps(one) == pickle.dumps(other) else None
    except Exception:  # noqa: BLE001 - whatever cannot be pickled cannot be compared so
        return None
