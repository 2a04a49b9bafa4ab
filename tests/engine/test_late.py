"""``timeout`` ends exactly the item that is late: its neighbours are neither lost nor run twice."""

from __future__ import annotations

import collections
import functools
import os
import time
from pathlib import Path

import pytest

import poolwise
from poolwise.errors import TaskTimeoutError
from tests.contract.functions import lines, note

LIMIT_S = 0.3
LATE = {4, 5, 11}
COUNT = 30


def work(calls: Path, item: int) -> int:
    """Leave a line; some items never end."""
    note(calls, item)
    if item in LATE:
        time.sleep(600)
    return item


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.parametrize("verb", ["map", "imap"])
def test_only_the_late_item_is_ended(tmp_path: Path, method: str, verb: str) -> None:
    """Every item is called once, the late ones included; the others have their results."""
    calls = tmp_path / "calls"
    run = getattr(poolwise, verb)
    options = {"backend": "processes", "max_workers": 2, "start_method": method, "timeout": LIMIT_S}
    results = list(run(functools.partial(work, calls), range(COUNT), errors="collect", **options))
    assert [item for item in range(COUNT) if results[item] != item] == sorted(LATE)
    assert {type(results[item].error) for item in LATE} == {TaskTimeoutError}
    assert collections.Counter(map(int, lines(calls))) == dict.fromkeys(range(COUNT), 1)


def leave_a_child(item: int) -> int:
    """Fork a child that lives on and holds whatever it inherited, then be late on one item."""
    if item == 2:
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
        time.sleep(600)
    return item


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_late_item_with_a_child_of_its_own_is_ended_too() -> None:
    """A child that holds the worker's channel open does not keep the run waiting."""
    begun = time.monotonic()
    results = poolwise.map(
        leave_a_child, range(6), backend="processes", max_workers=2, start_method="fork", timeout=LIMIT_S, errors="skip"
    )
    assert results == [0, 1, 3, 4, 5]
    assert time.monotonic() - begun < 4
