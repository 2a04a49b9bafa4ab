"""Large buffers in shared memory: who owns which place, on one small map and without a second process."""

from __future__ import annotations

import gc
import itertools
import mmap
import os
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.engine import arena
from poolwise.engine.arena import LEAST_WARM, MOST_WARM, PAGE, POOL_WARM, FreeList, Reader, Writer, share_of_warm

SIZE = 16 * PAGE


@pytest.fixture
def shared() -> Iterator[mmap.mmap]:
    """Give anonymous memory that is read and written here."""
    with mmap.mmap(-1, SIZE) as memory:
        yield memory
        gc.collect()


@pytest.fixture
def sides(shared: mmap.mmap) -> Iterator[tuple[Writer, Reader]]:
    """Give both sides of one arena."""
    writer, reader = Writer(shared, 0, SIZE), Reader(shared, 0, SIZE)
    yield writer, reader
    writer.close()
    reader.close()


# --- Room --------------------------------------------------------------------------------------------------------

TOTAL = 100
orders = st.lists(st.tuples(st.booleans(), st.integers(1, 40), st.integers(0, 100)), max_size=60)


@given(orders)
def test_ranges_never_overlap_and_are_joined(orders: list[tuple[bool, int, int]]) -> None:
    """Whatever is taken and given back: what is in use is disjoint, and free neighbours are one range."""
    free, used = FreeList(TOTAL), {}
    for give, size, which in orders:
        if give and used:
            start = sorted(used)[which % len(used)]
            free.give(start, start + used.pop(start))
        elif (start := free.take(size)) is not None:
            used[start] = size
        ranges = free.ranges()
        spans = sorted([*ranges, *((start, start + size) for start, size in used.items())])
        assert all(0 <= start < stop <= TOTAL for start, stop in spans)
        # Nothing lies in two spans, and below the highest nothing is lost.
        assert [start for start, _ in spans] == [0, *(stop for _, stop in spans)][: len(spans)]
        assert all(stop < start for (_, stop), (start, _) in itertools.pairwise(ranges))


def test_room_that_was_given_back_is_taken_first() -> None:
    """Low places are warm; what was never used comes last, and then there is no more."""
    free = FreeList(10)
    assert [free.take(4), free.take(4), free.take(4)] == [0, 4, None]
    free.give(0, 4)
    assert [free.take(2), free.take(2), free.take(2), free.take(1)] == [0, 2, 8, None]


# --- Buffers -----------------------------------------------------------------------------------------------------


def test_a_buffer_crosses_and_its_place_is_used_again(sides: tuple[Writer, Reader]) -> None:
    """What was put is read where it lies; when the last reader lets go, and not before, the place is free."""
    writer, reader = sides
    place = writer.put(b"a" * (PAGE + 1))
    assert place is not None
    buffer = reader.buffer(place, PAGE + 1)
    part = buffer[PAGE:]
    assert bytes(buffer) == b"a" * (PAGE + 1)
    del buffer
    assert reader.take_dropped() == []
    assert bytes(part) == b"a"
    del part
    assert reader.take_dropped() == [place]
    assert reader.take_dropped() == []
    assert writer.put(b"b") != place
    writer.release([place])
    assert writer.put(b"c") == place


def test_a_buffer_can_be_written_to(sides: tuple[Writer, Reader]) -> None:
    """The reader owns it; one that is made read-only stays so, and frees its place as well."""
    writer, reader = sides
    places = [writer.put(b"first"), writer.put(b"other")]
    first, other = reader.buffer(places[0], 5), reader.buffer(places[1], 5).toreadonly()
    first[0] = ord("F")
    assert bytes(first) == b"First"
    with pytest.raises(TypeError):
        other[0] = ord("O")
    assert memoryview(other[1:]).readonly
    del first, other
    assert reader.take_dropped() == places


