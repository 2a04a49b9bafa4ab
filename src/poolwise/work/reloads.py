"""Whether modules of the user's have been loaded anew here since workers imported them.

A function of a module travels by name, so that a worker which imported the module before has the old one for as long as
it lives. It happens where people edit modules while they work: IPython's ``%autoreload``, ``importlib.reload``.

``importlib.reload`` gives the module a new ``__spec__``. ``%autoreload`` does not always: it may only put what has
changed into the functions and classes that are there. So a module whose file is younger is compared with how it was:
code by identity, plain constants by value. All that is looked at in interactive sessions only, where it takes a
microsecond for each module of the user's; elsewhere, only whether the function's own module was reloaded.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from poolwise.model.classes import mutable

# Modules that nobody edits while they are used.
INSTALLED: Final = tuple(
    {os.path.realpath(each) for each in (*sysconfig.get_paths().values(), *getattr(site, "PREFIXES", ()))}
)
# What a worker never imports anew, or not for the user's sake.
NOT_MEANT: Final = frozenset({"__main__", "__mp_main__", "poolwise"})
# Plain values, which can be compared without running anybody's code.
PLAIN: Final = frozenset({int, float, complex, bool, str, bytes, type(None)})

Contents: TypeAlias = Mapping[str, object]
"""What a module holds: the code of its functions and methods, and its plain constants, by their names."""


@mutable
class Seen:
    """A module as it was."""

    spec: object
    edited_ns: int
    """When its file was changed last."""
    contents: Contents


class Reloads:
    """Looks at the user's modules from time to time."""

    def __init__(self) -> None:
        """Take everything as it is now."""
        self._seen: dict[str, Seen] = {}
        self._files: dict[str, str] = {}
        self._modules = 0
        self.since_last(None)

    def since_last(self, function: Any) -> bool:  # noqa: ANN401 - whatever is called next
        """Tell whether a module was loaded anew since this was asked before; ``function`` is to be called."""
        if is_interactive():
            self._find_files()
        elif isinstance(module := getattr(function, "__module__", None), str):
            self._files.setdefault(module, "")
        # Not only up to the first: each is to be known as it is now.
        return bool([name for name, file in self._files.items() if self._has_changed(name, file)])

    def _has_changed(self, name: str, file: str) -> bool:
        module = sys.modules.get(name)
        if module is None:
            return self._seen.pop(name, None) is not None
        spec, edited_ns, seen = getattr(module, "__spec__", None), _edited_ns(file), self._seen.get(name)
        if seen is not None and seen.spec is spec and seen.edited_ns == edited_ns:
            return False
        contents = dict(_contents(module)) if file else {}
        self._seen[name] = Seen(spec, edited_ns, contents)
        if seen is None or (seen.spec is spec and _same(seen.contents, contents)):
            if seen is not None:
                # Edited and not loaded anew: it may be at any time.
                self._seen[name].edited_ns = seen.edited_ns
            return False
        return True

    def _find_files(self) -> None:
        if len(sys.modules) == self._modules:
            return
        self._modules = len(sys.modules)
        for name, module in [*sys.modules.items()]:
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and name.partition(".")[0] not in NOT_MEANT and _is_edited_by_people(file):
                self._files[name] = file


def is_interactive() -> bool:
    """Tell whether a person types here: a notebook, IPython, Python's own prompt."""
    return "IPython" in sys.modules or hasattr(sys, "ps1") or bool(sys.flags.interactive)


def _is_edited_by_people(file: str) -> bool:
    return file.endswith(".py") and "site-packages" not in file and not os.path.realpath(file).startswith(INSTALLED)


def _edited_ns(file: str) -> int:
    try:
        return os.stat(file).st_mtime_ns if file else 0  # noqa: PTH116 - pathlib takes three times as long
    except OSError:
        return 0


def _contents(module: types.ModuleType) -> Iterator[tuple[str, object]]:
    for name, value in [*vars(module).items()]:
        if isinstance(value, type) and value.__module__ == module.__name__:
            for key, each in [*vars(value).items()]:
                yield from _content(f"{name}.{key}", each)
        elif not name.startswith("__"):
            yield from _content(name, value)


def _content(name: str, value: Any) -> Iterator[tuple[str, object]]:  # noqa: ANN401 - whatever is there
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    elif isinstance(value, property):
        value = value.fget
    if isinstance(value, types.FunctionType):
        yield name, value.__code__
    elif type(value) in PLAIN:
        yield name, value


def _same(before: Contents, now: Contents) -> bool:
    """Code objects are the same where they are one: reloading makes new ones."""
    return before.keys() == now.keys() and all(
        value is now[name] or (type(value) in PLAIN and type(value) is type(now[name]) and value == now[name])
        for name, value in before.items()
    )
