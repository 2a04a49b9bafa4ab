"""Extension modules that cannot be loaded into a second interpreter of a process, as NumPy cannot.

Whether one can be is written in its C code (the slot ``Py_mod_multiple_interpreters``, PEP 489 and PEP 684) and is
told only by the try. So what is loaded here and is neither Python nor of the standard library is not trusted by a
decision that is made before any try.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import ExtensionFileLoader

from poolwise.errors import FunctionShippingError
from poolwise.work.call import show_error

# The words of CPython's import system (Python/import.c), whatever a library makes of its error.
REFUSED = " does not support loading in subinterpreters"
ADVICE = 'use backend="processes", where every module loads, or leave backend out and let Poolwise choose'


def foreign_modules() -> tuple[str, ...]:
    """Give the packages with extension modules that are loaded here and are not of the standard library."""
    found: dict[str, None] = {}
    for name, module in [*sys.modules.items()]:
        package = name.partition(".")[0]
        if package in found or package in sys.stdlib_module_names:
            continue
        if isinstance(getattr(getattr(module, "__spec__", None), "loader", None), ExtensionFileLoader):
            found[package] = None
    return tuple(found)


def refused_module(error: BaseException) -> str | None:
    """Give the module that an import could not load because this is a second interpreter; None for other errors."""
    for each in _chain(error):
        before, found, _ = str(each).partition(REFUSED) if isinstance(each, ImportError) else ("", "", "")
        if found:
            return before.split()[-1].partition(".")[0]
    return None


def unloadable(error: BaseException, where: str = "in a fresh interpreter") -> FunctionShippingError:
    """Say why a worker could not load the function ``where`` it is, and what to do."""
    module = refused_module(error)
    if module is None:
        return FunctionShippingError(
            f"a worker could not load the function ({show_error(error)}): its module must be importable {where}, "
            "with what it imports"
        )
    return FunctionShippingError(
        f"a worker could not load the function: it needs {module}, an extension module that cannot be loaded into a "
        f"second interpreter of this process; {ADVICE}"
    )


def explain(error: BaseException) -> None:
    """Add a word to what the function raised, where it tried to import what cannot be loaded here."""
    if (module := refused_module(error)) is not None:
        error.add_note(
            f"poolwise: {module} is an extension module that cannot be loaded into a second interpreter of this "
            f"process; {ADVICE}"
        )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
