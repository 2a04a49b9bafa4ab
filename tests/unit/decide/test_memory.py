"""How much a worker may grow by."""

from __future__ import annotations

import pytest

from poolwise.decide.memory import LEAST, memory_limit
from poolwise.model.options import Options
from tests.unit.decide.facts import make_machine

GIB = 1 << 30


@pytest.mark.parametrize(
    ("free", "workers", "expected"),
    [(16 * GIB, 4, 4 * GIB), (16 * GIB, 64, LEAST), (0, 2, LEAST), (2 * GIB, 2, GIB)],
)
def test_auto_is_an_even_share_of_what_is_free(free: int, workers: int, expected: int) -> None:
    """Free memory over workers, and never less than half a gigabyte."""
    assert memory_limit(Options(), make_machine(memory_free_bytes=free), workers) == expected


@pytest.mark.parametrize("limit", [None, GIB])
def test_what_the_caller_says_holds(limit: int | None) -> None:
    """A number is the limit, None is none, whatever the machine."""
    assert memory_limit(Options(memory_limit=limit), make_machine(memory_free_bytes=100 * GIB), 2) == limit
