"""Large arrays to workers and back: right, writable, and their memory used again and given back."""

from __future__ import annotations

import gc
import os
import re
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

import poolwise
from poolwise.engine import arena
from poolwise.engine.arena import MOST_WARM, PAGE
from tests.engine.programs import run_program, wait_until

numpy = pytest.importorskip("numpy")

MIB = 1 << 20
METHODS = ("fork", "forkserver")
SIZE = 8 * MIB


def options(method: str) -> dict:
    """Run in two workers."""
    return {"backend": "processes", "max_workers": 2, "start_method": method, "progress": False}


def make(number):
    """Return an array."""
    return numpy.full(SIZE // 8, number, dtype="i8")


def shift(array):
    """Write to the item itself, and give it back with a view of a part of it."""
    array += 1
    return array, array[-3:]


def total(array):
    """Return something small for something large."""
    return int(array.sum())


def same(array):
    """Give the item back with what this process has in shared memory."""
    return array, shared_memory()


def shared_memory() -> int:
    """Give the resident bytes of this process that are shared memory."""
    return int(re.search(r"RssShmem:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024


def arena_bytes() -> int:
    """Give what the arenas that this process has open really take."""
    taken = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if entry.readlink().name.startswith("memfd:poolwise"):
                found = entry.stat()
                # One file may be open several times.
                taken[found.st_ino] = found.st_blocks * 512
        except FileNotFoundError:
            # The descriptor of the listing itself.
            continue
    return sum(taken.values())


def arrays(count: int) -> Iterator:
    """Make items one by one."""
    return (make(number) for number in range(count))


def noted(array: numpy.ndarray, there: list[weakref.ref]) -> numpy.ndarray:
    """Note an array, so that somebody can count those that are still there."""
    there[:] = [weakref.ref(array), *(each for each in there if each() is not None)]
    return array


@pytest.mark.parametrize("method", METHODS)
def test_arrays_come_and_go_whole_and_writable(method: str) -> None:
    """In, changed in place, and out; here, too, whoever has it may write."""
    results = list(poolwise.map(shift, arrays(6), **options(method)))
    for number, (array, part) in enumerate(results):
        assert (array == number + 1).all()
        assert (part == number + 1).all()
        array[0] = part[0] = -1
    # Each has memory of its own: no write has reached another.
    assert [int(array[1]) for array, _ in results] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("method", METHODS)
def test_a_long_stream_of_arrays_takes_the_memory_of_a_few(method: str) -> None:
    """A consumer lets each result go: so are items and places, in the parent, in the workers, and in the files."""
    seen = []
    items: list[weakref.ref] = []
    with poolwise.imap(same, (noted(array, items) for array in arrays(256)), **options(method)) as results:
        for number, (array, its_memory) in enumerate(results):
            assert int(array[-1]) == number
            seen.append((shared_memory(), its_memory, arena_bytes(), SIZE * sum(each() is not None for each in items)))
    # All of them would be 2 GiB in each direction. Each of four arenas holds what is under way, and keeps so much warm.
    for most in map(max, zip(*seen, strict=True)):
        assert most <= 4 * (MOST_WARM + 8 * SIZE)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_dropped_is_given_back_once_the_pool_has_ended(method: str) -> None:
    """Results are the caller's for as long as it keeps them, and no page longer."""
    before = shared_memory()
    kept = list(poolwise.map(make, range(8), **options(method)))
    assert [int(array[5]) for array in kept] == list(range(8))
    for count in (8, 3, 1, 0):
        del kept[count:]
        gc.collect()
        assert arena_bytes() <= count * (SIZE + 4096)
        assert shared_memory() - before <= count * SIZE + MIB
        assert all((array == number).all() for number, array in enumerate(kept))


@pytest.mark.parametrize("method", METHODS)
def test_all_workers_of_a_pool_keep_no_more_than_their_share(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is free and stays warm is bounded for the whole pool, however many workers there are."""
    monkeypatch.setattr(arena, "POOL_WARM", 4 * 2 * (SIZE + PAGE))
    with poolwise.Pool(max_workers=4, start_method=method) as pool:
        kept = list(pool.map(make, range(24), chunksize=1))
        assert arena_bytes() >= 24 * SIZE
        del kept
        gc.collect()
        # The list of what was dropped goes to each worker with its next task.
        wait_until(
            lambda: any(pool.map(abs, range(64), chunksize=1)) and arena_bytes() <= 4 * (SIZE + 2 * PAGE), "less"
        )


@pytest.mark.parametrize("method", METHODS)
def test_kept_results_are_valid_in_a_child_that_is_forked_later(method: str) -> None:
    """Also while the pool still runs, and after the parent has let its own go and received many more."""
    with poolwise.imap(make, range(60), **options(method)) as results:
        kept = next(results)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(write)
            os.read(read, 1)
            os._exit(0 if (kept == 0).all() else 1)
        os.close(read)
        del kept
        assert [int(array[0]) for array in results] == list(range(1, 60))
    os.write(write, b"x")
    os.close(write)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    late = list(poolwise.map(make, range(3), **options(method)))
    child = os.fork()
    if child == 0:
        os._exit(0 if all((array == number).all() for number, array in enumerate(late)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("method", METHODS)
def test_results_of_one_run_are_items_of_the_next(method: str) -> None:
    """Arrays that lie in one pool's memory travel through another's; forked workers find them where they are."""
    kept = list(poolwise.map(make, range(4), **options(method)))
    assert poolwise.map(total, kept, **options(method)) == [SIZE // 8 * number for number in range(4)]
    assert poolwise.map(total, iter(kept), **options(method)) == [SIZE // 8 * number for number in range(4)]


@pytest.mark.parametrize("method", METHODS)
def test_what_a_forked_worker_changes_in_place_stays_its_own(method: str) -> None:
    """A function that writes to the results of an earlier run, as items or by its closure, changes a copy."""
    kept = list(poolwise.map(make, range(4), **options(method)))

    def change(number):
        kept[number] += 10
        return int(kept[number].sum()) // kept[number].size, os.getpid()

    changed = poolwise.map(change, range(4), **options("fork"))
    assert [mean for mean, _ in changed] == [10, 11, 12, 13]
    assert os.getpid() not in {pid for _, pid in changed}
    assert [int(array[0]) for array, _ in poolwise.map(shift, kept, **options("fork"))] == [1, 2, 3, 4]
    assert all((array == number).all() for number, array in enumerate(kept))


@pytest.mark.parametrize("method", METHODS)
def test_a_child_of_the_callers_own_has_a_copy_too(method: str) -> None:
    """While the pool runs as well; a child of the child begins with what the child has written."""
    with poolwise.imap(make, range(9), **options(method)) as results:
        kept = [next(results), next(results)]
        child = os.fork()
        if child == 0:
            kept[0][:] = 7
            grandchild = os.fork()
            if grandchild == 0:
                os._exit(0 if (kept[0] == 7).all() and (kept[1] == 1).all() else 1)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert (kept[0] == 0).all()
        kept[1][:] = 5
        assert (kept[1] == 5).all()
        assert [int(array[0]) for array in results] == list(range(2, 9))


def test_arrays_travel_where_there_is_no_address_space_for_arenas(tmp_path: Path) -> None:
    """Under ``ulimit -v`` they travel inside the pickles, and are as right."""
    source = """
        import resource
        import numpy, poolwise

        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))

        def double(array):
            array += array
            return array

        arrays = (numpy.full(1 << 20, number) for number in range(5))
        results = poolwise.map(double, arrays, backend="processes", max_workers=2)
        print([int(array.sum()) >> 20 for array in results])
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.stderr) == ("[0, 2, 4, 6, 8]\n", "")


@pytest.mark.parametrize(("limit", "size"), [("RLIMIT_FSIZE", 100 << 20), ("RLIMIT_AS", 8 << 30)])
def test_where_there_is_no_room_for_arenas_arrays_travel_in_the_pickle(tmp_path: Path, limit: str, size: int) -> None:
    """Limits on the size of files, or on address space, cost speed only."""
    done = run_program(
        tmp_path,
        f"""
        import resource
        import numpy, poolwise
        resource.setrlimit(resource.{limit}, ({size}, {size}))
        arrays = poolwise.map(lambda n: numpy.full(1 << 18, n, dtype=float), range(4), backend="processes")
        print([float(each.sum()) / (1 << 18) for each in arrays])
        """,
    )
    assert done.stdout.strip() == "[0.0, 1.0, 2.0, 3.0]"
