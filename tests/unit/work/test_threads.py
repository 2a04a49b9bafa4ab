"""Whose the native threads are: told from their number, and from what each OpenBLAS says of its own."""

from __future__ import annotations

import sys
import threading
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import threadpoolctl

from poolwise.model.machine import NativePool
from poolwise.work import threads
from poolwise.work.threads import Libraries, OpenBlas, native_threads

LOADED = 7
PATIENCE_S = 20.0
# Who could begin at once has begun by then.
MOMENT_S = 0.2


@dataclass
class Process:
    """A process with as many threads as a test wants, in a folder that stands for /proc/self."""

    proc: Path
    tasks: int = 0
    blas: list[OpenBlas] = field(default_factory=list)

    def grow(self, count: int) -> None:
        """Start native threads."""
        for number in range(self.tasks, self.tasks + count):
            (self.proc / "task" / str(number)).mkdir(parents=True)
        self.tasks += count

    def add(self, running: int, *, allowed: int | None = None, shows: bool = True, survives: bool = True) -> None:
        """Load an OpenBLAS, some of whose threads run; one that does not show them counts those that are allowed."""
        self.grow(running)
        name = "OpenBLAS" if survives else "OpenBLAS 0.3.30"
        if shows:
            self.blas.append(OpenBlas(name, survives, lambda: running + 1))
        else:
            may = running if allowed is None else allowed
            self.blas.append(OpenBlas(name, survives, lambda: may + 1, lambda: self.grow(max(0, may - running))))


@pytest.fixture
def process(monkeypatch, tmp_path) -> Process:
    """Give a process that has the threads that Python knows, and nothing loaded."""
    monkeypatch.setattr(threads, "TASKS", str(tmp_path / "task"))
    monkeypatch.setattr(threads, "DYING_S", 0.0)
    made = Process(tmp_path)
    made.grow(threading.active_count())
    return made


@pytest.fixture
def look(process, monkeypatch):
    """Give what looks at the process, with some OpenMP runtimes loaded."""

    def look(*openmp: str):
        monkeypatch.setattr(threads, "_linker", lambda: lambda: LOADED)
        monkeypatch.setattr(threads, "_found", Libraries(LOADED, tuple(process.blas), openmp))
        return native_threads()

    return look


def blas(count: int) -> NativePool:
    """Make the pool of OpenBLAS."""
    return NativePool("OpenBLAS", count, survives_fork=True)


def test_a_process_without_native_threads_loads_nothing_to_look_at_them(process, monkeypatch):
    """Where there is no thread beyond Python's, no library is asked."""
    monkeypatch.setattr(threads, "_libraries", pytest.fail)
    assert native_threads() == (0, ())


def test_without_proc_no_native_threads_are_known(monkeypatch, tmp_path):
    """Where the system does not list its threads, none are made up."""
    monkeypatch.setattr(threads, "TASKS", str(tmp_path / "none"))
    assert native_threads() == (0, ())


def test_threads_that_no_library_claims_are_nobodys(process, look):
    """A thread of a library that is not known stays without a pool."""
    process.grow(3)
    assert look() == (3, ())


@pytest.mark.parametrize("shows", [True, False])
def test_threads_of_openblas_are_told(process, look, shows):
    """Two OpenBLAS, as NumPy and SciPy bring them, are one pool to people."""
    process.add(3, shows=shows)
    process.add(1, shows=shows)
    assert look("GNU OpenMP") == (4, (blas(4),))


@pytest.mark.parametrize("shows", [True, False])
def test_what_openblas_does_not_claim_is_openmps_where_that_is_loaded(process, look, shows):
    """Threads beyond OpenBLAS's are taken for those of the OpenMP runtimes, which do not survive."""
    process.add(1, shows=shows)
    process.grow(2)
    runtimes = ("GNU OpenMP", "Intel OpenMP")
    used = NativePool("GNU OpenMP or Intel OpenMP", 2, survives_fork=False)
    assert look(*runtimes) == (3, (blas(1), used))
    assert look() == (3, (blas(1),))


def test_threads_that_ended_in_a_fork_do_not_stand_for_foreign_ones(process, look):
    """An OpenBLAS whose threads have ended claims those of another library by their number, until it is woken."""
    process.add(0, allowed=1, shows=False)
    process.grow(1)
    assert look("GNU OpenMP") == (2, (blas(1), NativePool("GNU OpenMP", 1, survives_fork=False)))


