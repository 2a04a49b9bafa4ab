"""What it costs to ship an item, a result or the function to another process."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Sequence
from typing import Any

from poolwise.model.profile import Payload
from poolwise.model.units import Bytes, Seconds
from poolwise.work.call import short_repr
from poolwise.work.shipping import large, pickle_one, pickle_plain

# Large buffers are counted apart from the pickle: making them part of it only to measure would copy them. Copying
# memory takes about 0.25 ms a MB here (read and written once, measured with 8 MB arrays).
COPY_S_PER_BYTE = 0.25e-9

# A first pickling also pays for what pickle sets up; below this it is done twice and the second counts.
COLD_BELOW_S: Seconds = 0.001


def measure_payloads(things: Sequence[Any], *, by_value: bool = False) -> Payload:
    """Say what shipping costs for one of ``things``, which travel as the engine sends them: built-in ones together.

    ``by_value``: to a process that was not forked from here.
    """
    whole = _measure_plain(things)
    if whole is None:
        return measure_payload(things[0], by_value=by_value)
    if whole.seconds < COLD_BELOW_S:
        whole = _measure_plain(things) or whole
    return Payload(-(-whole.bytes // len(things)), whole.seconds / len(things))


def measure_payload(thing: Any, *, by_value: bool = False) -> Payload:  # noqa: ANN401 - anything may have to be shipped
    """Pickle and unpickle ``thing`` and take the time; what cannot be pickled is told, not raised."""
    had_cloudpickle = "cloudpickle" in sys.modules
    found = _measure_one(thing, by_value=by_value)
    # Importing cloudpickle takes far longer than the thing does, and is paid once.
    is_cold = found.seconds < COLD_BELOW_S or (not had_cloudpickle and "cloudpickle" in sys.modules)
    return _measure_one(thing, by_value=by_value) if is_cold and found.problem is None else found


def _measure_plain(things: Sequence[Any]) -> Payload | None:
    """Measure built-in values, all at once; None where something else is among them."""
    begun = time.perf_counter()
    packed = pickle_plain(things)
    if packed is None:
        return None
    pickle.loads(packed)
    return Payload(len(packed), time.perf_counter() - begun)


def _measure_one(thing: Any, *, by_value: bool) -> Payload:  # noqa: ANN401 - see above
    buffers: list[memoryview] = []

    def take(buffer: pickle.PickleBuffer) -> bool:
        raw = large(buffer)
        if raw is not None:
            buffers.append(raw)
        return raw is None

    begun = time.perf_counter()
    try:
        packed = pickle_one(thing, by_value=by_value, take=take, undo=buffers.clear)
        pickle.loads(packed, buffers=buffers)
    except Exception as error:  # noqa: BLE001 - a user's __reduce__ may raise anything; that is the finding
        return Payload(0, 0.0, f"{short_repr(thing)} cannot be pickled ({type(error).__name__}: {error})")
    seconds = time.perf_counter() - begun
    extra: Bytes = sum(raw.nbytes for raw in buffers)
    return Payload(len(packed) + extra, seconds + 2 * extra * COPY_S_PER_BYTE)
