"""Results, failures and items as they are written: JSON where that keeps a value exactly, else a pickle."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring
from typing import Any, Final, TypeAlias

from poolwise.errors import RecordedError
from poolwise.model.events import TaskError
from poolwise.work.call import short_repr
from poolwise.work.shipping import pickle_one

JSON, PICKLE, FAILURE = 0, 1, 2
Written: TypeAlias = "tuple[int, str | bytes]"

# What people read of an item: longer ones are shown by their beginning.
MOST_TEXT: Final = 1024
# A list or dict with more parts has a longer text, most probably; not tried, since it may be of any size.
MOST_PARTS: Final = MOST_TEXT // 3


class _NotExactError(Exception):
    """JSON would make something else of it."""


# SQLite's limit for a row is 1,000,000,000 bytes, and a letter takes up to four.
MOST_BYTES: Final = 999_000_000
MOST_JSON: Final = MOST_BYTES // 4

# --- Results -----------------------------------------------------------------------------------------------------


def write_value(value: Any) -> Written:  # noqa: ANN401 - any result
    """Give the form and the text or bytes of a result; raises whatever pickling it does where it cannot be kept."""
    writer = _ATOMS.get(type(value))
    try:
        if writer is None:
            _check(value)
            text = _encode(value)
        else:
            text = writer(value)
        if not text.isascii():
            text.encode()  # half a surrogate pair raises: two of them would be read back as one letter
    except (_NotExactError, ValueError, RecursionError):
        return PICKLE, _pickled(value)
    return (JSON, text) if len(text) <= MOST_JSON else (PICKLE, _pickled(value))


def _pickled(value: Any) -> bytes:  # noqa: ANN401 - see above
    data = pickle_one(value, by_value=False)
    if len(data) > MOST_BYTES:
        raise ValueError(f"its pickle takes {len(data):,} bytes, and SQLite holds {MOST_BYTES:,} at most")
    return data


def read_value(form: int, data: str | bytes) -> Any:  # noqa: ANN401 - any result
    """Give the result back; raises whatever unpickling does."""
    return json.loads(data) if form == JSON else pickle.loads(data)  # type: ignore[arg-type]  # bytes, as written above


def _float(value: float) -> str:
    text = repr(value)
    # nan, inf, -inf: no JSON. What else has an n or an i?
    if "n" in text:
        raise _NotExactError
    return text


_ATOMS: Final[dict[type, Callable[[Any], str]]] = {
    int: repr,
    str: encode_basestring,
    float: _float,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
}
_LEAVES: Final = frozenset(_ATOMS)
_KEYS: Final = frozenset({str})


def _check(value: Any) -> None:  # noqa: ANN401 - see above
    """Raise _NotExactError where JSON would make something else of a value, or of a part of it."""
    kind = type(value)
    if kind is dict:
        if not _KEYS.issuperset(map(type, value)):
            raise _NotExactError
        parts: Any = value.values()
    elif kind is list:
        parts = value
    else:
        raise _NotExactError
    if not _LEAVES.issuperset(map(type, parts)):
        for part in parts:
            if type(part) not in _LEAVES:
                _check(part)


def _make_encoder() -> Callable[[Any], str]:
    """Give json's encoder without what it does anew for each value."""
    plain = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    # No markers: that something contains itself is found by its depth, which ends in a RecursionError.
    write = make(None, plain.default, encode_basestring, None, ": ", ", ", False, False, False)  # noqa: FBT003 - as json calls it
    return lambda value: "".join(write(value, 0))


_encode: Final = _make_encoder()


# --- Items, for people ---------------------------------------------------------------------------------------------


# Of such numbers the text is short, and Python makes one at once.
_QUICK: Final = 1 << 62


def write_item(item: Any) -> tuple[str, int]:  # noqa: ANN401 - any item
    """Give what people are shown of an item, and 1 where that is JSON, 0 where it is the beginning of its repr.

    No bool: sqlite3 looks for an adapter of each value that is no exact int, which takes as long as a quarter of a row.
    """
    if type(item) is int and -_QUICK < item < _QUICK:
        return str(item), 1
    text = _json(item)
    return (short_repr(item), 0) if text is None or len(text) > MOST_TEXT else (text, 1)


def _json(item: Any) -> str | None:  # noqa: ANN401 - see above
    writer = _ATOMS.get(type(item))
    if isinstance(item, str):
        if len(item) > MOST_TEXT:
            return None
    elif isinstance(item, (list, tuple, dict)) and len(item) > MOST_PARTS:
        return None
    try:
        text = _encode(item) if writer is None else writer(item)
        if not text.isascii():
            text.encode()
    except (_NotExactError, TypeError, ValueError, RecursionError):
        return None
    return text


# --- Failures --------------------------------------------------------------------------------------------------------


def write_error(error: BaseException) -> bytes | None:
    """Pickle what was raised; None where it does not come back as itself."""
    try:
        data = pickle_one(error, by_value=False)
        return data if type(pickle.loads(data)) is type(error) else None
    except Exception:  # noqa: BLE001 - a __reduce__ or __init__ may raise anything
        return None


def read_error(data: bytes | None, kind: str, words: str, traceback: str) -> TaskError:
    """Give what was raised; a RecordedError that tells of it where it cannot be read back."""
    error = (None if data is None else _unpickled(data)) or RecordedError(f"{kind}: {words}" if words else kind)
    _drop_notes(error)
    return TaskError(error, traceback)


def _unpickled(data: bytes) -> BaseException | None:
    try:
        error = pickle.loads(data)
    except Exception:  # noqa: BLE001 - its class may be gone, or have another __init__; its words are there
        return None
    return error if isinstance(error, BaseException) else None


def _drop_notes(error: BaseException) -> None:
    """Drop our own notes: the item may have another number in this run."""
    notes: Sequence[str] = getattr(error, "__notes__", ())
    if notes:
        error.__notes__ = [note for note in notes if not str(note).startswith("poolwise: on item")]
