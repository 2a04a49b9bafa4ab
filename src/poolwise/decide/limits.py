"""How many may be at work at a time before the machine is hurt: by memory, by open files, by threads.

What is not known bounds nothing.
"""

from __future__ import annotations

from poolwise.model.classes import frozen
from poolwise.model.machine import Machine
from poolwise.model.plan import Bounded, BoundedBy
from poolwise.model.profile import Profile
from poolwise.model.units import Bytes

# Of the memory that is free now, so much may be taken: others want some too, and the kernel keeps files in it.
MEMORY_SHARE = 0.8
# A worker process takes so much even where its items take nothing: a forked one copies the pages that it writes to
# (reference counts alone are some MiB), and each has an interpreter's heap.
LEAST_WORKER_BYTES: Bytes = 8 << 20
# What a thread takes even where its item takes nothing: the pages of its stack that are used, and the kernel's part.
LEAST_THREAD_BYTES: Bytes = 64 << 10
# Files that are left for everybody else in this process: logs, a database, imports.
SPARE_FILES = 32
# Where it was not seen what an item has open: a connection and a file.
FILES_PER_ITEM = 2
# What the parent has open for a worker: two ends of a channel while it starts, shared memory (and Python's own
# descriptors of its two maps), the process.
FILES_PER_WORKER = 6
# Threads and processes that are left for everybody else.
SPARE_THREADS = 16


@frozen
class Most:
    """So many at a time, and what sets it."""

    count: int
    by: BoundedBy
    free: int
    each: int

    def reason(self) -> Bounded:
        """Say it as a reason of a Plan."""
        return Bounded(self.by, self.count, self.free, self.each)


def most_threads(machine: Machine, profile: Profile | None) -> list[Most]:
    """Bound the threads of this process."""
    each = max(LEAST_THREAD_BYTES, _memory(profile))
    return [*_by_memory(machine, each), *_by_files(machine, _files(profile)), *_by_threads(machine, 1)]


def most_tasks(machine: Machine, profile: Profile | None) -> list[Most]:
    """Bound the tasks of an event loop of this process."""
    found = _by_files(machine, _files(profile))
    return [*(_by_memory(machine, _memory(profile)) if _memory(profile) else []), *found]


def most_workers(machine: Machine, profile: Profile | None, tasks: int = 1) -> list[Most]:
    """Bound worker processes that run so many items at a time each."""
    threads = tasks + 1 if tasks > 1 else 1
    each = LEAST_WORKER_BYTES + tasks * max(LEAST_THREAD_BYTES if tasks > 1 else 0, _memory(profile))
    each = max(LEAST_WORKER_BYTES, _memory(profile)) if tasks == 1 else each
    return [*_by_memory(machine, each), *_by_files(machine, FILES_PER_WORKER), *_by_threads(machine, threads)]


def most_tasks_per_worker(machine: Machine, profile: Profile | None) -> list[Most]:
    """Bound the items that a worker process runs at a time: it may have as many files as this one."""
    return _by_files(machine, _files(profile))


def tightest(bounds: list[Most]) -> Most | None:
    """Give the bound that holds; None where nothing is bounded."""
    return min(bounds, key=lambda most: most.count, default=None)


def _by_memory(machine: Machine, each: Bytes) -> list[Most]:
    if not machine.memory_free_bytes:
        return []
    free = int(machine.memory_free_bytes * MEMORY_SHARE)
    return [Most(max(1, free // each), "memory", free, each)]


def _by_files(machine: Machine, each: int) -> list[Most]:
    if machine.open_files_limit is None:
        return []
    free = max(0, machine.open_files_limit - machine.open_files - SPARE_FILES)
    return [Most(max(1, free // each), "files", free, each)]


def _by_threads(machine: Machine, each: int) -> list[Most]:
    if machine.threads_limit is None:
        return []
    free = max(0, machine.threads_limit - SPARE_THREADS)
    return [Most(max(1, free // each), "threads", free, each)]


def _memory(profile: Profile | None) -> Bytes:
    return profile.memory_bytes if profile is not None else 0


def _files(profile: Profile | None) -> int:
    seen = profile.open_files if profile is not None else None
    return FILES_PER_ITEM if seen is None else max(1, seen)
