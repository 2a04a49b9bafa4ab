"""What counts as a module that was loaded anew, and what does not."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from poolwise.work import reloads
from poolwise.work.reloads import Reloads

SOURCE = """
LIMIT = 1

class Kind:
    size = 1

    def method(self): return 1

    @staticmethod
    def static(): return 1

    @property
    def value(self): return 1

def f(x): return x
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch) -> Iterator[ModuleType]:
    """A module of the user's, in an interactive session."""
    monkeypatch.setattr(reloads, "is_interactive", lambda: True)
    monkeypatch.syspath_prepend(tmp_path)
    edit(tmp_path / "edited_here.py", SOURCE, 0)
    importlib.invalidate_caches()
    yield importlib.import_module("edited_here")
    sys.modules.pop("edited_here", None)


def edit(file: Path, source: str, second: int) -> None:
    """Write the module, as of some second."""
    file.write_text(source)
    os.utime(file, (1_700_000_000 + second, 1_700_000_000 + second))


def file_of(module: ModuleType) -> Path:
    """Give its file."""
    assert module.__file__ is not None
    return Path(module.__file__)


def test_nothing_has_happened(module) -> None:
    """Asked again and again, it says no."""
    looks = Reloads()
    assert [looks.since_last(module.f) for _ in range(3)] == [False] * 3


def test_a_reload_is_told_once(module) -> None:
    """By ``importlib.reload``, whether the file was changed or not."""
    looks = Reloads()
    importlib.reload(module)
    assert [looks.since_last(module.f) for _ in range(2)] == [True, False]


def test_an_edit_counts_when_it_is_loaded(module) -> None:
    """An edit alone changes nothing here; what puts new code into the old functions does, whenever it does."""
    looks = Reloads()
    edit(file_of(module), SOURCE + "\n# more", 10)
    assert not looks.since_last(module.f)
    module.f.__code__ = (lambda x: x + 1).__code__
    assert [looks.since_last(module.f) for _ in range(2)] == [True, False]


def test_what_is_set_without_an_edit_is_no_reload(module) -> None:
    """A program counts in its own modules, and replaces functions by its own: nobody wants new workers for that."""
    looks = Reloads()
    module.LIMIT = 2
    module.f = len
    assert not looks.since_last(module.f)


@pytest.mark.parametrize("change", ["LIMIT", "size", "method", "static", "value", "new"])
def test_all_that_a_module_holds_counts(module, change) -> None:
    """Constants, what a class holds, and what has come or gone."""
    looks = Reloads()
    edit(file_of(module), SOURCE + "\n# more", 10)
    match change:
        case "LIMIT" | "new":
            setattr(module, change, 7)
        case "size":
            module.Kind.size = 7
        case "method":
            module.Kind.method = lambda _: 2
        case "static":
            module.Kind.static = staticmethod(lambda: 2)
        case _:
            module.Kind.value = property(lambda _: 2)
    assert looks.since_last(module.f)


def test_elsewhere_only_the_functions_own_module_is_looked_at(module, monkeypatch) -> None:
    """In a program that nobody types into, a look costs next to nothing; a reload of that module is seen."""
    monkeypatch.setattr(reloads, "is_interactive", lambda: False)
    looks = Reloads()
    assert not looks.since_last(module.f)
    edit(file_of(module), SOURCE + "\n# more", 10)
    module.LIMIT = 2
    assert not looks.since_last(module.f)
    importlib.reload(module)
    assert looks.since_last(module.f)
    assert not looks.since_last(len)


def test_a_module_that_was_dropped_and_imported_again(module) -> None:
    """As Streamlit does it: another module of the same name."""
    looks = Reloads()
    del sys.modules["edited_here"]
    again = importlib.import_module("edited_here")
    assert looks.since_last(again.f)


def test_what_is_installed_is_not_looked_at(module) -> None:
    """Neither Python's own modules nor those in site-packages, nor ours."""
    looks = Reloads()
    names = set(looks._files)
    assert "edited_here" in names
    assert names.isdisjoint({"json", "importlib", "pytest", "hypothesis", "poolwise", "poolwise.errors", "__main__"})
