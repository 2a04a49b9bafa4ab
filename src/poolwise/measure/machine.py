"""What this process may use of the computer: cores by affinity and cgroup, memory, the GIL, threads."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from typing import TypeVar

from poolwise.errors import OptionError
from poolwise.measure.free_threading import gil_stays, gil_turned_on_by
from poolwise.measure.limits import open_files, threads_left
from poolwise.measure.load import cores_busy
from poolwise.model.machine import Machine
from poolwise.model.options import CORES_VARIABLE, HAS_INTERPRETERS, StartMethod
from poolwise.model.units import Bytes, Seconds
from poolwise.work import cgroup, role
from poolwise.work.cgroup import Group, whole
from poolwise.work.executable import is_frozen, python
from poolwise.work.isolation import foreign_modules
from poolwise.work.threads import native_threads

N = TypeVar("N", int, float)

MEMINFO = "/proc/meminfo"
# See ``Machine.cores_free``.
FEW_CORES = 2
# Reading a cgroup's limits takes 0.1 ms; a quota that is changed, and memory that others take, are seen so soon.
KEEP_CGROUP_S: Seconds = 1.0


def find_machine(native_ours: int = 0) -> Machine:
    """Look at the computer now; so many threads of ours that Python does not know of are left out."""
    cores, cores_from = usable_cores()
    total, free = memory()
    limits = _cached_cgroup()
    native, pools = native_threads(native_ours)
    files, threads = _cached_limits()
    return Machine(
        cores=cores,
        cores_from=cores_from,
        cores_installed=os.cpu_count() or 1,
        memory_bytes=_least(total, limits.memory),
        memory_free_bytes=_least(free, limits.memory_free),
        cores_busy=_busy(cores),
        open_files_limit=files,
        open_files=open_files()[1] if files is not None else 0,
        threads_limit=threads,
        gil=gil_stays(),
        gil_by=gil_turned_on_by(),
        python=_python(),
        platform=_platform(),
        start_methods=start_methods(),
        frozen=is_frozen(),
        interpreters=HAS_INTERPRETERS,
        foreign_modules=foreign_modules() if HAS_INTERPRETERS else (),
        python_threads=threading.active_count(),
        native_threads=native,
        native_pools=pools,
        modules=len(sys.modules),
        in_worker=role.is_worker(),
    )


def _busy(cores: int) -> int:
    """Count the cores that others keep busy. Two cores are used whoever else wants them, so that nobody need look."""
    if cores <= FEW_CORES or sys.platform != "linux" or role.is_worker():
        return 0
    return min(cores, cores_busy(os.cpu_count() or 1, max(cores, len(os.sched_getaffinity(0)))))


def _python() -> str:
    """Name the interpreter, as ``platform`` does, which takes 2 ms to import."""
    name = sys.implementation.name
    return f"{'CPython' if name == 'cpython' else name} {sys.version.split()[0]}"


def _platform() -> str:
    if sys.platform == "win32":
        import platform  # noqa: PLC0415 - there is no uname

        return f"{platform.system()} {platform.machine()}"
    return f"{os.uname().sysname} {os.uname().machine}"


def usable_cores() -> tuple[int, str]:
    """Give the number of cores that this process may use, and what sets it."""
    if role.is_worker():
        return 1, "worker"
    installed = os.cpu_count() or 1
    found = [(installed, "os")]
    if hasattr(os, "sched_getaffinity"):
        found.append((len(os.sched_getaffinity(0)), "affinity"))
    if (quota := _cached_cgroup().cores) is not None:
        # Half a core is one worker; one and a half are two, which the kernel then slows down evenly.
        found.append((max(1, math.ceil(quota)), "cgroup"))
    if (wanted := wanted_cores()) is not None:
        found.append((wanted, CORES_VARIABLE))
    return min(found, key=lambda each: each[0])


def wanted_cores() -> int | None:
    """Give what POOLWISE_MAX_CORES says; None where it is not set, or empty."""
    text = os.environ.get(CORES_VARIABLE, "").strip()
    if not text:
        return None
    if (count := whole(text)) is None or count < 1:
        raise OptionError(
            f"{CORES_VARIABLE}={text!r}: write a whole number, 1 or more; unset it and Poolwise counts the cores itself"
        )
    return count


def start_methods() -> tuple[StartMethod, ...]:
    """Give the ways to start a worker process that work on this operating system."""
    if sys.platform == "win32":
        # Channels are handed to a child by descriptor, which Windows has no way for.
        return ()
    fresh: tuple[StartMethod, ...] = ("forkserver", "spawn") if sys.platform == "linux" else ("spawn",)
    return (*(("fork",) if sys.platform == "linux" else ()), *(fresh if python() is not None else ()))


def memory() -> tuple[Bytes, Bytes]:
    """Give the machine's memory, and what of it could be had without swapping."""
    found = {line.split(":")[0]: line.split()[1] for line in cgroup.read_text(MEMINFO).splitlines()}
    if "MemTotal" in found and "MemAvailable" in found:
        return int(found["MemTotal"]) * 1024, int(found["MemAvailable"]) * 1024
    import psutil  # noqa: PLC0415 - 16 ms to import, which Linux, where /proc tells, does not have to pay

    told = psutil.virtual_memory()
    return told.total, told.available


