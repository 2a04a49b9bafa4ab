"""An input that waits for results of the same run: where that works, as the reference says."""

from __future__ import annotations

import queue
import time

import pytest

import poolwise

# Beyond what the driver waits for a result before it reads from a slow iterator.
LONG_S = 0.08


def count_up(number):
    """Take a while."""
    time.sleep(LONG_S)
    return number + 1


@pytest.mark.parametrize("options", [{"backend": "loop"}, {"backend": "threads", "max_workers": 1}], ids=str)
def test_an_input_that_waits_for_the_last_result_gets_it(options: dict) -> None:
    """Where one item is under way at a time, nothing is read before its result was handed on."""
    found = queue.SimpleQueue()
    found.put(0)
    seen = []
    with poolwise.imap(count_up, iter(lambda: found.get(timeout=20), 5), **options) as results:
        for number in results:
            seen.append(number)
            found.put(number)
    assert seen == [1, 2, 3, 4, 5]
