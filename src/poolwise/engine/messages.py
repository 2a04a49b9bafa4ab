"""What parent and worker say to each other.

Messages are plain tuples whose first element names them; a parcel (``packing.py``) has its body behind the message.

The parent says:

* ``("chunk", id, call, start, stop, place, marked, parcel, free)``: run this. Where ``parcel`` is None, you have the
  items. ``call`` is the function's number, ``place`` where the first item stands in all that this worker was ever sent.
* ``("call", number, function)``: a function that chunks and tasks name by its number; None: forget it.
* ``("tasks", count)``: run so many items of the chunks that follow at a time.
* ``("stop",)``: end.

The worker says:

* ``("ready",)``: I can take chunks.
* ``("failed", error)``: I can never take chunks.
* ``("done", id, more, cut, wall_s, cpu_s, parcel, errors, free)``: this came of it. ``more``: these are the first
  values of the chunk, and the others follow; ``cut``: the others are left to somebody else.
* ``("said", kind, what)``: printed, logged, warned of.
* ``("retired",)``: I have grown too large and end.

``free`` are the places in the arena that the sender needs no more.
"""

from __future__ import annotations

import pickle
import struct
from typing import TypeAlias

from poolwise.engine.packing import dumps
from poolwise.errors import ErrorShippingError
from poolwise.model.events import TaskError
from poolwise.work.call import show_error
from poolwise.work.shipping import PROTOCOL

PackedError: TypeAlias = tuple[bytes, str]

# The nursery's replies: b"P", a process number and that of the request; or b"X", a process number and its exit code.
NURSERY_REPLY = struct.Struct("<cqq")


def pack_error(error: TaskError) -> PackedError:
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


def unpack_error(packed: PackedError) -> TaskError:
    """Unpack what a call raised."""
    try:
        error = pickle.loads(packed[0])
    except Exception as problem:  # noqa: BLE001 - see pack_error
        error = ErrorShippingError(
            f"the function raised something that cannot be unpickled here ({show_error(problem)}); "
            "its traceback is the cause"
        )
    return TaskError(error, packed[1])
