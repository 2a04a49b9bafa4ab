"""Threads inside BLAS and OpenMP: workers times threads are no more than there are cores.

Each such library starts a thread for every core, so that eight workers on eight cores would have 64. A worker is given
its share by two ways. Libraries that a forked worker has inherited are told, by threadpoolctl: looking for them takes
5 ms the first time, so the parent looks, once for all workers, and only where one may be there. All
others read their environment when they are loaded.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from poolwise.model.classes import frozen
from poolwise.work.libraries import loaded_libraries

# What each library reads when it is loaded. All of these follow OMP_NUM_THREADS where their own is not set.
OPENMP = "OMP_NUM_THREADS"
FOLLOWERS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
# And these have a word of their own; joblib sets the same ones.
OTHERS = ("VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# By threadpoolctl's names: what sets the number of threads of a library that is loaded.
READS = {"openblas": "OPENBLAS_NUM_THREADS", "mkl": "MKL_NUM_THREADS", "blis": "BLIS_NUM_THREADS", "openmp": OPENMP}


@frozen
class InnerThreads:
    """How many threads each library may have in a worker."""

    threads: int
    wanted: bool
    """The caller has named the number; else it is the worker's share, and whoever has set less or more is right."""
    environment: tuple[tuple[str, str], ...] = ()
    """What a library that is not loaded yet is to read."""
    libraries: tuple[Any, ...] = ()
    """threadpoolctl's controllers of libraries that a copy of this process has."""

    @classmethod
    def plan(cls, wanted: int | None, cores: int, workers: int, *, forked: bool) -> InnerThreads:
        """Share the cores between the workers, in the parent; a number that the caller wants holds as it is."""
        threads = wanted if wanted is not None else max(1, cores // workers)
        environment = tuple((name, str(threads)) for name in _variables(lift=wanted is not None))
        return cls(threads, wanted is not None, environment, loaded_libraries() if forked else ())

    def enter(self) -> None:
        """Keep to it, in a worker."""
        for library in self.libraries:
            if self.wanted or not _is_set(READS.get(library.internal_api, OPENMP)):
                _hold(library, self.threads if self.wanted else min(self.threads, library.num_threads))
        os.environ.update(self.environment)


def _hold(library: Any, threads: int) -> None:  # noqa: ANN401 - threadpoolctl has no annotations
    """Hold a library to so many threads, in a process that was just forked."""
    now = library.num_threads
    if library.internal_api == "openblas" and library.threading_layer == "pthreads" and threads < now:
        import ctypes  # noqa: PLC0415 - threadpoolctl has imported it

        # Asked by its function, it would first start again all the threads that a fork leaves behind, and they would
        # spin for 25 ms, only to use fewer of them. This is the number that the function sets, and nothing else.
        with contextlib.suppress(ValueError):
            ctypes.c_int.in_dll(library.dynlib, "blas_cpu_number").value = threads
    if library.num_threads != threads:
        library.set_num_threads(threads)


def _variables(*, lift: bool) -> Iterator[str]:
    """Name the variables to set: none that the user has set, nor one that would overrule it, unless asked to."""
    for name in (OPENMP, *FOLLOWERS, *OTHERS):
        if lift or not _is_set(name):
            yield name


def _is_set(name: str) -> bool:
    return name in os.environ or (name in FOLLOWERS and OPENMP in os.environ)
