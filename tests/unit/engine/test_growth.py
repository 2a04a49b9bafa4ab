"""When a worker has grown too large."""

from __future__ import annotations

import pytest

from poolwise.engine.growth import FIRST_LOOKS_S, LOOK_EVERY_S, SHARE_OF_TIME, Growth, ThisProcess
from poolwise.testing import FakeClock
from tests.memory import fill, fresh_pages

MIB = 1 << 20


LONG_LOOK_S = 0.5


class Process:
    """A process whose memory is what the test says."""

    def __init__(self, clock: FakeClock) -> None:
        self.resident: int | None = 900 * MIB
        self.given = 10 * MIB
        self.its_own: int | None = 5 * MIB
        self.looks = self.long_looks = 0
        self._clock = clock

    def own(self) -> int | None:
        self.looks += 1
        return self.resident

    def faulted(self) -> int:
        return self.given

    def alone(self) -> int | None:
        self.long_looks += 1
        self._clock.advance(LONG_LOOK_S)
        return self.its_own

    def writes(self, size: int, *, copies: bool) -> None:
        """Have pages more: copies of inherited ones, or fresh ones."""
        self.given += size
        if self.its_own is not None:
            self.its_own += size
        if not copies and self.resident is not None:
            self.resident += size


def test_what_it_was_at_its_start_does_not_count() -> None:
    """A worker is over its limit once it has grown by more than that."""
    clock = FakeClock()
    process = Process(clock)
    growth = Growth(100 * MIB, memory=process, clock=clock.now)
    over = []
    for own in (900, 1000, 1001, 950):
        process.resident = own * MIB
        clock.advance(LOOK_EVERY_S)
        over.append(growth.is_over())
    assert (over, process.long_looks) == ([False, False, True, False], 0)


def test_copies_of_what_was_inherited_count() -> None:
    """They show in what the process has alone, which is looked at only where it may be too much."""
    clock = FakeClock()
    process = Process(clock)
    growth = Growth(100 * MIB, at_birth=900 * MIB, memory=process, clock=clock.now)
    over = []
    for _ in range(4):
        process.writes(30 * MIB, copies=True)
        clock.advance(LOOK_EVERY_S)
        over.append((growth.is_over(), process.long_looks))
    assert over == [(False, 0), (False, 0), (False, 0), (True, 1)]


def test_what_it_had_alone_at_its_start_does_not_count() -> None:
    """An initializer's table in huge pages, of which few faults tell: it grew by them since it began."""
    clock = FakeClock()
    process = Process(clock)
    process.its_own = 800 * MIB
    growth = Growth(100 * MIB, at_birth=100 * MIB, memory=process, clock=clock.now)
    process.writes(90 * MIB, copies=True)
    process.given += 50 * MIB
    clock.advance(LOOK_EVERY_S)
    assert (growth.is_over(), process.long_looks) == (False, 1)


def test_memory_that_is_taken_and_let_go_of_costs_few_long_looks() -> None:
    """Fresh pages again and again, none kept: a long look may take a hundredth of the time, after the first."""
    clock = FakeClock()
    process = Process(clock)
    growth = Growth(100 * MIB, at_birth=900 * MIB, memory=process, clock=clock.now)
    for _ in range(10_000):
        process.given += 150 * MIB
        clock.advance(LOOK_EVERY_S)
        assert not growth.is_over()
    assert 2 <= process.long_looks <= (clock.now() * SHARE_OF_TIME + FIRST_LOOKS_S) / LONG_LOOK_S + 1


def test_it_is_looked_at_now_and_then_only() -> None:
    """A thousand chunks within one interval cost one look."""
    clock = FakeClock()
    process = Process(clock)
    growth = Growth(100 * MIB, memory=process, clock=clock.now)
    for _ in range(1000):
        clock.advance(LOOK_EVERY_S / 1000)
        growth.is_over()
    assert process.looks <= 1 + 1


def test_without_a_limit_nothing_is_read() -> None:
    """No limit, no look."""
    clock = FakeClock()
    process = Process(clock)
    growth = Growth(None, memory=process, clock=clock.now)
    clock.advance(10)
    assert (growth.is_over(), process.looks) == (False, 0)


def test_a_system_that_does_not_tell_sets_no_limit() -> None:
    """Where the memory cannot be read, nobody is over."""
    clock = FakeClock()
    process = Process(clock)
    process.its_own = None
    growth = Growth(20 * MIB, at_birth=900 * MIB, memory=process, clock=clock.now)
    process.writes(50 * MIB, copies=True)
    clock.advance(10)
    only_resident = growth.is_over()
    process.resident = None
    silent = Growth(20 * MIB, memory=process, clock=clock.now)
    clock.advance(10)
    assert (only_resident, growth.is_over(), silent.is_over()) == (False, False, False)


@pytest.mark.parametrize("shared", [False, True], ids=["private", "shared"])
def test_this_process_grows_by_what_it_writes_to(shared: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """What is filled is as much more; what lies in shared memory is faulted in, and is not its own."""
    memory, size = ThisProcess(), 64 * MIB
    with fresh_pages(size, shared=shared) as kept:
        before = (memory.faulted(), memory.own(), memory.alone())
        fill(kept)
        after = (memory.faulted(), memory.own(), memory.alone())
        assert None not in before + after
        faulted, *its_own = [(now - then) / size for then, now in zip(before, after, strict=True)]
        assert 0.9 < faulted < 1.5
        for grown in its_own:
            assert (-0.1 if shared else 0.9) < grown < (0.1 if shared else 1.5)
