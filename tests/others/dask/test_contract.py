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
LEFT_OUT = {
    "test_a_death_says_how_it_came": "Dask tells no client how a process ended",
    "test_dying_beside_a_finished_neighbour": "the neighbours in the other thread of the same process die with it",
}


@pytest.fixture
def way() -> Iterator[Way]:
    """Give the way, fresh."""
    functions.released.clear()
    yield dataclasses.replace(DASK, fakes=[])
    functions.released.set()


globals().update(contract(LEFT_OUT))