# --- cgroups -------------------------------------------------------------------------------------------------


class CgroupLimits:
    """CPU quota and memory limit of this process's cgroup, version 2 or 1."""

    def __init__(self, membership: str | None = None, root: str = cgroup.ROOT) -> None:
        """Read the limits of every group from this process's own up to the root; the tightest holds."""
        membership = cgroup.membership() if membership is None else membership
        self.cores: float | None = None
        self.memory: Bytes | None = None
        self.memory_free: Bytes | None = None
        """What may still be taken: an outer group, shared with others, may have less left than the own one."""
        for group in cgroup.groups("cpu", membership, root):
            if (cores := _quota(group)) is not None:
                self.cores = _least(cores, self.cores)
        for group in cgroup.groups("memory", membership, root):
            if (limit := group.memory_limit()) is not None:
                self.memory = _least(limit, self.memory)
                self.memory_free = _least(max(0, limit - _memory_used(group)), self.memory_free)


def _least(one: N, other: N | None) -> N:
    return one if other is None else min(one, other)


_kept: tuple[Seconds, CgroupLimits] | None = None


def _cached_cgroup() -> CgroupLimits:
    global _kept  # noqa: PLW0603 - a cache of what the operating system says
    now = time.monotonic()
    if _kept is None or now - _kept[0] > KEEP_CGROUP_S:
        _kept = (now, CgroupLimits())
    return _kept[1]


_kept_limits: tuple[Seconds, tuple[int | None, int | None]] | None = None


def _cached_limits() -> tuple[int | None, int | None]:
    """Give the limits of open files and of threads."""
    global _kept_limits  # noqa: PLW0603 - see _kept
    now = time.monotonic()
    if _kept_limits is None or now - _kept_limits[0] > KEEP_CGROUP_S:
        _kept_limits = (now, (open_files()[0], threads_left()))
    return _kept_limits[1]


def _quota(group: Group) -> float | None:
    """Say how many cores a group may use; version 1 writes -1, version 2 "max", where it may use all."""
    if group.version == 1:
        quota = group.number("cpu.cfs_quota_us")
        return _ratio(quota, group.number("cpu.cfs_period_us")) if quota and quota > 0 else None
    quota_text, _, period_text = group.read("cpu.max").partition(" ")
    return _ratio(whole(quota_text), whole(period_text))


def _ratio(quota: int | None, period: int | None) -> float | None:
    return quota / period if quota and period and quota > 0 and period > 0 else None


def _memory_used(group: Group) -> Bytes:
    return group.number("memory.current" if group.version > 1 else "memory.usage_in_bytes") or 0
