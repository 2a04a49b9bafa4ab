"""Whatever the contract asks of processes that are started anew, it asks of Ray."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from poolwise.backends.protocol import CAPABILITIES
from tests.contract import functions
from tests.contract.ways import Way
from tests.others.contract import contract, look_elsewhere
from tests.others.ray.conftest import CPUS

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
    look_elsewhere(monkeypatch, lambda: [] if free() == CPUS else ["an actor"])
    functions.released.clear()
    yield dataclasses.replace(RAY, fakes=[])
    functions.released.set()


def test_late_items_are_treated_as_the_table_says():
    """This way expects what the table of capabilities promises."""
    assert RAY.timeout == CAPABILITIES["ray"].timeout


globals().update(contract(NOT_HERE))
