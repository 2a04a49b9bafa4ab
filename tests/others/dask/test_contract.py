"""Whatever the contract asks of processes that are started anew, it asks of Dask."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from tests.contract import functions
from tests.contract.ways import Way
from tests.others.contract import contract

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
# A nanny takes a second or two to start a process anew, and some tests kill a dozen.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("client"), pytest.mark.timeout(120)]
NO_WORD = "Dask tells no client how a process ended"
STAYS = "asks that no process is left, and those of a cluster stay: test_dask.py asks the cluster what is left there"
LEFT_OUT = {
    "test_a_death_says_how_it_came": NO_WORD,
    "test_a_killed_worker_is_seen_to_die": NO_WORD,
    "test_an_item_that_kills_whoever_unpickles_it": NO_WORD,
    "test_an_error_cancels_the_rest": STAYS,
    "test_leaving_an_iterator_ends_its_workers": STAYS,
    "test_dying_beside_a_finished_neighbour": "the neighbours in the other thread of the same process die with it",
    "test_prints_go_to_the_callers_streams": "what is printed on a cluster stays in its own logs",
}


@pytest.fixture
def way() -> Iterator[Way]:
    """Give the way, fresh."""
    functions.released.clear()
    yield dataclasses.replace(DASK, fakes=[])
    functions.released.set()


globals().update(contract(LEFT_OUT))
