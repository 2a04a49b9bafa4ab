"""The caller's context variables on their way to a fresh interpreter.

A ``ContextVar`` cannot be pickled, but it is found again by the module and the name that it has there. One of
``__main__``, which is not imported again in a worker, travels with the function that reads it.
"""

from __future__ import annotations

import contextlib
import contextvars
import copyreg
import importlib
import logging
import pickle
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from poolwise.model.classes import frozen
from poolwise.work.call import show_error
from poolwise.work.packing import dumps

logger = logging.getLogger("poolwise")

AnyVar: TypeAlias = contextvars.ContextVar[Any]
Place: TypeAlias = tuple[str, str]
"""A module, and a name in it."""

MAIN = "__main__"
# The variable of the decimal module's C code, which no module names; ``decimal.getcontext`` gives its value.
DECIMAL = "decimal_context"

# In a worker: the variables of the parent's ``__main__`` that have come with the function.
_of_main: dict[str, AnyVar] = {}


@frozen
class Variable:
    """A variable with its value, ready to travel."""

    places: tuple[Place, ...]
    """Where it stands: in its own module, and in each that has imported it by name."""
    packed: bytes

    def set(self) -> None:
        """Set it, if the function has brought one of its modules with it; nobody else here could read it."""
        for module, name in self.places:
            with leaving_out(f"the context variable {module}.{name}"):
                if (module, name) == ("decimal", DECIMAL) and module in sys.modules:
                    sys.modules[module].setcontext(pickle.loads(self.packed))
                elif (variable := _loaded(module, name)) is not None:
                    variable.set(pickle.loads(self.packed))


def take_variables() -> Iterator[Variable]:
    """Look at the caller's context, in its thread. What cannot travel is left out."""
    values = dict(contextvars.copy_context().items())
    for variable, places in find_places(values).items():
        with leaving_out(f"the context variable {variable.name}"):
            if not places:
                raise LookupError("it stands in no module, where a worker could find it")
            yield Variable(places, dumps(values[variable], by_value=True))


def find_places(wanted: Iterable[AnyVar]) -> dict[AnyVar, tuple[Place, ...]]:
    """Find where each variable stands, ``__main__`` last: a script has often imported it from its own module."""
    found: dict[AnyVar, list[Place]] = {variable: [] for variable in wanted}
    # Nearly always there is none, and there may be a thousand modules to look through.
    for module_name, module in [*sys.modules.items()] if found else ():
        for name, value in [*getattr(module, "__dict__", {}).items()]:
            if type(value) is contextvars.ContextVar and value in found:
                found[value].append((module_name, name))
    for variable, places in found.items():
        places.sort(key=lambda place: place[0] == MAIN)
        if not places and variable.name == DECIMAL:
            places.append(("decimal", DECIMAL))
    return {variable: tuple(places) for variable, places in found.items()}


@contextlib.contextmanager
def portable() -> Iterator[None]:
    """Let context variables be pickled meanwhile, for functions that travel whole and name one."""
    copyreg.pickle(contextvars.ContextVar, _reduce)
    try:
        yield
    finally:
        copyreg.dispatch_table.pop(contextvars.ContextVar, None)


def _reduce(variable: AnyVar) -> tuple[Any, ...]:
    places = find_places([variable])[variable]
    module, name = places[0] if places else (MAIN, f"{variable.name} at {id(variable):x}")
    default: tuple[Any, ...] = ()
    with contextlib.suppress(LookupError):
        default = (contextvars.Context().run(variable.get),)
    return restore, (module, name, default if module == MAIN else ())


def restore(module: str, name: str, default: tuple[Any, ...]) -> AnyVar:
    """Give a variable in a worker, where a function has come that names it."""
    if module != MAIN:
        variable: AnyVar = getattr(importlib.import_module(module), name)
        return variable
    if name not in _of_main:
        _of_main[name] = contextvars.ContextVar(name, default=default[0]) if default else contextvars.ContextVar(name)
    return _of_main[name]


def _loaded(module: str, name: str) -> AnyVar | None:
    if module == MAIN:
        return _of_main.get(name)
    return getattr(sys.modules.get(module), name, None)


class leaving_out:  # noqa: N801 - reads as the function that it stands for
    """Leave out what cannot travel, and say so to whoever looks for it.

    A class: after ``contextlib.contextmanager``, the error would hold itself, and with its frames the caller's pool.
    """

    def __init__(self, what: str) -> None:
        """Name it."""
        self._what = what

    def __enter__(self) -> None:
        """Try."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        """Go on after whatever a ``__reduce__`` may raise."""
        if not isinstance(error, Exception):
            return False
        logger.debug("workers do without %s: %s", self._what, show_error(error))
        return True
