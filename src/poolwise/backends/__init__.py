"""How chunks are run: one file for each backend, behind one protocol (``protocol.py``).

``create`` makes the one that a Plan names. Those that need asyncio or interpreters are imported when they are first
used, the others at once: who asks for them waits for the first map, which is the whole of a short run, and loading the
engine would be half of it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from poolwise.backends.loop import LoopBackend
from poolwise.backends.protocol import Backend
from poolwise.backends.threads import ThreadsBackend
from poolwise.work.job import Job

if TYPE_CHECKING:
    from poolwise.backends.cluster import Connection
    from poolwise.backends.interpreters import TaskInterpreters
    from poolwise.backends.processes import TaskProcesses
    from poolwise.model.options import ClusterName
    from poolwise.model.plan import Plan

__all__ = [
    "Backend",
    "Job",
    "connect",
    "create",
    "create_task_interpreters",
    "create_task_processes",
    "is_connected",
]


def create_task_processes(plan: Plan, job: Job) -> TaskProcesses:
    """Make the processes of a pool, which take tasks that bring their functions; nothing starts yet."""
    from poolwise.backends.processes import TaskProcesses  # noqa: PLC0415 - imported when first used

    return TaskProcesses(job, plan)


def create_task_interpreters(job: Job) -> TaskInterpreters:
    """Make the interpreters of a pool, likewise."""
    from poolwise.backends.interpreters import TaskInterpreters  # noqa: PLC0415 - imported when first used

    return TaskInterpreters(job)


def create(plan: Plan, job: Job) -> Backend:
    """Make the backend that ``plan`` names, for ``job``; nothing starts yet."""
    match plan.backend:
        case "loop" if not job.call.coroutine:
            return LoopBackend(job)
        case "loop" | "asyncio":
            # Coroutines need an event loop, and this thread may be inside one already: with "loop", one task at a time
            # elsewhere.
            from poolwise.backends import coroutines  # noqa: PLC0415 - imported when first used

            return coroutines.create(job)
        case "threads":
            return ThreadsBackend(job)
        case "processes":
            from poolwise.backends.processes import ProcessesBackend  # noqa: PLC0415 - imported when first used

            return ProcessesBackend(job, plan)
        case "interpreters":
            from poolwise.backends.interpreters import InterpretersBackend  # noqa: PLC0415 - imported when first used

            return InterpretersBackend(job)
        case "dask" | "ray":
            return _create_cluster(plan.backend, job)


def _create_cluster(name: ClusterName, job: Job) -> Backend:
    import queue  # noqa: PLC0415 - few have a cluster

    from poolwise.backends.cluster import ClusterBackend  # noqa: PLC0415 - see above

    outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    if job.cluster is not None:
        return ClusterBackend(job, job.cluster.link(outbox), outbox)
    connection = connect(name)
    return ClusterBackend(job, connection.link(outbox), outbox, closes=connection.close)


def connect(name: ClusterName, cluster: object = None) -> Connection:
    """Connect to the cluster that is meant; None: take the connection that there is.

    Raises OptionError, MissingExtraError, WorkerStartError.
    """
    if name == "dask":
        from poolwise.backends import dask  # noqa: PLC0415 - imported when first used

        return dask.connect(cluster)
    from poolwise.backends import ray  # noqa: PLC0415 - see above

    return ray.connect(cluster)


def is_connected(name: ClusterName) -> bool:
    """Tell whether this program is connected to such a cluster; imports nothing of it."""
    library = {"dask": "distributed", "ray": "ray"}[name]
    if library not in sys.modules:
        return False
    if name == "dask":
        from poolwise.backends import dask  # noqa: PLC0415 - see above

        return dask.connected_client() is not None
    from poolwise.backends import ray  # noqa: PLC0415 - see above

    return ray.connected()


if sys.platform != "win32":  # where there is no engine yet
    import poolwise.backends.processes  # noqa: F401 - see above
