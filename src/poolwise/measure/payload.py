"""What it costs to ship an item, a result or the function to another process."""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from typing import Any

from poolwise.model.profile import Payload
from poolwise.model.units import Seconds
from poolwise.work.call import short_repr
from poolwise.work.plain import is_plain

# Buffers of this size and more are counted apart from the pickle: making them part of it only to measure would copy
# them. Copying memory takes about 0.25 ms a MB here (read and written once, measured with 8 MB arrays).
COPY_S_PER_BYTE = 0.25e-9


# A first pickling also pays for what pickle sets up; below this it is done twice and the second counts.
COLD_BELOW_S: Seconds = 0.001


def measure_payloads(things: Sequence[Any]) -> Payload:
    """Say what shipping costs for one of ``things``, which travel as the engine sends them: plain ones together."""
    if len(things) > 1 and is_plain(things):
        whole = _warm(list(things))
        return Payload(-(-whole.bytes // len(things)), whole.seconds / len(things))
    return _warm(things[0])


def _warm(thing: Any) -> Payload:  # noqa: ANN401 - anything may have to be shipped
    first = measure_payload(thing)
    return measure_payload(thing) if first.seconds < COLD_BELOW_S and first.problem is None else first


def measure_payload(thing: Any) -> Payload:  # noqa: ANN401 - anything may have to be shipped
    """Pickle and unpickle ``thing`` once and take the time; what cannot be pickled is told, not raised."""
    buffers: list[pickle.PickleBuffer] = []
    begun = time.perf_counter()
    try:
        packed = pickle.dumps(thing, protocol=5, buffer_callback=buffers.append)
        pickle.loads(packed, buffers=buffers)
        extra = sum(buffer.raw().nbytes for buffer in buffers)
    except Exception as error:  # noqa: BLE001 - a user's __reduce__ may raise anything; that is the finding
        return _by_value(thing, error)
    seconds = time.perf_counter() - begun
    return Payload(len(packed) + extra, seconds + 2 * extra * COPY_S_PER_BYTE)


def _by_value(thing: Any, first: Exception) -> Payload:  # noqa: ANN401
    """Try cloudpickle, which carries lambdas, closures and whatever was defined in a notebook."""
    import cloudpickle  # noqa: PLC0415 - 25 ms, and needed only where pickle fails

    begun = time.perf_counter()
    try:
        packed = cloudpickle.dumps(thing)
        pickle.loads(packed)
    except Exception as error:  # noqa: BLE001 - see above
        told = error if "pickle" in str(error).lower() else first
        return Payload(0, 0.0, f"{short_repr(thing)} cannot be pickled ({type(told).__name__}: {told})")
    return Payload(len(packed), time.perf_counter() - begun)
