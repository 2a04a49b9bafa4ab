"""Which function it was: where it is, what it is called, and a hash of what it does."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from hashlib import blake2b
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final, TypeVar

from poolwise.journal.code import class_parts, function_parts
from poolwise.journal.encoding import Encoder, name_of
from poolwise.model.classes import frozen
from poolwise.work.call import Call

T = TypeVar("T")

# What a function carries with it (a closure, the object of a method) may be a whole program's state: after so many
# parts, which take about a second, its type has to do.
MOST_PARTS: Final = 200_000
CODE_BYTES: Final = 16


@frozen
class Identity:
    """What results are recorded under."""

    module: str
    name: str
    code: str
    """A hash of the code and of what the function carries with it, in hexadecimal."""
    python: str
    """``3.11``: another Python makes another code of the same source."""

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


def identify(call: Call) -> Identity:
    """Say which function it is; never raises, whatever the function is.

    A function of ours says what it is to be known by: what it gives stays the same whatever its code becomes.
    """
    if isinstance(own := getattr(type(call.function), "JOURNAL_NAME", None), str):
        module, _, name = own.partition(":")
        return Identity(module, name, "1", _python())
    code = _Describer(MOST_PARTS).describe(call.function) + (b"*" if call.spread else b"")
    return Identity(
        module_name(_innermost(call.function)),
        _asked(lambda: call.name, type(call.function).__qualname__),
        blake2b(code, digest_size=CODE_BYTES).hexdigest(),
        _python(),
    )


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _innermost(function: Any) -> Any:  # noqa: ANN401 - whatever can be called
    while isinstance(function, functools.partial):
        function = function.func
    return function


def module_name(function: object) -> str:
    """Name the module; for a script the name that it would have if it were imported."""
    name = _asked(lambda: getattr(function, "__module__", None), None)
    if not isinstance(name, str):
        name = type(function).__module__
    return _script_name(sys.modules.get(name)) or name if name in {"__main__", "__mp_main__"} else name


def _asked(ask: Callable[[], T], otherwise: T) -> T:
    try:
        return ask()
    except Exception:  # noqa: BLE001 - an object may answer any question with an error
        return otherwise


def _script_name(main: ModuleType | None) -> str | None:
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    return PurePath(file).stem if isinstance(file, str) else None


class _Describer(Encoder):
    """An encoder that looks into what can be called."""

    def describe(self, function: Any) -> bytes:  # noqa: ANN401 - whatever can be called
        """Give bytes that change when the function does."""
        try:
            return self._describe(function)
        except Exception:  # noqa: BLE001 - a callable object may answer anything with an error; its type is known
            return b"?" + name_of(type(function)).encode()

    def _describe(self, function: Any) -> bytes:  # noqa: ANN401 - see above
        if isinstance(function, functools.partial):
            return self.parts(b"P", (self.describe(function.func), function.args, function.keywords))
        if isinstance(function, MethodType):
            kind = function.__self__ if isinstance(function.__self__, type) else type(function.__self__)
            return self.parts(b"M", (self.describe(function.__func__), kind, function.__self__))
        if isinstance(function, FunctionType):
            return self.parts(b"x", self._own(function))
        if isinstance(function, type):
            return self.parts(b"K", class_parts(function))
        if isinstance(function, BuiltinFunctionType):
            return self.parts(b"U", (name_of(function), function))
        return self._object(function)

    def _own(self, function: FunctionType) -> tuple[object, ...]:
        """Leave the module out, which has another name in the script itself."""
        return function_parts(function)[1:]

    def _object(self, function: Any) -> bytes:  # noqa: ANN401 - an object with __call__, or a wrapper in C
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            return self.parts(b"W", (type(function), self.describe(wrapped)))
        called = getattr(type(function), "__call__", None)  # noqa: B004 - what is called, not whether
        by = self.describe(called) if isinstance(called, FunctionType) else name_of(function)
        return self.parts(b"O", (type(function), by, function))
