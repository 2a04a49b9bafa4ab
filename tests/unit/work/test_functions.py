"""How functions travel to a pool's workers: once, as they are now."""

from __future__ import annotations

import json
import pickle
import types
from collections.abc import Callable
from typing import Any

import pytest

from poolwise.work import functions
from poolwise.work.functions import Teacher, pack_by_name, pack_function


def shout(text: str) -> str:
    """Be found by name."""
    return text.upper()


class Counting(Teacher):
    """Counts what is packed whole."""

    def __init__(self) -> None:
        super().__init__(lambda worker, number, packed: None)
        self.packed: list[Any] = []


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Make a teacher of workers that nobody has started."""
    made = Counting()

    def counting(function: Any, *, spread: bool, where: str) -> bytes:
        made.packed.append(function)
        return pack_function(function, spread=spread, where=where)

    monkeypatch.setattr(functions, "pack_function", counting)
    return made


def test_a_function_with_a_name_is_packed_whole_once(workers: Counting) -> None:
    """From then on its name says that it is the same."""
    first = workers.teach(0, shout)
    workers.end_round()
    assert workers.teach(0, shout) == first
    assert workers.packed == [shout]


def test_what_may_have_changed_is_packed_anew(workers: Counting) -> None:
    """A closure has no name by which it could be found, and what it refers to is another now."""
    there = ["a"]

    def closure() -> str:
        return there[0]

    first = workers.teach(0, closure)
    there[0] = "b"
    workers.end_round()
    assert workers.teach(0, closure) != first
    assert workers.packed == [closure, closure]


def test_a_function_that_its_name_no_longer_finds_is_packed_whole(
    workers: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another stands in its place now, or nobody does."""
    workers.teach(0, shout)
    workers.end_round()
    monkeypatch.setitem(globals(), "shout", None)
    workers.teach(0, SHOUT)
    assert workers.packed == [SHOUT, SHOUT]


SHOUT = shout


@pytest.mark.parametrize("function", [lambda: None, json.JSONDecoder().decode, abs, "x".upper, types.SimpleNamespace])
def test_only_plain_functions_with_a_name_travel_by_it(function: Callable[..., Any]) -> None:
    """Of others, pickling may run the user's code, or take in what may change."""
    assert pack_by_name(function, spread=False) is None


def test_a_module_that_raises_when_it_is_asked_for_a_name_does_no_harm() -> None:
    """Whether the function can travel is then told by packing it whole."""
    module = types.ModuleType("tests_raising_module")

    def refuse(name: str) -> Any:
        raise ZeroDivisionError(name)

    module.__getattr__ = refuse  # type: ignore[method-assign]
    function = types.FunctionType(shout.__code__, {"__name__": module.__name__}, "missing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, module.__name__, module)
        assert pack_by_name(function, spread=False) is None


def test_a_name_packs_to_what_packing_whole_gives() -> None:
    """Else a function would be sent twice."""
    for spread in (False, True):
        assert pack_by_name(shout, spread=spread) == pack_function(shout, spread=spread)
        assert pickle.loads(pack_function(shout, spread=spread)) == (shout, spread)
