"""Generators of their own for items that run side by side in one process.

``random.random()`` and ``numpy.random.rand()`` draw from one generator for the whole process, so that what an item
gets would depend on who else draws meanwhile. While a seeded run is under way, these functions look first whether the
context in which they are called (a thread's, a task's) has generators of its own, and use these. The last such run
that ends puts the originals back.

What was taken from the modules before (``from random import random``) is out of reach and draws from the process's.
"""

from __future__ import annotations

import contextvars
import functools
import importlib
import random
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

from poolwise.model.classes import field, mutable

own: contextvars.ContextVar[Own | None] = contextvars.ContextVar("poolwise_own_streams", default=None)
"""The generators of the item that is run in this context."""

# What in numpy.random is a function and not a method of the hidden generator, by the method that does the same.
NUMPY_FUNCTIONS = {"seed": "seed", "ranf": "random_sample", "sample": "random_sample"}


def numpy_random() -> Any:  # noqa: ANN401 - a module, or None
    """Give ``numpy.random`` where NumPy is loaded: NumPy imports it when somebody first asks for it."""
    return importlib.import_module("numpy.random") if "numpy" in sys.modules else None


class Own:
    """Generators of one item, made when they are first used: most functions draw nothing."""

    def __init__(self, for_random: int, for_numpy: list[int]) -> None:
        """Keep the seeds."""
        self._for_random = for_random
        self._for_numpy = for_numpy

    @functools.cached_property
    def random(self) -> random.Random:
        """Stands for the generator of the ``random`` module."""
        return random.Random(self._for_random)

    @functools.cached_property
    def numpy(self) -> Any:  # noqa: ANN401 - a numpy.random.RandomState
        """Stands for the generator of ``numpy.random``."""
        return numpy_random().RandomState(self._for_numpy)


@mutable
class _Patches:
    """What was replaced, and by how many runs it is wanted."""

    lock: Any = field(default_factory=threading.RLock)
    users: int = 0
    originals: dict[tuple[Any, str], tuple[Any, Any]] = field(default_factory=dict)
    """Module and name: the original, and what stands for it."""
    numpy: bool = False


_patches = _Patches()


def begin() -> None:
    """A seeded run begins in which items run side by side."""
    with _patches.lock:
        _patches.users += 1
        if _patches.users == 1:
            _replace(random, _methods_of(random, random._inst), "random")  # noqa: SLF001
        look_again()


def look_again() -> None:
    """Take in NumPy, which the function may have imported by now."""
    if not _patches.numpy and _patches.users and (module := numpy_random()) is not None:
        with _patches.lock:
            _take_in(module)


def _take_in(module: Any) -> None:  # noqa: ANN401 - ``numpy.random``
    # Asked again, now that nobody else can change it: the last seeded run may have ended, while a thread that it has
    # left behind goes on, and what that replaced would never be put back.
    if _patches.numpy or not _patches.users:
        return
    hidden = module.mtrand
    _replace(module, {**_methods_of(module, hidden._rand), **NUMPY_FUNCTIONS}, "numpy")  # noqa: SLF001
    # Other libraries (scikit-learn, SciPy) take the hidden generator itself.
    hidden.__class__ = _Hidden
    # Only now: who reads it without the lock goes on to draw.
    _patches.numpy = True


def end() -> None:
    """The run has ended; after the last one the originals are back."""
    with _patches.lock:
        _patches.users -= 1
        if _patches.users:
            return
        for (module, name), (original, replacement) in _patches.originals.items():
            # Whatever somebody else has put there meanwhile stays.
            if getattr(module, name, None) is replacement:
                setattr(module, name, original)
        if _patches.numpy:
            sys.modules["numpy.random.mtrand"].__class__ = types.ModuleType
        _patches.originals.clear()
        _patches.numpy = False


class _Hidden(types.ModuleType):
    """``numpy.random.mtrand``, whose ``_rand`` is the generator of the item in whose context it is asked for."""

    # Not a property: where ``mtrand._rand`` has been read before, Python 3.14 remembers that it lies in the module's
    # dict, and asks no property of a class that the module has been given since.
    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - what the module has
        if name == "_rand" and (mine := own.get()) is not None:
            return mine.numpy
        return super().__getattribute__(name)


def _methods_of(module: types.ModuleType, generator: Any) -> dict[str, str]:  # noqa: ANN401 - a Random or RandomState
    """Find the module's functions that are methods of its hidden generator."""
    return dict(_bound(module, generator))


def _bound(module: types.ModuleType, generator: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    for name, value in vars(module).items():
        if getattr(value, "__self__", None) is generator:
            yield name, value.__name__


def _replace(module: types.ModuleType, methods: dict[str, str], which: str) -> None:
    for name, method in methods.items():
        if (original := getattr(module, name, None)) is None:
            continue
        replacement = _dispatching(original, name, method, which)
        _patches.originals[module, name] = (original, replacement)
        setattr(module, name, replacement)


def _dispatching(original: Callable[..., Any], name: str, method: str, which: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def draw(*args: Any, **keywords: Any) -> Any:  # noqa: ANN401 - whatever the original takes and gives
        mine = own.get()
        if mine is None:
            return original(*args, **keywords)
        return getattr(getattr(mine, which), method)(*args, **keywords)

    # Pickled by the name that it stands under.
    draw.__module__, draw.__qualname__ = which if which == "random" else "numpy.random", name
    return draw
