"""How what a call raised is packed for the way back from a worker."""

from __future__ import annotations

import pickle
from typing import TypeAlias

from poolwise.errors import ErrorShippingError
from poolwise.model.events import TaskError, Trouble
from poolwise.model.retry import qualified_name
from poolwise.model.units import Seconds
from poolwise.work.call import show_error
from poolwise.work.packing import dumps
from poolwise.work.shipping import PROTOCOL

PackedTrouble: TypeAlias = tuple[Seconds | None, str] | None
PackedError: TypeAlias = tuple[bytes, str, PackedTrouble]


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
        packed = pickle.dumps(_stand_in(raised, problem), PROTOCOL)
    return packed, error.traceback, _pack_trouble(error.trouble)


def unpack_error(packed: PackedError) -> TaskError:
    """Unpack what a call raised."""
    try:
        error = pickle.loads(packed[0])
    except Exception as problem:  # noqa: BLE001 - see pack_error
        error = ErrorShippingError(
            f"the function raised something that cannot be unpickled here ({show_error(problem)}); "
            "its traceback is the cause"
        )
    return TaskError(error, packed[1], None if packed[2] is None else Trouble(*packed[2]))


def _stand_in(raised: BaseException, problem: Exception) -> ErrorShippingError:
    """Make what comes back in the place of an exception; a policy finds in it what it stands for."""
    stand_in = ErrorShippingError(
        f"the function raised {show_error(raised)}; the exception itself cannot travel between "
        f"processes ({show_error(problem)}). Give its class picklable arguments, or a __reduce__"
    )
    stand_in.kinds = tuple(map(qualified_name, type(raised).__mro__))
    return stand_in


def _pack_trouble(trouble: Trouble | None) -> PackedTrouble:
    return None if trouble is None else (trouble.retry_after_s, trouble.what)
