"""Whatever the contract asks of processes that are started anew, it asks of Dask."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import pytest

from poolwise.backends.protocol import CAPABILITIES
from poolwise.work import resident
from tests.contract import functions
from tests.contract.ways import Way
from tests.others.contract import contract, look_elsewhere

DASK = Way(
    name="dask",
    options={"backend": "dask"},
    examples=3,
    other_process=True,
    ships_items=True,
    timeout="abandons",
    # A call that is left behind keeps a thread of the cluster's process.
    forever_s=1.5,
)
FORGOTTEN_WITHIN_S = 10.0
# A nanny takes a second or two to start a process anew, and some tests kill a dozen.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("client"), pytest.mark.timeout(120)]
NO_WORD = "Dask tells no client how a process ended"
LEFT_OUT = {
    "test_a_death_says_how_it_came": NO_WORD,
    "test_a_killed_worker_is_seen_to_die": NO_WORD,
    "test_an_item_that_kills_whoever_unpickles_it": NO_WORD,
    "test_dying_beside_a_finished_neighbour": "the neighbours in the other thread of the same process die with it",
    "test_prints_go_to_the_callers_streams": "what is printed on a cluster stays in its own logs",
}


@pytest.fixture
def way(client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """Give the way, fresh; what a test looks for in the end is no process, of which a cluster has some, but a run."""

    def leftovers() -> list[str]:
        """Ask the processes which runs they know, until they have forgotten all."""
        deadline = time.monotonic() + FORGOTTEN_WITHIN_S
        while (found := _known(client)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    look_elsewhere(monkeypatch, leftovers)
    functions.released.clear()
    yield dataclasses.replace(DASK, fakes=[])
    functions.released.set()


def _known(client) -> list[str]:
    return [run for runs in client.run(lambda: [*resident._residences]).values() for run in runs]


def test_late_items_are_treated_as_the_table_says():
    """This way expects what the table of capabilities promises."""
    assert DASK.timeout == CAPABILITIES["dask"].timeout


globals().update(contract(LEFT_OUT))
