"""Items that wait for their time."""

from __future__ import annotations

from poolwise.run.later import Again, Later


def test_each_is_due_at_its_time():
    """Those whose time has come are given, the earliest first, and those of one moment in the order they came."""
    later = Later()
    for at_s, index in ((3.0, 1), (1.0, 2), (2.0, 3), (1.0, 4)):
        later.add(at_s, Again(index, marked=False))
    assert later.next_at == 1.0
    assert [each.index for each in later.due(0.9)] == []
    assert [each.index for each in later.due(2.0)] == [2, 4, 3]
    assert (later.next_at, len(later)) == (3.0, 1)


def test_those_behind_the_end_are_forgotten():
    """Where a run ends at an item, what waits behind it is not wanted any more."""
    later = Later()
    for index in range(5):
        later.add(float(-index), Again(index, marked=False))
    later.forget_from(2)
    assert sorted(later.spans()) == [(0, 1), (1, 2)]
    assert later.next_at == -1.0
