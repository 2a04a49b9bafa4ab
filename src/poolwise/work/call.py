"""How a function is called on one item."""

from __future__ import annotations

import functools
import reprlib
import sys
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, Final

from poolwise.errors import NotCallableError
from poolwise.model.classes import frozen

# Long enough to recognise an item by, short enough for one line of a terminal.
REPR_LENGTH = 80
# inspect.CO_COROUTINE: the code of an ``async def``.
CO_COROUTINE: Final = 0x80


@frozen
class Call:
    """A function, and how an item becomes its arguments."""

    function: Callable[..., Any]
    spread: bool = False
    """The item is a tuple of arguments (several iterables, or ``starmap``)."""
    coroutine: bool = False
    """Calling gives a coroutine, which an event loop must run."""

    @property
    def name(self) -> str:
        """The function's name as a person would say it."""
        inner = self.function
        while isinstance(inner, functools.partial):
            inner = inner.func
        return one_line(str(getattr(inner, "__qualname__", None) or type(inner).__qualname__))


def make_call(function: Callable[..., Any], *, spread: bool) -> Call:
    """Look at ``function`` once, to see whether it can be called and gives coroutines."""
    if not callable(function):
        msg = (
            f"the first argument must be a function, not {short_repr(function)} ({type(function).__name__}); "
            "write poolwise.map(function, items)"
        )
        raise NotCallableError(msg)
    return Call(function, spread, is_coroutine_function(function))


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Tell an ``async def`` (also behind partials, methods and ``__call__``) from an ordinary function."""
    inner: Any = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    # Asked of the type: what a class makes is no coroutine, though its instances may be called for one.
    asked = getattr(type(inner), "__call__", None)  # noqa: B004 - not whether there is one
    return _gives_coroutine(inner) or _gives_coroutine(asked)


def _gives_coroutine(function: Any) -> bool:  # noqa: ANN401 - whatever has been found
    if "inspect" in sys.modules or _is_compiled(function):
        from inspect import iscoroutinefunction  # noqa: PLC0415 - who has not loaded it need not wait 7 ms for it

        return iscoroutinefunction(function)
    # All that can be told without it: only inspect itself marks a function that is no ``async def``.
    while isinstance(function, (MethodType, functools.partial)):
        function = function.__func__ if isinstance(function, MethodType) else function.func
    return isinstance(function, FunctionType) and bool(function.__code__.co_flags & CO_COROUTINE)


def _is_compiled(function: Any) -> bool:  # noqa: ANN401 - see above
    """Tell what stands for a function and is none (Cython's), which inspect knows."""
    return hasattr(function, "__code__") and not isinstance(function, (FunctionType, MethodType))


def short_repr(value: object) -> str:
    """Show ``value`` in one short line; never raises, whatever its ``__repr__`` does."""
    if isinstance(value, (bytes, bytearray)) and len(value) > REPR_LENGTH:
        # reprlib would make the whole repr first, of however many megabytes.
        return f"{bytes(value[: REPR_LENGTH // 2])!r}… ({len(value):,} bytes)"
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = shortener.maxlong = REPR_LENGTH
    try:
        text = shortener.repr(value)
    except Exception as error:  # noqa: BLE001 - a user's __repr__ may raise anything, and we are already telling an error
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return one_line(text, 2 * REPR_LENGTH)


def one_line(text: str, most: int | None = None) -> str:
    """Show a text of the user's in one line, of ``most`` characters at most, that does nothing to a terminal.

    What is not printable (the escapes that set colours or a window's title, what turns the direction of writing) is
    written as Python's own repr writes it.
    """
    text = " ".join(text.split())
    # So much is shown at most; the rest, of however many megabytes, need not be looked at.
    begun = text if most is None else text[:most]
    if not begun.isprintable():
        begun = "".join(each if each.isprintable() else repr(each)[1:-1] for each in begun)
    return begun if most is None or max(len(text), len(begun)) <= most else begun[: most - 1] + "…"


def show_error(error: BaseException) -> str:
    """Give an exception's type and words; never raises, whatever its ``__str__`` does."""
    try:
        text = str(error)
    except Exception as problem:  # noqa: BLE001 - as in short_repr
        text = f"<its str raises {type(problem).__name__}>"
    return f"{type(error).__qualname__}: {text}" if text else type(error).__qualname__


def type_name(kind: type) -> str:
    """Name a type as a person finds it: with its module, but for built-in ones."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def words_of(error: BaseException) -> str:
    """Give an exception's words without its type; never raises, whatever its ``__str__`` does."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - as in short_repr
        return short_repr(error)
