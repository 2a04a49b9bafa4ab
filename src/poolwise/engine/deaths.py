"""What to say of a worker that died: how it ended, what that most likely means, and what to do."""

from __future__ import annotations

import signal

from poolwise.engine.oom import OomFinding
from poolwise.errors import WorkerDiedError, WorkerStartError

# What a signal most likely means for a worker, and what to do about it.
CAUSES = {
    "SIGSEGV": "a C extension crashed on this item: try the item alone in a loop under `python -X faulthandler`",
    "SIGBUS": "a C extension crashed, or a mapped file was cut short: try it alone under `python -X faulthandler`",
    "SIGABRT": "a C library gave up on this item (its message stands above): try the item alone",
    "SIGFPE": "a C extension divided by zero: try the item alone in a plain loop",
    "SIGILL": "a C extension uses instructions that this processor lacks: install a build for it",
    "SIGTERM": "somebody asked it to end (a service manager, a batch system's time limit)",
    "SIGXCPU": "it used up its limit of CPU time (ulimit -t)",
}


LESS_MEMORY = "use fewer workers (max_workers) or smaller items, and look into the kernel's log"

# The exit code of a process that somebody else has reaped; no real one is as large.
UNKNOWN_CODE = 1 << 16


def describe_death(
    worker: int, pid: int, code: int | None, index: int | None, oom: OomFinding | None = None
) -> WorkerDiedError:
    """Say how a working worker ended, and on which item, where that is known."""
    on = f" on item {index}" if index is not None and index >= 0 else ""
    return WorkerDiedError(f"worker {worker} (pid {pid}) {_how(code)}{on}; {_cause(code, oom)}")


def describe_failed_start(worker: int, pid: int, code: int | None, oom: OomFinding | None = None) -> WorkerStartError:
    """Say how a worker ended that never became ready."""
    cause = f" {_cause(code, oom)}." if code == -signal.SIGKILL else ""
    return WorkerStartError(
        f"worker {worker} (pid {pid}) {_how(code)} before it was ready; the last lines above may be its own.{cause} "
        "If other workers fail in the same way, the run ends: look at the initializer and at what the function's "
        "module does when it is imported"
    )


def _how(code: int | None) -> str:
    if code is None or code == UNKNOWN_CODE:
        return "is gone, and the system does not say how"
    if code < 0:
        return f"was killed by signal {-code} ({_signal_name(-code)})"
    return f"ended with exit code {code}"


def _cause(code: int | None, oom: OomFinding | None) -> str:
    if code == -signal.SIGKILL:
        return f"likely cause: {_killer(oom if oom is not None else OomFinding())}"
    if code is not None and code < 0:
        return "likely cause: " + CAUSES.get(_signal_name(-code), "a signal from outside")
    if code is None or code == UNKNOWN_CODE:
        return (
            "likely cause: its exit code was lost to a SIGCHLD handler of this program that reaps children, or with "
            "the process that had forked it (forkserver)"
        )
    return "likely cause: the function ended the process (os._exit, or a C library's exit)"


def _killer(oom: OomFinding) -> str:
    """Tell the kernel's OOM killer from somebody's hand, by its counters."""
    if oom.in_group:
        limit = f"its cgroup's limit is {oom.limit / 2**20:,.0f} MiB; " if oom.limit is not None else ""
        return f"the system ran out of memory ({limit}the kernel's OOM killer ended it): {LESS_MEMORY}"
    if oom.in_group is None and oom.on_machine:
        return (
            f"the system ran out of memory (the kernel's OOM killer ended {oom.on_machine} on this machine meanwhile): "
            f"{LESS_MEMORY}"
        )
    if oom.in_group is None and oom.on_machine is None:
        return f"somebody killed it; where nobody did, the system ran out of memory: {LESS_MEMORY}"
    where = f"in its cgroup ({oom.on_machine} elsewhere on this machine)" if oom.on_machine else "here"
    return (
        f"somebody sent it (no OOM kill was counted {where}): a person, a service manager, or a batch system's limit "
        "on memory or time; look into its log"
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
