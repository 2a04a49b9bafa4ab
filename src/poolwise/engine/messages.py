"""What parent and worker say to each other, and how values are packed for the way.

Messages are plain tuples whose first element names them:

===========  =======================================================  =========
parent says  ``("chunk", id, start, stop, marked, packed items)``     run this; None for items: you have them
-            ``("stop",)``                                            end
worker says  ``("ready",)``                                           I can take chunks
-            ``("failed", error)``                                    I can never take chunks
-            ``("done", id, wall_s, cpu_s, packed values, errors)``   this came of it
-            ``("said", kind, what)``                                 printed, logged, warned of
===========  =======================================================  =========

Values are packed so that one bad value costs itself only: lists of plain numbers and strings as one pickle (which
cannot go wrong), anything else as a pickle for each value.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from poolwise.errors import ErrorShippingError, ItemShippingError, ResultShippingError, ShippingError
from poolwise.model.events import TaskError
from poolwise.work.call import short_repr, show_error
from poolwise.work.chunk import Mark
from poolwise.work.plain import is_plain

Message: TypeAlias = tuple[Any, ...]
Packed: TypeAlias = bytes | list[bytes]
PackedErrors: TypeAlias = dict[int, tuple[bytes, str]]

PROTOCOL = 5
# The nursery's replies: b"P" and a process number, or b"X", a number and its exit code.
NURSERY_REPLY = struct.Struct("<cqq")


@dataclass(frozen=True, slots=True)
class Broken:
    """Travels in the place of an item that cannot; the worker raises its error as that item's failure."""

    error: BaseException


def dumps(value: Any, *, by_value: bool) -> bytes:  # noqa: ANN401 - anything may have to travel
    """Pickle ``value``; with cloudpickle where pickle cannot, or where the other side may lack ``__main__``.

    With ``by_value`` the other side was not forked from here: what is defined in ``__main__`` must travel whole.
    """
    if not by_value:
        try:
            return pickle.dumps(value, PROTOCOL)
        except Exception as error:  # noqa: BLE001 - a __reduce__ may raise anything; the second try tells what it is
            first: Exception | None = error
    else:
        first = None
    import cloudpickle  # noqa: PLC0415 - 25 ms, and needed only where pickle fails

    try:
        return bytes(cloudpickle.dumps(value, PROTOCOL))
    except Exception as error:  # noqa: BLE001 - see above
        raise first or error from None


def pack_items(items: Sequence[Any], *, by_value: bool) -> Packed:
    """Pack items for a worker; one that cannot travel becomes a ``Broken``."""
    if is_plain(items):
        return pickle.dumps(items if type(items) is range else list(items), PROTOCOL)
    return [_pack_item(item, by_value=by_value) for item in items]


def unpack_items(packed: Packed) -> Sequence[Any]:
    """Unpack items in the worker; one that cannot be unpacked becomes a ``Broken``."""
    if isinstance(packed, bytes):
        whole: Sequence[Any] = pickle.loads(packed)
        return whole
    return [_unpack_item(each) for each in packed]


def pack_values(
    values: Sequence[Any], errors: dict[int, TaskError], *, by_value: bool, mark: Mark | None = None
) -> Packed:
    """Pack results for the parent; one that cannot travel moves to ``errors``.

    Each is marked as it is packed: its ``__reduce__`` is the user's code too, and may kill the worker.
    """
    if is_plain(values):
        return pickle.dumps(values, PROTOCOL)
    packed = []
    for offset, value in enumerate(values):
        if mark is not None:
            mark(offset)
        packed.append(_pack_value(value, offset, errors, by_value=by_value))
    return packed


def unpack_values(packed: Packed, errors: dict[int, TaskError]) -> list[Any]:
    """Unpack results in the parent; one that cannot be unpacked moves to ``errors``."""
    if isinstance(packed, bytes):
        whole: list[Any] = pickle.loads(packed)
        return whole
    return [_unpack_value(each, offset, errors) for offset, each in enumerate(packed)]


def pack_error(error: TaskError) -> tuple[bytes, str]:
    """Pack what a call raised; where it cannot make the way there and back, a word in its place can.

    Tried here, where it costs only the failing item: an exception that cannot be unpickled (its ``__init__`` wants
    more arguments than it keeps) hangs pools that find out in the parent.
    """
    raised = error.error
    try:
        packed = dumps(raised, by_value=False)
        back = pickle.loads(packed)
        if type(back) is not type(raised):
            msg = f"it comes back as {type(back).__name__}"
            raise TypeError(msg)  # noqa: TRY301 - the one place that says what to do instead is below
    except Exception as problem:  # noqa: BLE001 - a __reduce__ or __init__ may raise anything
        replacement = ErrorShippingError(
            f"the function raised {show_error(raised)}; the exception itself cannot travel between "
            f"processes ({show_error(problem)}). Give its class picklable arguments, or a __reduce__"
        )
        packed = pickle.dumps(replacement, PROTOCOL)
    return packed, error.traceback


def unpack_error(packed: tuple[bytes, str]) -> TaskError:
    """Unpack what a call raised."""
    try:
        error = pickle.loads(packed[0])
    except Exception as problem:  # noqa: BLE001 - see pack_error
        error = ErrorShippingError(
            f"the function raised something that cannot be unpickled here ({show_error(problem)}); "
            "its traceback is the cause"
        )
    return TaskError(error, packed[1])


def _pack_item(item: Any, *, by_value: bool) -> bytes:  # noqa: ANN401
    try:
        return dumps(item, by_value=by_value)
    except Exception as problem:  # noqa: BLE001 - see dumps
        advice = "pass what it is made from (a path, a key, arguments) and let the function make it"
        return pickle.dumps(Broken(_complaint(ItemShippingError, "the item", item, problem, advice)), PROTOCOL)


def _unpack_item(packed: bytes) -> Any:  # noqa: ANN401
    try:
        return pickle.loads(packed)
    except Exception as problem:  # noqa: BLE001 - a __setstate__ may raise anything, and modules may be missing here
        return Broken(
            ItemShippingError(
                f"the item could not be unpickled in the worker ({show_error(problem)}); "
                "its class must be importable there and accept what it pickles"
            )
        )


def _pack_value(value: Any, offset: int, errors: dict[int, TaskError], *, by_value: bool) -> bytes:  # noqa: ANN401
    try:
        return dumps(value, by_value=by_value)
    except Exception as problem:  # noqa: BLE001 - see dumps
        advice = "return plain data instead, or use backend='threads', where results do not travel"
        errors[offset] = TaskError(_complaint(ResultShippingError, "the result", value, problem, advice))
        return NOTHING


def _unpack_value(packed: bytes, offset: int, errors: dict[int, TaskError]) -> Any:  # noqa: ANN401
    try:
        return pickle.loads(packed)
    except Exception as problem:  # noqa: BLE001 - see _unpack_item
        errors[offset] = TaskError(
            ResultShippingError(
                f"the result could not be unpickled here ({show_error(problem)}); "
                "its class must accept what it pickles (see __reduce__ and __setstate__)"
            )
        )
        return None


def _complaint(
    kind: type[ShippingError],
    what: str,
    value: Any,  # noqa: ANN401
    problem: Exception,
    advice: str,
) -> ShippingError:
    return kind(f"{what} {short_repr(value)} cannot be pickled ({show_error(problem)}); {advice}")


NOTHING = pickle.dumps(None, PROTOCOL)
