"""Our values as plain data, for JSON and for programs in other languages, and back.

A value becomes a dict of its fields. Those that can be read for themselves say what they are (``"value": "Profile"``)
and by which version of this form (``"version": 1``); each reason is named by its class (``"reason": "Waits"``). Beside
the fields stand figures that follow from them (``DERIVED``), which reading ignores.

What is read is checked field by field: a file of another version, or from elsewhere, is refused, never guessed at.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, TypeVar, cast, get_args, get_origin

from poolwise.errors import InputError
from poolwise.model.classes import field_names

T = TypeVar("T")

# Raise it when a field is renamed, goes, or means something else; a new field with a default is no other version.
VERSION: Final = 1
SELF_CONTAINED: Final = frozenset(
    {"Report", "Diagnosis", "Plan", "Profile", "Machine", "Facts", "Options", "Race", "Sweep", "Timing", "Timeline"}
)
DERIVED: Final = {
    "Profile": ("waiting", "cpu_s", "gil_s"),
    "Estimate": ("total_s",),
    "Report": ("estimate_error", "limit", "turnings"),
    "Diagnosis": ("turnings",),
    "Timeline": ("insights",),
    "Timing": ("waiting_share",),
    "Usage": ("cpu_s", "cores"),
}
# What decides nothing: objects of the caller's, which are no figures, and what is only shown.
LEFT_OUT: Final = {
    "Options": (
        *("progress", "initializer", "initargs", "timeline", "desc", "total"),
        *("journal", "max_failures", "rate", "limit", "cluster"),
    )
}


# --- Writing -----------------------------------------------------------------------------------------------------


def as_dict(value: object) -> dict[str, Any]:
    """Give one of our values as a dict of plain data."""
    return cast("dict[str, Any]", to_plain(value))


def to_json(value: object) -> str:
    """Give one of our values as JSON."""
    import json  # noqa: PLC0415 - few ask

    return json.dumps(as_dict(value), ensure_ascii=False)


def to_plain(value: Any) -> Any:  # noqa: ANN401 - any of our values, any JSON
    """Turn a value and all in it into dicts, lists, strings and numbers; what is not finite becomes None."""
    if hasattr(type(value), "__value_fields__"):
        return _named(value) | {name: to_plain(getattr(value, name)) for name in _written(type(value))}
    if isinstance(value, Mapping):
        return {key: to_plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _named(value: object) -> dict[str, Any]:
    from poolwise.model.plan import Reason  # noqa: PLC0415 - plan needs this module

    kind = type(value)
    if kind.__name__ in SELF_CONTAINED:
        return {"value": kind.__name__, "version": VERSION}
    return {"reason": kind.__name__} if kind in get_args(Reason) else {}


def _written(kind: type) -> Iterator[str]:
    left_out = LEFT_OUT.get(kind.__name__, ())
    yield from (name for name in field_names(kind) if name not in left_out)
    yield from DERIVED.get(kind.__name__, ())


# --- Reading -----------------------------------------------------------------------------------------------------


def from_plain(kind: type[T], data: object, place: str = "") -> T:
    """Make the value that ``to_plain`` wrote; raises InputError, whose text says what is wrong and in which place."""
    return cast("T", _read(kind, data, place or kind.__name__))


def from_json(kind: type[T], text: str) -> T:
    """Make the value that ``to_json`` wrote; raises InputError."""
    import json  # noqa: PLC0415 - see to_json

    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"this is no JSON ({error})") from None
    return from_plain(kind, data)


def check_form(data: object, *names: str) -> Mapping[str, Any]:
    """See that this is one of our own values of these names, in the form that is read here."""
    wanted = " or ".join(names)
    # Whatever stands there in damaged data, it may be no text.
    name = data.get("value") if isinstance(data, Mapping) else None
    name = name if isinstance(name, str) else None
    if not isinstance(data, Mapping) or name not in names:
        told = f"a {name}" if name in SELF_CONTAINED else "none"
        raise InputError(f"this should be a {wanted} as to_dict() writes it, and is {told}")
    version = data.get("version")
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        hint = "it was written by a newer Poolwise: update this one" if newer else "write it anew"
        raise InputError(f"this {data['value']} has version {version!r}, and version {VERSION} is read here; {hint}")
    return data


def _read(kind: Any, data: Any, place: str) -> Any:  # noqa: ANN401 - a type of ours, and any JSON
    if hasattr(kind, "__value_fields__"):
        return _read_value(kind, data, place)
    if kind in _SIMPLE:
        wanted, kinds = _SIMPLE[kind]
        if type(data) not in kinds:
            raise InputError(f"{place} should be {wanted}, and is {data!r}")
        return _as_float(data, place) if kind is float else data
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        if not isinstance(data, (list, tuple)):
            raise InputError(f"{place} should be a list, and is {data!r}")
        return tuple(_read(inner[0], each, f"{place}[{at}]") for at, each in enumerate(data))
    if origin is Literal:
        if data not in inner:
            raise InputError(f"{place} should be {' or '.join(map(repr, inner))}, and is {data!r}")
        return data
    # All else that our values hold is one of several: X | None, a reason.
    return _read_one_of(inner, data, place)


def _as_float(data: float, place: str) -> float:
    """Read a number; Python's JSON also reads such that are none (``NaN``), or that no float can hold (``1e999``)."""
    try:
        if math.isfinite(value := float(data)):
            return value
    except OverflowError:
        pass
    raise InputError(f"{place} should be a finite number that a float can hold")


# What JSON itself knows, and which types it becomes; a bool is no number.
_SIMPLE: dict[Any, tuple[str, tuple[type, ...]]] = {
    float: ("a number", (int, float)),
    int: ("a whole number", (int,)),
    str: ("a text", (str,)),
    bool: ("true or false", (bool,)),
    type(None): ("null", (type(None),)),
}


def _read_one_of(kinds: tuple[Any, ...], data: object, place: str) -> object:
    """Read what may be of several types: None and texts are told by themselves, reasons by their name."""
    if isinstance(data, Mapping) and "reason" in data:
        kinds = tuple(kind for kind in kinds if getattr(kind, "__name__", "") == data["reason"])
    problem: InputError | None = None
    for kind in kinds:
        try:
            return _read(kind, data, place)
        except InputError as error:
            # The first that is no mere "not null" says best what was expected.
            problem = problem if problem is not None or kind is type(None) else error
    raise problem or InputError(f"{place}: {data!r} is not known")


def _read_value(kind: type, data: object, place: str) -> object:
    name = kind.__name__
    if name in SELF_CONTAINED:
        check_form(data, name)
    if not isinstance(data, Mapping):
        raise InputError(f"{place} should be an object with the fields of a {name}, and is {data!r}")
    known = [each for each in field_names(kind) if each not in LEFT_OUT.get(name, ())]
    hints, given = typing.get_type_hints(kind), {}
    for key, each in data.items():
        if key in known:
            given[key] = _read(hints[key], each, f"{place}.{key}")
        elif key not in ("value", "version", "reason", *DERIVED.get(name, ())):
            raise InputError(f"{place}.{key} is not known here; it was written by another Poolwise")
    make: Callable[..., object] = kind
    try:
        return make(**given)
    except (TypeError, ValueError) as error:
        raise InputError(f"{place} cannot be read: {error}") from None
