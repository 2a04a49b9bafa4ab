"""Classes that a forked worker has from its parent and no module holds: the parent finds them by where they lie.

A class that was made inside a function, or by ``exec`` (a profiler's, a debugger's, a doctest's), cannot be pickled by
name. cloudpickle sends such a class whole, so that the parent would have two of one name: ``isinstance`` says no,
``==`` of dataclasses too, and ``except`` does not catch. What was there when the worker was forked lies at the same
address in both processes, and the parent looks for it there, among the living subclasses of its base: nothing is read
from an address, and a class that is gone is not found. Then, as before, the class that has come takes its place.
"""

from __future__ import annotations

import gc
import io
import pickle
import weakref
from collections.abc import Callable
from typing import Any, TypeAlias

import cloudpickle

Name: TypeAlias = tuple[int, str, str]
"""The address, the module and the qualified name of a class."""

# cloudpickle reduces a class that must travel whole to so many parts, and any other to less.
WHOLE = 6


def dumps(value: Any, protocol: int, take: Callable[[pickle.PickleBuffer], bool] | None) -> bytes:  # noqa: ANN401 - any result
    """Pickle as ``cloudpickle.dumps`` does, in a worker that was forked from whoever unpickles."""
    with io.BytesIO() as file:
        _Pickler(file, protocol=protocol, buffer_callback=take).dump(value)
        return file.getvalue()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it comes without types
    """Names inherited classes, and sends anything else as cloudpickle does."""

    def reducer_override(self, obj: Any) -> Any:  # noqa: ANN401 - whatever is in the value
        if not isinstance(obj, type):
            return super().reducer_override(obj)
        if obj not in _ways:
            reduced = super().reducer_override(obj)
            whole = isinstance(reduced, tuple) and len(reduced) == WHOLE
            _ways[obj] = _way_of(obj) if whole and _is_inherited(obj) else None
        return _ways[obj] or super().reducer_override(obj)


# How a class of ours travels; None: as cloudpickle has it. To ask cloudpickle takes 0.2 ms, for each value.
_ways: weakref.WeakKeyDictionary[type, tuple[Any, ...] | None] = weakref.WeakKeyDictionary()


def _way_of(kind: type) -> tuple[Any, ...]:
    return find, (_name(kind), kind.__base__, cloudpickle.dumps(kind, pickle.DEFAULT_PROTOCOL))


def _is_inherited(kind: type) -> bool:
    """Tell whether a class was there when this worker was forked: what is younger is not frozen (``gc.freeze``)."""
    return not any(each is kind for each in gc.get_objects())


_found: weakref.WeakValueDictionary[Name, type] = weakref.WeakValueDictionary()


def find(name: Name, base: type, whole: bytes) -> type:
    """Find the class again, in the parent (or in the worker itself, which tries whether an error can travel)."""
    # One that lives is the only one at its address.
    kind = _found.get(name)
    if kind is None:
        below: list[type] = type.__subclasses__(base)
        kind = next((each for each in below if _name(each) == name), None)
        if kind is None:
            gone: type = pickle.loads(whole)
            return gone
        _found[name] = kind
    return kind


def _name(kind: type) -> Name:
    return id(kind), kind.__module__, kind.__qualname__
