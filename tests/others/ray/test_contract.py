"""Whatever the contract asks of processes that are started anew, it asks of Ray: the same tests, on one more way.

A function of ``tests/contract`` that is run on the way "processes-spawn" is run here on Ray; what is true of worker
processes of this machine only is left out, each with its reason.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract import (
    functions,
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
from tests.contract.ways import SPAWN, Way
from tests.others.ray.conftest import CPUS

MODULES = (
    test_timeout,
    test_workers,
    test_timeline,
    test_surroundings,
    test_results,
    test_journal,
    test_shipping,
    test_retries,
    test_errors,
    test_deaths,
)
RAY = Way(
    name="ray",
    # A start takes seconds, and a second worker would start meanwhile, for nothing: test_runs.py has several.
    options={"backend": "ray", "max_workers": 1},
    # Every example starts actors.
    examples=2,
    other_process=True,
    ships_items=True,
    timeout="kills",
)
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cluster", "nothing_kept"), pytest.mark.timeout(300)]
NOT_HERE = {
    "test_a_death_says_how_it_came": "Ray tells no signal and no exit code; test_runs.py looks at what it tells",
    "test_a_killed_worker_is_seen_to_die": "it wants the signal's name; test_runs.py looks at the timeline of a death",
    "test_an_item_that_kills_whoever_unpickles_it": "it wants the exit code; test_runs.py has such an item",
    "test_prints_go_to_the_callers_streams": "what is printed goes where Ray puts it, as all its users expect",
    "test_what_the_function_starts_can_be_ended": "a Ray on this machine holds back SIGINT in all that it starts",
}


@pytest.fixture
def way(free: Callable[[], float], monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """Give the way, fresh; what a test looks for in the end is not a process, of which Ray has some, but a CPU."""
    for module in MODULES:
        monkeypatch.setattr(module, "leftovers", lambda: [] if free() == CPUS else ["an actor"], raising=False)
    functions.released.clear()
    yield dataclasses.replace(RAY, fakes=[])
    functions.released.set()


def on_ray(function: types.FunctionType) -> types.FunctionType | None:
    """Make a copy of a test that runs on Ray; None where the test is not for the way "processes-spawn"."""
    marks = list(getattr(function, "pytestmark", ()))
    ways: list[Any] = [mark for mark in marks if mark.name == "parametrize" and mark.args[0] == "way"]
    if not ways or not any(param.values[0] is SPAWN for param in ways[0].args[1]):
        return None
    copy = types.FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    copy.__doc__, copy.__kwdefaults__ = function.__doc__, function.__kwdefaults__
    others: list[Any] = [mark for mark in marks if mark is not ways[0]]
    if function.__name__ in NOT_HERE:
        others.append(pytest.mark.skip(reason=NOT_HERE[function.__name__]).mark)
    vars(copy)["pytestmark"] = others
    return copy


for _module in MODULES:
    for _name, _test in tuple(vars(_module).items()):
        if _name.startswith("test_") and (_copy := on_ray(_test)) is not None:
            globals()[_name] = _copy
