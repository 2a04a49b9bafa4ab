"""What was found of the computer, as this process may use it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from poolwise.model.classes import frozen
from poolwise.model.options import ClusterName, StartMethod
from poolwise.model.plain import as_dict, from_plain
from poolwise.model.units import Bytes, Seconds


@frozen
class NativePool:
    """Threads that a native library has started and keeps."""

    name: str
    """The library, as people call it."""
    threads: int
    survives_fork: bool
    """It works on in a forked child, which has none of these threads; False also where that is not known."""


@frozen
class Cluster:
    """A cluster that this program is connected to."""

    backend: ClusterName
    seats: int
    """Items at a time: the threads of a Dask cluster's processes, the CPUs of a Ray cluster."""
    round_trip_s: Seconds
    """What it takes to have nothing done there, as measured; 0 where nobody needed to know."""
    here: bool = False
    """All of it is on this machine, so that it has no other cores than this program."""


@frozen(kw_only=True)
class Machine:
    """The computer as this process may use it, now."""

    cores: int
    """Cores that this process may use: the least of what affinity, the cgroup and POOLWISE_MAX_CORES allow."""
    cores_from: str = "os"
    """What set ``cores``: "os", "affinity", "cgroup", "POOLWISE_MAX_CORES" or "worker" (inside one of our workers)."""
    cores_installed: int = 1
    memory_bytes: Bytes = 0
    """Memory of the machine or of the cgroup, whichever is less."""
    memory_free_bytes: Bytes = 0
    cores_busy: int = 0
    """Cores of these that others keep busy, as far as there is clear evidence; nobody looks where there are but two."""
    open_files_limit: int | None = None
    """Files and sockets that this process may have open at a time; None: no limit, or not known."""
    open_files: int = 0
    """How many it has open now."""
    threads_limit: int | None = None
    """Threads and processes that may still be started; None: no limit, or not known."""
    gil: bool = True
    """False on a free-threaded interpreter whose GIL is off."""
    gil_by: str | None = None
    """What has turned the GIL of a free-threaded interpreter on: an extension module, by its name ("" where that is not
    known), or "PYTHON_GIL", also for ``-X gil=1``. None: it is off, or this is an ordinary interpreter."""
    python: str = ""
    platform: str = ""
    start_methods: tuple[StartMethod, ...] = ("spawn",)
    """The ways in which a worker process can be started here."""
    frozen: bool = False
    """The program is its own executable (PyInstaller), which cannot be started as a Python for workers."""
    interpreters: bool = False
    """Interpreters beside the first one, with a GIL of their own, can be had (CPython 3.14 and newer)."""
    foreign_modules: tuple[str, ...] = ()
    """Packages with extension modules that are loaded and not of the standard library, where this matters: they may
    not load into another interpreter."""
    python_threads: int = 1
    """Threads that Python knows of, this one included."""
    native_threads: int = 0
    """Threads of the operating system beyond those."""
    native_pools: tuple[NativePool, ...] = ()
    """Whose native threads these are; any other of them could hold a lock at the moment of a fork."""
    modules: int = 0
    """Modules that this process has loaded; a worker in a fresh interpreter imports about as many."""
    in_worker: bool = False
    """This process is one of Poolwise's workers."""
    clusters: tuple[Cluster, ...] = ()
    """Those that could do the work; nobody looks where there is too little of it."""

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data that JSON can carry; see ``model.plain``."""
        return as_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Machine:
        """Read what ``to_dict`` wrote; raises InputError where it is of another form or version."""
        return from_plain(cls, data)

    @property
    def cores_free(self) -> int:
        """Cores to take: those that nobody else keeps busy, and two at least where there are two.

        Beside one other program on two cores, two workers get two thirds of a core each and leave it as much; one
        worker, or the loop, would get less, and where the other was about to end, half of what there is.
        """
        return max(min(2, self.cores), self.cores - self.cores_busy)


def unexplained(native_threads: int, pools: Iterable[NativePool]) -> int:
    """Count the native threads that belong to none of ``pools``."""
    return native_threads - sum(pool.threads for pool in pools)


def survives_fork(python_threads: int, native_threads: int, pools: Iterable[NativePool]) -> bool:
    """Tell whether a process with these threads may fork: none that is missing in the child could be missed there."""
    surviving = [pool for pool in pools if pool.survives_fork]
    return python_threads <= 1 and unexplained(native_threads, surviving) == 0
