"""What cannot be loaded into a second interpreter is known by name, and told with what to do."""

from __future__ import annotations

import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import ModuleType

import pytest

from poolwise.errors import FunctionShippingError
from poolwise.work.isolation import explain, foreign_modules, refused_module, unloadable

REFUSAL = "module numpy._core._multiarray_umath does not support loading in subinterpreters"


def refused(text: str = REFUSAL) -> ImportError:
    """Give NumPy's error, which wraps the import system's."""
    wrapped = ImportError("IMPORTANT: PLEASE READ THIS FOR ADVICE")
    wrapped.__cause__ = ImportError(text)
    return wrapped


def loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Load an extension module, by its looks."""
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, ExtensionFileLoader(name, f"{name}.so"))
    monkeypatch.setitem(sys.modules, name, module)


def test_foreign_extension_modules_are_found_by_their_package(monkeypatch):
    """What is compiled and not of the standard library counts, once for each package."""
    before = set(foreign_modules())
    for name in ("snowflake._fast", "snowflake.deep._slow", "json._made_up"):
        loaded(name, monkeypatch)
    monkeypatch.setitem(sys.modules, "snowflake", ModuleType("snowflake"))
    assert set(foreign_modules()) - before == {"snowflake"}


@pytest.mark.parametrize(
    ("error", "module"),
    [
        (refused(), "numpy"),
        (ImportError(f"Original error was: {REFUSAL}\n\n"), "numpy"),
        (ImportError("No module named 'numpy'"), None),
        (ValueError(REFUSAL), None),
    ],
    ids=["wrapped", "quoted", "another import error", "no import error"],
)
def test_the_refused_module_is_named(error, module):
    """However the library has dressed it up, the import system's own words say which module it was."""
    assert refused_module(error) == module


def test_a_function_that_cannot_be_loaded_says_why_and_what_to_do():
    """The error names the package and the backend that can serve."""
    error = unloadable(refused())
    assert type(error) is FunctionShippingError
    assert "needs numpy, an extension module that cannot be loaded into a second interpreter" in str(error)
    assert 'use backend="processes"' in str(error)
    assert "No module named 'x'" in str(unloadable(ImportError("No module named 'x'")))


def test_what_the_function_raised_gets_a_note():
    """The function's own ImportError comes out as itself, with a word on what to do; other errors get none."""
    error = refused()
    explain(error)
    assert [note[:15] for note in error.__notes__] == ["poolwise: numpy"]
    other = ValueError("no")
    explain(other)
    assert not hasattr(other, "__notes__")


def test_errors_that_cause_each_other_come_to_an_end():
    """A circle of causes is gone through once."""
    one, other = ImportError("one"), ImportError("other")
    one.__cause__, other.__cause__ = other, one
    assert refused_module(one) is None
