"""What this process may use of the computer: cores by affinity and cgroup, memory, the GIL, threads."""

from __future__ import annotations

import math
import os
import platform
import sys
import threading
import time
from pathlib import Path

from poolwise.measure.gil import gil_enabled
from poolwise.model.machine import Machine
from poolwise.model.options import StartMethod
from poolwise.model.units import Bytes, Seconds
from poolwise.work import role

CORES_VARIABLE = "POOLWISE_MAX_CORES"
CGROUP = Path("/sys/fs/cgroup")
PROC = Path("/proc/self")
# A thread that was told to end is gone well within this.
DYING_S: Seconds = 0.003
# A cgroup's limits hardly ever change while a program runs; reading them takes 0.2 ms.
KEEP_CGROUP_S: Seconds = 10.0


def find_machine() -> Machine:
    """Look at the computer now."""
    import psutil  # noqa: PLC0415 - 10 ms to import, and never needed where all is done in the probe

    cores, cores_from = usable_cores()
    memory = psutil.virtual_memory()
    limit, used = _cached_cgroup().memory
    total = min(memory.total, limit) if limit else memory.total
    free = min(memory.available, limit - used) if limit else memory.available
    return Machine(
        cores=cores,
        cores_from=cores_from,
        cores_installed=os.cpu_count() or 1,
        memory_bytes=total,
        memory_free_bytes=max(0, free),
        gil=gil_enabled(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=f"{platform.system()} {platform.machine()}",
        start_methods=start_methods(),
        python_threads=threading.active_count(),
        native_threads=native_threads(),
        in_worker=role.is_worker(),
    )


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
    if (wanted := os.environ.get(CORES_VARIABLE, "")).isdigit() and int(wanted) > 0:
        found.append((int(wanted), CORES_VARIABLE))
    return min(found, key=lambda each: each[0])


def start_methods() -> tuple[StartMethod, ...]:
    """Give the ways to start a worker process that work on this operating system."""
    if sys.platform == "win32":
        # Channels are handed to a child by descriptor, which Windows has no way for.
        return ()
    return ("fork", "forkserver", "spawn") if sys.platform == "linux" else ("spawn",)


def native_threads() -> int:
    """Count the operating system's threads of this process that Python does not know of.

    A thread that has ended for Python takes some moments more to end for the system: a surplus is looked at again.
    """
    deadline = time.monotonic() + DYING_S
    while (surplus := _tasks() - threading.active_count()) > 0 and time.monotonic() < deadline:
        time.sleep(DYING_S / 10)
    return max(0, surplus)


def _tasks() -> int:
    try:
        return len(os.listdir(PROC / "task"))  # noqa: PTH208 - a third of iterdir's time, and every map asks
    except OSError:
        return 0


# --- cgroups -------------------------------------------------------------------------------------------------


class CgroupLimits:
    """CPU quota and memory limit of this process's cgroup, version 2 or 1."""

    def __init__(self, root: Path = CGROUP, membership: Path = PROC / "cgroup") -> None:
        """Read the limits of every group from this process's own up to the root; the tightest holds."""
        self.cores: float | None = None
        self.memory: tuple[Bytes | None, Bytes] = (None, 0)
        for folder in _folders(root, membership):
            self._tighten_cores(_quota_v2(folder) or _quota_v1(folder))
            self._tighten_memory(_memory_v2(folder) or _memory_v1(folder))

    def _tighten_cores(self, cores: float | None) -> None:
        if cores is not None:
            self.cores = cores if self.cores is None else min(self.cores, cores)

    def _tighten_memory(self, memory: tuple[Bytes, Bytes] | None) -> None:
        limit = self.memory[0]
        if memory is not None and (limit is None or memory[0] < limit):
            self.memory = memory


_kept: tuple[Seconds, CgroupLimits] | None = None


def _cached_cgroup() -> CgroupLimits:
    global _kept  # noqa: PLW0603 - a cache of what the operating system says
    now = time.monotonic()
    if _kept is None or now - _kept[0] > KEEP_CGROUP_S:
        _kept = (now, CgroupLimits())
    return _kept[1]


def _folders(root: Path, membership: Path) -> list[Path]:
    """List the folders that may hold limits; inside a container the own group is mounted as the root."""
    found = [root, root / "cpu", root / "memory"]
    for line in (_text(membership) or "").splitlines():
        _, controllers, group = line.split(":", 2)
        hierarchy = root if not controllers else root / controllers.split(",")[0]
        parts = [part for part in group.split("/") if part not in ("", "..")]
        found += [hierarchy.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    return [folder for folder in dict.fromkeys(found) if folder.is_dir()]


def _quota_v2(folder: Path) -> float | None:
    match (_text(folder / "cpu.max") or "").split():
        case [quota, period] if quota.isdigit():
            return int(quota) / int(period)
    return None


def _quota_v1(folder: Path) -> float | None:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 else None


def _memory_v2(folder: Path) -> tuple[Bytes, Bytes] | None:
    limit = _number(folder / "memory.max")
    return None if limit is None else (limit, _number(folder / "memory.current") or 0)


def _memory_v1(folder: Path) -> tuple[Bytes, Bytes] | None:
    limit = _number(folder / "memory.limit_in_bytes")
    # Without a limit, version 1 says a number near 2 ** 63.
    if limit is None or limit >= 1 << 60:
        return None
    return limit, _number(folder / "memory.usage_in_bytes") or 0


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None


def _number(path: Path) -> int | None:
    text = (_text(path) or "").strip()
    return int(text) if text.lstrip("-").isdigit() else None
