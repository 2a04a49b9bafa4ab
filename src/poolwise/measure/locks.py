"""Do threads wait for a lock of this process? The kernel tells in which call a thread sleeps.

Locks between threads are futexes on Linux (futex(7)); sleeping for a time, reading from a socket or waiting for a child
are other calls. So threads that sleep in ``futex`` while nobody computes wait for each other, and more of them bring
nothing; in another process, which has locks of its own, they would not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from poolwise.work.proc import read_proc

# The number of the system call, by the machine's name (the kernel's tables arch/*/entry/syscalls).
FUTEX = {"x86_64": b"202", "aarch64": b"98", "riscv64": b"98", "ppc64le": b"221", "s390x": b"238"}
# So many threads tell enough of all, in some 10 microseconds each.
LOOKED_AT = 16


def locked_share(native_ids: Sequence[int]) -> float:
    """Give the share of these threads that wait for a lock, 0 to 1; 0 also where the system does not tell."""
    if sys.platform != "linux" or not native_ids:
        return 0.0
    futex = FUTEX.get(os.uname().machine)
    some = native_ids[:: max(1, len(native_ids) // LOOKED_AT)]
    return sum(_call(native_id) == futex for native_id in some) / len(some) if futex else 0.0


def _call(native_id: int) -> bytes:
    try:
        return read_proc(f"/proc/self/task/{native_id}/syscall").split()[0]
    except (OSError, IndexError):
        return b""