def test_a_look_leaves_nothing_behind(sides: tuple[Writer, Reader]) -> None:
    """What is only looked at is free when the reader says so."""
    writer, reader = sides
    place = writer.put(b"seen")
    with reader.peek(place, 4) as inside:
        assert bytes(inside) == b"seen"
    reader.done(place)
    assert reader.take_dropped() == [place]


@pytest.fixture
def file() -> Iterator[int]:
    """Give the descriptor of a file in memory, one page larger than the arena, whose first page is another's."""
    descriptor = os.memfd_create("arena")
    os.ftruncate(descriptor, PAGE + SIZE)
    yield descriptor
    os.close(descriptor)


def test_new_pages_are_written_through_the_file(file: int) -> None:
    """The first use of a place, one that grows, and the second use give the same bytes, and touch no other page."""
    ours, its = (mmap.mmap(file, SIZE, offset=PAGE) for _ in range(2))
    writer, reader = Writer(ours, 0, SIZE, file=(file, PAGE)), Reader(its, 0, SIZE)
    for text in (b"a" * PAGE, b"b" * PAGE, b"c" * (3 * PAGE + 7), b"d" * PAGE):
        place = writer.put(text)
        assert place == 0
        assert bytes(reader.buffer(place, len(text))) == text
        assert [*reader.take_dropped()] == [place]
        writer.release([place])
    assert os.pread(file, PAGE, 0) == bytes(PAGE)
    writer.close()
    reader.close()


def test_without_memory_for_new_pages_a_buffer_is_refused(file: int) -> None:
    """It travels otherwise then; the place is free for the next."""
    ours = mmap.mmap(file, SIZE, offset=PAGE)
    closed = os.dup(file)
    os.close(closed)
    writer = Writer(ours, 0, SIZE, file=(closed, PAGE))
    assert writer.put(b"a" * PAGE) is None
    assert writer._free.ranges() == [(0, PAGE)]
    writer.close()


def test_what_does_not_fit_is_refused(sides: tuple[Writer, Reader]) -> None:
    """The sender then sends it another way; what was put before is untouched."""
    writer, reader = sides
    place = writer.put(b"x" * (SIZE - PAGE))
    assert writer.put(b"y" * (PAGE + 1)) is None
    assert writer.put(b"z" * PAGE) == SIZE - PAGE
    assert bytes(reader.buffer(place, SIZE - PAGE)) == b"x" * (SIZE - PAGE)


def test_what_is_free_beyond_the_share_is_given_back(shared: mmap.mmap) -> None:
    """Pages within it keep what was in them, to be used again warm; those beyond read as zeros."""
    writer = Writer(shared, 0, SIZE, keep_warm=2 * PAGE)
    places = [writer.put(b"x" * PAGE) for _ in range(4)]
    writer.release(places)
    assert [shared[place] for place in places] == [ord("x"), ord("x"), 0, 0]
    writer.close()


@pytest.mark.parametrize(("workers", "share"), [(1, MOST_WARM), (4, MOST_WARM), (16, 16 << 20), (1000, LEAST_WARM)])
def test_workers_share_what_is_kept_warm(workers: int, share: int) -> None:
    """Two arenas for each worker, within the pool's bound but for a least that makes it worth while."""
    assert share_of_warm(workers) == share
    assert share == LEAST_WARM or 2 * workers * share <= POOL_WARM


# --- Forks and ends ----------------------------------------------------------------------------------------------


