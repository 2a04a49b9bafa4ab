"""How values are pickled for another process; the engine ships by it, and the probe measures by it.

* Built-in values, however nested (numbers, strings, lists, dicts ...), travel many in one pickle, which no user's code
  takes part in and so cannot go wrong.
* Anything else has a pickle of its own; a buffer of 64 KiB and more inside it (NumPy, Arrow) stays outside of that.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from typing import Any

from poolwise.errors import FunctionShippingError
from poolwise.model.units import Bytes
from poolwise.work import role

PROTOCOL = 5
# Smaller buffers travel inside the pickle: below this, a copy through the socket costs less than finding a place,
# a page's faults and telling the writer that it is free again.
LEAST_BUFFER: Bytes = 64 * 1024
# Built-in types that the C pickler asks about although their pickling runs no user's code.
ALSO_PLAIN = frozenset({complex, range})
# For so few values, looking at their types first takes less time than a pickler that asks about each other type.
FEW = 16
ATOMS = frozenset({int, float, bool, str, bytes, type(None)})


class NotPlainError(Exception):
    """Something that is not built in is among the values."""


class PlainPickler(pickle.Pickler):
    """Pickles built-in values at the speed of C and refuses anything else: looking first would take as long again."""

    def reducer_override(self, value: Any) -> Any:  # noqa: ANN401 - whatever the C pickler does not know by itself
        """Refuse what is not built in: exact built-in types never come here."""
        # The class itself comes here too, as what its values are made by.
        if type(value) in ALSO_PLAIN or any(value is each for each in ALSO_PLAIN):
            return NotImplemented
        raise NotPlainError


def pickle_plain(values: Sequence[Any]) -> bytes | memoryview | None:
    """Pickle built-in values together; None where something else is among them."""
    file = io.BytesIO()
    try:
        if len(values) <= FEW and ATOMS.issuperset(map(type, values)):
            return pickle.dumps([*values], PROTOCOL)
        PlainPickler(file, PROTOCOL).dump(values if type(values) in (list, range) else list(values))
    except NotPlainError:
        return None
    except Exception:  # noqa: BLE001 - too deep, too large: one by one, the value that it is about is told
        return None
    return file.getbuffer()


def pickle_one(
    value: Any,  # noqa: ANN401 - anything may have to travel
    *,
    by_value: bool,
    take: Callable[[pickle.PickleBuffer], bool] | None = None,
    undo: Callable[[], None] = lambda: None,
) -> bytes:
    """Pickle ``value``; with cloudpickle where pickle cannot, or where the other side may lack ``__main__``.

    With ``by_value`` the other side was not forked from here: what is defined in ``__main__`` must travel whole.
    ``take`` is asked for each buffer and says true where it shall stay in the pickle; ``undo``: what it has taken will
    be offered again.
    """
    first: Exception | None = None
    if not by_value:
        try:
            return pickle.dumps(value, PROTOCOL, buffer_callback=take)
        except Exception as error:  # noqa: BLE001 - a __reduce__ may raise anything; the second try tells what it is
            first = error
            undo()
    try:
        if not by_value and role.is_copy():
            from poolwise.work import inherited  # noqa: PLC0415 - it imports cloudpickle

            return inherited.dumps(value, PROTOCOL, take)
        import cloudpickle  # noqa: PLC0415 - 25 ms, and needed only where pickle fails

        return bytes(cloudpickle.dumps(value, PROTOCOL, buffer_callback=take))
    except Exception as error:  # noqa: BLE001 - see above
        raise first or error from None


def large(buffer: pickle.PickleBuffer) -> memoryview | None:
    """Give the memory of a buffer that is worth a way of its own; None for one that stays in its pickle."""
    try:
        raw = buffer.raw()
    except BufferError:
        # Not contiguous: pickle copies it in order.
        return None
    return raw if raw.nbytes >= LEAST_BUFFER else None


def unshippable(name: str, error: BaseException, where: str = "another process") -> FunctionShippingError:
    """Say that a function cannot travel, and what to do."""
    return FunctionShippingError(
        f"the function {name} cannot travel to {where} ({type(error).__name__}: {error}). "
        "Let it take what cannot be pickled (a lock, a connection, an open file) from an initializer, "
        'or use backend="threads"'
    )
