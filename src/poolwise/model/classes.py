"""Classes of plain values: what ``dataclasses`` offers and we use, made in a fraction of the time.

``dataclasses`` writes and compiles half a dozen methods for each class when its module is imported: half a millisecond,
and seven for ``dataclasses`` itself. With our eighty classes that was half of the time that ``import poolwise`` took,
in the caller's process and again in every worker that begins as a fresh interpreter. Here a class gets its slots and
methods that all classes share; only ``__init__`` is compiled, where many instances are made. From outside they are
dataclasses: ``dataclasses.fields``, ``asdict`` and ``replace`` take them, once somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, TypeVar, cast, dataclass_transform, overload

T = TypeVar("T")

# Compiling ``__init__`` takes as long as filling so many instances one by one, which most classes of a run never have.
FEW = 30
_MISSING: Final = object()


class _Field:
    """What is known of a field besides its name and its type."""

    __slots__ = ("compare", "default", "default_factory", "repr")

    def __init__(
        self, default: object, default_factory: Callable[[], Any] | None, *, compare: bool, repr_: bool
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.compare = compare
        self.repr = repr_


_PLAIN: Final = _Field(_MISSING, None, compare=True, repr_=True)


def field(
    *,
    default: Any = _MISSING,  # noqa: ANN401 - the annotation of the field gives its type
    default_factory: Callable[[], Any] | None = None,
    compare: bool = True,
    repr: bool = True,  # noqa: A002 - as dataclasses have it
) -> Any:  # noqa: ANN401 - see above
    """Say of a field what its annotation cannot; the arguments are those of ``dataclasses.field``."""
    return _Field(default, default_factory, compare=compare, repr_=repr)


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T] | None = None, /, *, kw_only: bool = False) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a class of values that do not change: ``dataclass(frozen=True, slots=True, kw_only=...)``."""
    if cls is None:
        return lambda given: _make(given, kw_only=kw_only, methods=_FROZEN)
    return _make(cls, kw_only=kw_only, methods=_FROZEN)


@dataclass_transform(field_specifiers=(field,))
def mutable(cls: type[T], /) -> type[T]:
    """Make a class of values that change: ``dataclass(slots=True)``."""
    return _make(cls, kw_only=False, methods=_MUTABLE)


def field_names(cls: type) -> list[str]:
    """Name the fields of such a class, in order."""
    return [*cls.__value_fields__]  # type: ignore[attr-defined]


def replace(value: T, /, **changes: Any) -> T:  # noqa: ANN401 - a field may hold anything
    """Give a copy in which some fields have other values."""
    for name in value.__value_fields__:  # type: ignore[attr-defined]
        changes.setdefault(name, getattr(value, name))
    return type(value)(**changes)


def _make(cls: type[T], *, kw_only: bool, methods: dict[str, Any]) -> type[T]:
    """Give the class anew, with slots, which cannot be had afterwards."""
    names = tuple(cls.__annotations__)
    body = {name: value for name, value in vars(cls).items() if name not in {"__dict__", "__weakref__"}}
    fields = {}
    for name in names:
        given = body.pop(name, _PLAIN)
        fields[name] = given if isinstance(given, _Field) else field(default=given)

    instances = 0

    def first_init(self: Any, /, *args: Any, **keywords: Any) -> None:  # noqa: ANN401 - what the real one takes
        nonlocal instances
        instances += 1
        # Whatever is wrong with the arguments, a compiled function says it as any other.
        if instances > FEW or (args and kw_only) or not _fill(self, fields, args, keywords):
            made.__init__ = _compile_init(made, kw_only=kw_only, is_frozen=methods is _FROZEN)
            made.__init__(self, *args, **keywords)

    compared = [name for name, each in fields.items() if each.compare]
    own: dict[str, Any] = {
        "__init__": first_init,
        "__slots__": names,
        "__match_args__": () if kw_only else names,
        "__value_fields__": fields,
        "__compared__": attrgetter(*compared) if compared else staticmethod(_nothing),
    }
    for name in ("__dataclass_fields__", "__dataclass_params__"):
        own[name] = _FromDataclass(name, kw_only=kw_only, is_frozen=methods is _FROZEN)
    kind: Any = type(cls)
    made = kind(cls.__name__, cls.__bases__, {**methods, **body, **own})
    made.__qualname__ = cls.__qualname__
    return cast("type[T]", made)