def test_what_lives_at_a_fork_is_never_used_again(sides: tuple[Writer, Reader]) -> None:
    """The child may read it for as long as it likes; what comes after the fork is free as ever."""
    writer, reader = sides
    before = writer.put(b"before")
    kept = reader.buffer(before, 6)
    child = os.fork()
    if child == 0:
        os._exit(0 if bytes(kept) == b"before" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    after = writer.put(b"after")
    later = reader.buffer(after, 5)
    del kept, later
    assert reader.take_dropped() == [after]


def test_a_child_that_drops_its_copy_frees_nothing(sides: tuple[Writer, Reader]) -> None:
    """The place is its parent's, who still reads."""
    writer, reader = sides
    kept = [reader.buffer(writer.put(b"mine"), 4)]
    child = os.fork()
    if child == 0:
        kept.clear()
        reader.close()
        os._exit(len(reader.take_dropped()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert bytes(kept[0]) == b"mine"


def test_the_end_gives_back_all_but_what_is_in_use(shared: mmap.mmap) -> None:
    """Once the writer is gone, a result that lives on stays whole; its pages go back when it is dropped."""
    writer, reader = Writer(shared, 0, SIZE), Reader(shared, 0, SIZE)
    places = [writer.put(bytes([65 + number]) * PAGE) for number in range(3)]
    kept = reader.buffer(places[1], PAGE)
    writer.close()
    reader.close()
    assert (shared[:PAGE], bytes(kept), shared[2 * PAGE : 3 * PAGE]) == (bytes(PAGE), b"B" * PAGE, bytes(PAGE))
    look = memoryview(shared)
    del kept
    assert bytes(look[PAGE : 2 * PAGE]) == bytes(PAGE)
    look.release()


def test_the_map_is_closed_with_the_last_buffer() -> None:
    """Nobody needs it any more."""
    shared = mmap.mmap(-1, SIZE)
    writer, reader = Writer(shared, 0, SIZE), Reader(shared, 0, SIZE)
    writer.put(b"x")
    writer.close()
    reader.close()
    assert shared.closed


def test_what_a_child_maps_too_is_given_back_page_by_page(file: int) -> None:
    """The map is closed here and lives on there: its pages must not."""
    ours, its = (mmap.mmap(file, SIZE, offset=PAGE) for _ in range(2))
    writer, reader = Writer(ours, 0, SIZE, file=(file, PAGE)), Reader(its, 0, SIZE)
    place = writer.put(b"a" * (8 * PAGE))
    assert place is not None
    del_me = reader.buffer(place, 8 * PAGE)
    del del_me
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    writer.close()
    assert os.fstat(file).st_blocks > 0
    reader.close()
    assert os.fstat(file).st_blocks == 0


# --- Several threads ---------------------------------------------------------------------------------------------


@pytest.fixture
def in_turns() -> Iterator[None]:
    """Let threads take turns as often as can be, where they do not run side by side anyway."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_a_fork_finds_all_readers_while_other_threads_make_some(shared: mmap.mmap, in_turns: None) -> None:
    """What would be missed would be used again under the eyes of the child."""
    over = threading.Event()

    def make() -> None:
        while not over.is_set():
            some = [Reader(shared, 0, SIZE) for _ in range(20)]
            assert len(some) == len({id(each) for each in some})

    mine, others = Reader(shared, 0, SIZE), [threading.Thread(target=make) for _ in range(2)]
    for thread in others:
        thread.start()
    try:
        for _ in range(500):
            assert mine in arena._living()
    finally:
        over.set()
        for thread in others:
            thread.join()


def test_a_buffer_may_be_dropped_while_its_reader_is_closed(in_turns: None) -> None:
    """By two threads at once: descriptors are closed once, and nothing is left open."""
    descriptor = os.memfd_create("arena")
    os.ftruncate(descriptor, SIZE)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count
    for _ in range(100):
        shared = mmap.mmap(descriptor, SIZE)
        writer, reader = Writer(shared, 0, SIZE), Reader(shared, 0, SIZE, descriptor=descriptor)
        place = writer.put(b"a" * PAGE)
        assert place is not None
        held, meet = [reader.buffer(place, PAGE)], threading.Barrier(2, timeout=20)
        drop = threading.Thread(target=lambda held=held, meet=meet: (meet.wait(), held.clear()))
        drop.start()
        meet.wait()
        reader.close()
        drop.join()
        writer.close()
        del reader, writer, shared
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - a count
    os.close(descriptor)
