"""What the system lets this process have: open files, threads and processes."""

from __future__ import annotations

import os
import sys

from poolwise.work import cgroup
from poolwise.work.cgroup import whole

# Where a process's open files are listed: Linux, and the others.
OPEN_FILES = ("/proc/self/fd", "/dev/fd")


def open_files() -> tuple[int | None, int]:
    """Give how many files this process may have open (None: no limit, or not known), and how many it has."""
    return _soft_limit("RLIMIT_NOFILE"), _count_open()


def threads_left(root: str = cgroup.ROOT, membership: str | None = None) -> int | None:
    """Give how many threads and processes may still be started: the least that any control group has left.

    The user's own limit (``ulimit -u``) counts what the user runs anywhere, which is dear to count here; it is taken
    as it stands, so that what is told is too much rather than too little. The superuser has none.
    """
    left = [
        limit - (group.number("pids.current") or 0)
        for group in cgroup.groups("pids", cgroup.membership() if membership is None else membership, root)
        if (limit := whole(group.read("pids.max").strip())) is not None
    ]
    if hasattr(os, "geteuid") and os.geteuid() != 0 and (limit := _soft_limit("RLIMIT_NPROC")) is not None:
        left.append(limit)
    return max(0, min(left)) if left else None


def _soft_limit(name: str) -> int | None:
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - does not exist on Windows

    limit = resource.getrlimit(getattr(resource, name))[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _count_open() -> int:
    for folder in OPEN_FILES:
        try:
            # Less the one by which the folder is read.
            return max(0, len(os.listdir(folder)) - 1)  # noqa: PTH208 - pathlib takes 4 ms to import
        except OSError:
            continue
    return 0