def _fill(
    self: Any,  # noqa: ANN401 - one of our values
    fields: dict[str, _Field],
    args: tuple[Any, ...],
    keywords: dict[str, Any],
) -> bool:
    """Set the fields one by one; False where the arguments do not fit."""
    given = dict(zip(fields, args, strict=False))
    if len(args) > len(fields) or given.keys() & keywords.keys() or keywords.keys() - fields.keys():
        return False
    given |= keywords
    for name, each in fields.items():
        if name in given:
            value = given[name]
        elif each.default_factory is not None:
            value = each.default_factory()
        elif each.default is not _MISSING:
            value = each.default
        else:
            return False
        object.__setattr__(self, name, value)
    if hasattr(self, "__post_init__"):
        self.__post_init__()
    return True


def _compile_init(cls: type, *, kw_only: bool, is_frozen: bool) -> Callable[..., None]:
    """Write ``__init__`` as one would by hand, so that it is as quick."""
    known: dict[str, Any] = {"_MISSING": _MISSING, "__name__": cls.__module__}
    parameters, lines = ["self"] + ["*"] * kw_only, []
    for name, each in cls.__value_fields__.items():  # type: ignore[attr-defined]
        value = name
        if each.default_factory is not None:
            known[f"_make_{name}"] = each.default_factory
            parameters.append(f"{name}=_MISSING")
            value = f"_make_{name}() if {name} is _MISSING else {name}"
        elif each.default is not _MISSING:
            known[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        if is_frozen:  # whose __setattr__ refuses
            known[f"_set_{name}"] = vars(cls)[name].__set__
            lines.append(f" _set_{name}(self, {value})")
        else:
            lines.append(f" self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    source = f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines or [" pass"])
    exec(source, known)  # noqa: S102 - made of the names in our own class
    init: Callable[..., None] = known["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


class _FromDataclass:
    """One of the two things that ``dataclasses`` looks for in a class; made by itself, since few ask."""

    def __init__(self, name: str, *, kw_only: bool, is_frozen: bool) -> None:
        self._name = name
        self._kw_only, self._is_frozen = kw_only, is_frozen

    def __get__(self, value: object, cls: type) -> Any:  # noqa: ANN401 - what dataclasses keep there
        import dataclasses  # noqa: PLC0415 - it takes long

        told = []
        for name, each in cls.__value_fields__.items():  # type: ignore[attr-defined]
            known: dict[str, Any] = {"compare": each.compare, "repr": each.repr}
            if each.default_factory is not None:
                known["default_factory"] = each.default_factory
            elif each.default is not _MISSING:
                known["default"] = each.default
            told.append((name, cls.__annotations__[name], dataclasses.field(**known)))
        twin = dataclasses.make_dataclass(cls.__name__, told, kw_only=self._kw_only, frozen=self._is_frozen)
        made = getattr(twin, self._name)
        type.__setattr__(cls, self._name, made)
        return made


# --- The methods that all classes share ------------------------------------------------------------------------------


def _repr(self: Any) -> str:  # noqa: ANN401 - one of our values, here and below
    shown = [f"{name}={getattr(self, name)!r}" for name, each in self.__value_fields__.items() if each.repr]
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _nothing(_self: object) -> tuple[()]:
    return ()


def _eq(self: Any, other: object) -> Any:  # noqa: ANN401 - also NotImplemented
    read: Callable[[Any], object] = self.__compared__
    return read(self) == read(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:  # noqa: ANN401
    return hash((type(self), self.__compared__(self)))


def _refuse_to_set(_self: object, name: str, _value: object) -> None:
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 - it takes long

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> None:
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 - it takes long

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[Any]:  # noqa: ANN401
    return [getattr(self, name) for name in self.__value_fields__]


def _setstate(self: Any, state: list[Any]) -> None:  # noqa: ANN401
    for name, value in zip(self.__value_fields__, state, strict=True):
        object.__setattr__(self, name, value)


_MUTABLE = {
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": None,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
    "__replace__": replace,
}
_FROZEN = {**_MUTABLE, "__hash__": _hash, "__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