def test_an_openblas_that_has_been_limited_leaves_its_threads_unexplained(process, look):
    """One that does not show its threads and may use fewer than it has cannot account for them: not known."""
    process.add(3, allowed=1, shows=False)
    assert look() == (3, (blas(1),))


def test_more_threads_claimed_than_there_are_are_not_believed(process, look):
    """A contradiction is no evidence."""
    process.add(1)
    process.blas.append(OpenBlas("OpenBLAS", survives=True, _size=lambda: 5))
    assert look() == (1, ())


def test_an_openblas_that_does_not_survive_is_a_pool_of_its_own(process, look):
    """One version hangs after a fork."""
    process.add(2)
    process.add(1, survives=False)
    assert look() == (3, (blas(2), NativePool("OpenBLAS 0.3.30", 1, survives_fork=False)))


@pytest.mark.parametrize(
    "told",
    [
        {"internal_api": "mkl", "threading_layer": "intel"},
        {"internal_api": "openblas", "threading_layer": "openmp"},
        {"internal_api": "openblas"},
        {"internal_api": "openblas", "threading_layer": "pthreads"},
    ],
)
def test_what_cannot_be_asked_is_not_trusted(told):
    """MKL, an OpenBLAS upon OpenMP, and one whose file is gone account for no thread."""
    assert threads._open_blas({"filepath": "/nowhere/libopenblas.so", "prefix": "libopenblas"} | told) is None


@pytest.mark.parametrize(
    ("prefix", "version", "name"),
    [
        ("libopenblas", "0.3.30", "OpenBLAS 0.3.30"),
        ("libopenblas", "0.3.30.dev", "OpenBLAS 0.3.30.dev"),
        ("libscipy_openblas", "0.3.30", "OpenBLAS"),
        ("libopenblas", "0.3.31", "OpenBLAS"),
        ("libopenblas", None, "OpenBLAS"),
    ],
)
def test_one_version_hangs_after_a_fork_but_not_as_the_wheels_have_it(monkeypatch, prefix, version, name):
    """What was reported of 0.3.30 holds for builds without the wheels' patches."""
    monkeypatch.setattr(threads, "_variable", lambda library, name: None)
    monkeypatch.setattr(threads, "_function", lambda library, name: lambda *_: 4)
    told = {"internal_api": "openblas", "threading_layer": "pthreads", "prefix": prefix, "version": version}
    found = threads._open_blas({**told, "filepath": None})
    assert (found.name, found.survives, found.is_sure, found.size()) == (name, name == "OpenBLAS", False, 3)


def test_libraries_are_looked_for_again_only_when_one_was_loaded(monkeypatch):
    """Looking through them takes milliseconds; the dynamic linker says in microseconds whether there is a new one."""
    loaded, looked = [1], []
    monkeypatch.setattr(threads, "_found", None)
    monkeypatch.setattr(threads, "_linker", lambda: lambda: loaded[0])
    told = [{"user_api": "openmp", "internal_api": "openmp", "prefix": "libgomp"}]
    monkeypatch.setattr(threads, "_tell", lambda: looked.append(1) or told)
    assert [threads._libraries().openmp for _ in range(3)] == [("GNU OpenMP",)] * 3
    loaded[0] += 1
    threads._libraries()
    assert len(looked) == 2


def test_two_threads_that_look_at_once_leave_the_warning_filters_as_they_were(monkeypatch):
    """The filters are the process's: taken by both and given back out of turn, none would be as before."""
    before, looking, first_is_back = [*warnings.filters], threading.Event(), threading.Event()

    def look():
        if threading.current_thread() is second:
            looking.set()
            first_is_back.wait(PATIENCE_S)
        else:
            second.start()
            # The second one looks meanwhile if it can, and then goes on looking.
            looking.wait(MOMENT_S)
        return []

    second = threading.Thread(target=threads._tell)
    monkeypatch.setattr(threadpoolctl, "threadpool_info", look)
    threads._tell()
    first_is_back.set()
    second.join(PATIENCE_S)
    assert [*warnings.filters] == before


@pytest.mark.skipif(sys.platform != "linux", reason="threads are looked at on Linux only")
def test_the_dynamic_linker_counts_libraries():
    """The counter is not a stray number: some are loaded, and it stands still while none is."""
    before = threads._linker()()
    assert threads._linker()() == before
    assert 0 < before < 10_000
