"""Whom the marks of a dead worker accuse, without a worker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from poolwise.engine.handle import Handle, Sent
from poolwise.model.events import NOTHING_BEGUN


def suspects(
    *chunks: Sent, index: int | None = None, chunk: int = 1, begun: int | None = None, claimed: int = 0
) -> Any:
    """Give the suspects of a worker that has left these marks."""
    marks = SimpleNamespace(index=index, chunk=chunk, begun=begun, claimed=claimed)
    nothing: Any = None
    memory: Any = SimpleNamespace(marks=marks)
    handle = Handle(0, nothing, nothing, memory, nothing, nothing)
    handle.chunks.extend(chunks)
    return handle.suspects()


# Items 10 to 19, which stand at the places 100 to 109 of all that the worker was sent.
SENT = Sent(1, 10, 20, 100, 0.0)


def test_a_marked_item_is_the_one():
    """The worker has said which item it is on."""
    assert suspects(SENT, index=13, begun=102, claimed=108) == (13, None)


def test_a_block_is_under_suspicion():
    """Of an unmarked chunk it is known which items were in work; where that is one, it is the one."""
    assert suspects(SENT, begun=102, claimed=108) == (None, (12, 18))
    assert suspects(SENT, begun=102, claimed=103) == (12, None)


def test_while_results_are_packed_any_item_may_be_the_one():
    """Nothing is in work then; a chunk of one item has but one suspect."""
    assert suspects(SENT) == (None, None)
    assert suspects(Sent(1, 10, 11, 100, 0.0)) == (10, None)


def test_what_was_not_begun_accuses_nobody():
    """The marks still tell of the chunk before, or there is none at all."""
    assert suspects(SENT, chunk=0, begun=90, claimed=95) == (NOTHING_BEGUN, None)
    assert suspects() == (None, None)


def test_nothing_outside_of_the_chunk_is_accused():
    """A worker may have claimed more than its chunk holds any more."""
    assert suspects(SENT, begun=108, claimed=140) == (None, (18, 20))
