"""When a worker has grown too large."""

from __future__ import annotations

import mmap

from poolwise.engine.growth import LOOK_EVERY_S, Growth, own_memory
from poolwise.testing import FakeClock

MIB = 1 << 20


class Process:
    """A process whose memory is what the test says."""

    def __init__(self) -> None:
        self.own = 900 * MIB
        self.looks = 0

    def read(self) -> int:
        self.looks += 1
        return self.own


def test_what_it_was_at_its_start_does_not_count() -> None:
    """A worker is over its limit once it has grown by more than that."""
    clock, process = FakeClock(), Process()
    growth = Growth(100 * MIB, read=process.read, clock=clock.now)
    over = []
    for own in (900, 1000, 1001, 950):
        process.own = own * MIB
        clock.advance(LOOK_EVERY_S)
        over.append(growth.is_over())
    assert over == [False, False, True, False]


def test_it_is_looked_at_now_and_then_only() -> None:
    """A thousand chunks within one interval cost one look."""
    clock, process = FakeClock(), Process()
    growth = Growth(100 * MIB, read=process.read, clock=clock.now)
    for _ in range(1000):
        clock.advance(LOOK_EVERY_S / 1000)
        growth.is_over()
    assert process.looks <= 1 + 1


def test_without_a_limit_nothing_is_read() -> None:
    """No limit, no look."""
    clock, process = FakeClock(), Process()
    growth = Growth(None, read=process.read, clock=clock.now)
    clock.advance(10)
    assert (growth.is_over(), process.looks) == (False, 0)


def test_a_system_that_does_not_tell_sets_no_limit() -> None:
    """Where the memory cannot be read, nobody is over."""
    clock = FakeClock()
    growth = Growth(1, read=lambda: None, clock=clock.now)
    clock.advance(10)
    assert growth.is_over() is False


def test_own_memory_grows_with_what_is_written_to() -> None:
    """Ten megabytes that are filled are ten megabytes more."""
    before = own_memory()
    # Fresh pages: the allocator may have some left that earlier tests have filled.
    with mmap.mmap(-1, 10 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as kept:
        for page in range(0, len(kept), mmap.PAGESIZE):
            kept[page] = 1
        after = own_memory()
        assert before is not None
        assert after is not None
        assert len(kept) * 0.9 < after - before < len(kept) * 1.5
