"""The contract that every backend keeps (tests/contract), on one more way: the same tests, over a cluster.

A test that runs on the way "processes-spawn" asks nothing that a cluster could not give; what is true of this machine's
own worker processes only is left out, each with its reason.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.contract import (
    test_deaths,
    test_errors,
    test_journal,
    test_results,
    test_retries,
    test_shipping,
    test_surroundings,
    test_timeline,
    test_timeout,
    test_workers,
)
from tests.contract.ways import SPAWN

# Those that kill and those that raise come last, when the cluster has had time to start all that it keeps.
MODULES = (
    test_workers,
    test_timeout,
    test_timeline,
    test_surroundings,
    test_results,
    test_journal,
    test_shipping,
    test_retries,
    test_errors,
    test_deaths,
)


def look_elsewhere(patch: pytest.MonkeyPatch, leftovers: Callable[[], list[str]]) -> None:
    """Have the tests look for what is left in this way: a cluster has processes, which stay."""
    for module in MODULES:
        patch.setattr(module, "leftovers", leftovers, raising=False)


def contract(left_out: Mapping[str, str]) -> Iterator[tuple[str, types.FunctionType]]:
    """Give the tests by name; those that are ``left_out`` skip with the reason that is given there."""
    for module in MODULES:
        for name, test in tuple(vars(module).items()):
            if name.startswith("test_") and (copy := _copy(test, left_out.get(name))) is not None:
                yield name, copy


def _copy(test: types.FunctionType, reason: str | None) -> types.FunctionType | None:
    """Copy a test, which asks for the fixture ``way`` of where it is then; None: it is not for "processes-spawn"."""
    marks = list(getattr(test, "pytestmark", ()))
    ways = [mark for mark in marks if mark.name == "parametrize" and mark.args[0] == "way"]
    if not ways or not any(param.values[0] is SPAWN for param in ways[0].args[1]):
        return None
    copy = types.FunctionType(test.__code__, test.__globals__, test.__name__, test.__defaults__)
    copy.__doc__, copy.__kwdefaults__ = test.__doc__, test.__kwdefaults__
    others: list[Any] = [mark for mark in marks if mark is not ways[0]]
    if reason is not None:
        others.append(pytest.mark.skip(reason=reason).mark)
    vars(copy)["pytestmark"] = others
    return copy
