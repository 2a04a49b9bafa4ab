"""Any value as bytes that depend on its content alone: equal content, equal bytes, in every process and on every day.

A value is a letter for its exact type and its parts, each with its length before it, so that no two different values
read the same. Sets and dicts are sorted by the bytes of what they hold. What is not built in is asked for what
``pickle`` would ask it for (``__reduce_ex__``); pickle's own bytes would not do: they tell which parts are the same
object, and keep the order of sets, which is another in each process.
"""

from __future__ import annotations

import copyreg
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final

from poolwise.journal.code import Parts, function_parts

# As pickle: 4 is the last protocol that asks for no buffers of its own.
PROTOCOL: Final = 4


class NotEncodableError(Exception):
    """There is no telling such a value from others by its content; the text says why."""


def encode(value: object, most: int | None = None) -> bytes:
    """Give a value's bytes. Raises NotEncodableError, also where it has more than ``most`` parts."""
    return Encoder(most).encode(value)


# --- Atoms -------------------------------------------------------------------------------------------------------


def _text(value: str) -> bytes:
    return b"s" + value.encode("utf-8", "surrogatepass")


ATOMS: Final[dict[type, Callable[[Any], bytes]]] = {
    # In hexadecimal, of which an int may have any number of digits.
    int: lambda value: b"i%x" % value,
    str: _text,
    float: lambda value: b"f" + repr(value).encode(),
    bool: lambda value: b"B1" if value else b"B0",
    type(None): lambda _: b"N",
    bytes: lambda value: b"b" + value,
    bytearray: lambda value: b"a" + value,
    complex: lambda value: b"c" + repr(value).encode(),
}


def _joined(letter: bytes, parts: Iterable[bytes]) -> bytes:
    return letter + b"".join([b"%d:%b" % (len(part), part) for part in parts])


def name_of(thing: Any) -> str:  # noqa: ANN401 - a class or a function
    """Give the module and the name by which pickle would find it again."""
    return f"{getattr(thing, '__module__', None)}:{getattr(thing, '__qualname__', None) or type(thing).__qualname__}"


# --- What has parts ------------------------------------------------------------------------------------------------


class Encoder:
    """Encodes one value; knows what it is in the middle of, so that what contains itself is refused at once."""

    def __init__(self, most: int | None = None) -> None:
        """Give up after ``most`` parts."""
        self._left = most
        self._open: set[int] = set()

    def encode(self, value: object) -> bytes:
        """Give a value's bytes, or raise NotEncodableError."""
        try:
            return self._any(value)
        except NotEncodableError:
            raise
        except RecursionError:
            raise NotEncodableError("it is nested too deeply") from None
        except Exception as error:
            raise NotEncodableError(f"{type(error).__name__}: {error}") from error

    def lenient(self, value: object) -> bytes:
        """Give a value's bytes; where it has none, its type has to do."""
        try:
            return self.encode(value)
        except NotEncodableError:
            return b"?" + name_of(type(value)).encode()

    def _any(self, value: object) -> bytes:
        kind = type(value)
        if (simple := ATOMS.get(kind)) is not None:
            return simple(value)
        self._count()
        if isinstance(value, type):
            return b"C" + name_of(value).encode()
        if id(value) in self._open:
            return self._again(value)
        self._open.add(id(value))
        try:
            return PARTED[kind](self, value) if kind in PARTED else self._other(value)
        finally:
            self._open.discard(id(value))

    def _count(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise NotEncodableError("it has too many parts")

    def _again(self, value: object) -> bytes:
        """A function may well know itself; of anything else that does there is no end."""
        if isinstance(value, FunctionType):
            return b"n" + name_of(value).encode()
        raise NotEncodableError("it contains itself")

    def _list(self, value: Iterable[object]) -> bytes:
        return _joined(b"l", map(self._any, value))

    def _tuple(self, value: Iterable[object]) -> bytes:
        return _joined(b"t", map(self._any, value))

    def _set(self, value: Iterable[object]) -> bytes:
        return _joined(b"S", sorted(map(self._any, value)))

    def _frozenset(self, value: Iterable[object]) -> bytes:
        return _joined(b"F", sorted(map(self._any, value)))

    def _dict(self, value: dict[object, object]) -> bytes:
        return _joined(b"d", sorted(self._pairs(value.items())))

    def _pairs(self, pairs: Iterable[tuple[object, object]]) -> list[bytes]:
        return [_joined(b"", (self._any(key), self._any(each))) for key, each in pairs]

    def _function(self, value: Any) -> bytes:  # noqa: ANN401 - a function
        return self.parts(b"x", function_parts(value))

    def parts(self, letter: bytes, parts: Parts) -> bytes:
        """Encode what a function was taken apart into: what cannot be encoded counts by its type."""
        return _joined(letter, map(self.lenient, parts))

    def _method(self, value: Any) -> bytes:  # noqa: ANN401 - a method
        return _joined(b"m", (self._any(value.__func__), self._any(value.__self__)))

    def _other(self, value: Any) -> bytes:  # noqa: ANN401 - whatever is not built in
        kind = type(value)
        if kind.__module__.partition(".")[0] == "pathlib":
            # Equal paths may be kept in different pieces.
            return _joined(b"p", (kind.__qualname__.encode(), os.fsencode(value)))
        reduce = copyreg.dispatch_table.get(kind)
        made: Any = reduce(value) if reduce is not None else value.__reduce_ex__(PROTOCOL)
        if isinstance(made, str):
            return b"g" + f"{getattr(value, '__module__', None) or kind.__module__}:{made}".encode()
        return self._made(value, *made)

    def _made(  # noqa: PLR0917 - the parts that pickle defines, in its order
        self,
        value: object,
        make: object,
        arguments: tuple[object, ...],
        state: object = None,
        items: Iterable[object] | None = None,
        pairs: Iterable[tuple[object, object]] | None = None,
        setter: object = None,
    ) -> bytes:
        """Encode what pickle would make the value of."""
        made_by = b"n" + name_of(make).encode() if hasattr(make, "__qualname__") else self._any(make)
        told = [] if pairs is None else self._pairs(pairs)
        if not isinstance(value, OrderedDict):
            told.sort()
        listed = b"" if items is None else self._list(items)
        by = b"" if setter is None else self._any(setter)
        return _joined(b"o", (made_by, self._tuple(arguments), self._any(state), listed, _joined(b"", told), by))


PARTED: Final[dict[type, Callable[[Encoder, Any], bytes]]] = {
    list: Encoder._list,  # noqa: SLF001 - the class's own table, here and below
    tuple: Encoder._tuple,  # noqa: SLF001
    set: Encoder._set,  # noqa: SLF001
    frozenset: Encoder._frozenset,  # noqa: SLF001
    dict: Encoder._dict,  # noqa: SLF001
    FunctionType: Encoder._function,  # noqa: SLF001
    MethodType: Encoder._method,  # noqa: SLF001
    BuiltinFunctionType: Encoder._other,  # noqa: SLF001
}
