"""How chunks are run: one file for each backend, behind one protocol (``protocol.py``).

``create`` makes the one that a Plan names. Those that need asyncio or interpreters are imported when they are first
used, the others at once: who asks for them waits for the first map, which is the whole of a short run, and loading the
engine would be half of it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from poolwise.backends.loop import LoopBackend
from poolwise.backends.protocol import Backend
from poolwise.backends.threads import ThreadsBackend
from poolwise.work.job import Job

if TYPE_CHECKING:
    from poolwise.backends.processes import TaskProcesses
    from poolwise.model.plan import Plan

__all__ = ["Backend", "Job", "create", "create_task_processes"]


def create_task_processes(plan: Plan, job: Job) -> TaskProcesses:
    """Make the processes of a pool, which take tasks that bring their functions; nothing starts yet."""
    from poolwise.backends.processes import TaskProcesses  # noqa: PLC0415 - imported when first used

    return TaskProcesses(job, plan)


def create(plan: Plan, job: Job) -> Backend:
    """Make the backend that ``plan`` names, for ``job``; nothing starts yet."""
    match plan.backend:
        case "loop" if job.call.coroutine:
            # Coroutines need an event loop, and this thread may be inside one already: one task at a time elsewhere.
            from poolwise.backends.coroutines import CoroutinesBackend  # noqa: PLC0415 - imported when first used

            return CoroutinesBackend(job)
        case "loop":
            return LoopBackend(job)
        case "threads":
            return ThreadsBackend(job)
        case "asyncio":
            from poolwise.backends.coroutines import CoroutinesBackend  # noqa: PLC0415 - imported when first used

            return CoroutinesBackend(job)
        case "processes":
            from poolwise.backends.processes import ProcessesBackend  # noqa: PLC0415 - imported when first used

            return ProcessesBackend(job, plan)
        case "interpreters":
            from poolwise.backends.interpreters import InterpretersBackend  # noqa: PLC0415 - imported when first used

            return InterpretersBackend(job)


if sys.platform != "win32":  # where there is no engine yet
    import poolwise.backends.processes  # noqa: F401 - see above
