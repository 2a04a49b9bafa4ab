"""Worker processes: the only file that enters ``engine/``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poolwise.engine.supervisor import Supervisor
from poolwise.engine.surroundings import Surroundings
from poolwise.engine.worker import WorkerJob
from poolwise.model.events import Chunk, Event
from poolwise.model.plan import Plan
from poolwise.model.units import Seconds
from poolwise.work.items import Indexed
from poolwise.work.job import Job


class ProcessesBackend:
    """Runs chunks in worker processes, under a supervisor."""

    def __init__(self, job: Job, plan: Plan) -> None:
        """Start nothing."""
        self._job = job
        method = plan.start_method or "spawn"
        by_value = method != "fork"
        # What is not inherited must not be sent along with the function either.
        lean = job if not by_value else _without_items(job)
        around = Surroundings.take() if by_value else Surroundings()
        self._supervisor = Supervisor(WorkerJob(lean, plan.tasks_per_worker, by_value, around), method)

    def start(self, worker: int) -> None:
        """Start a worker process."""
        self._supervisor.start(worker)

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Send a chunk over the worker's channel."""
        self._supervisor.send(worker, chunk, items)

    def inherits_items(self) -> bool:
        """Say yes under fork, where only index ranges travel."""
        return self._supervisor.by_fork

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Hear what workers say, and notice deaths."""
        return self._supervisor.wait(timeout_s)

    def wake(self) -> None:
        """Wake a wait from another thread."""
        self._supervisor.wake()

    def close(self, *, abort: bool) -> None:
        """End all worker processes."""
        self._supervisor.close(abort=abort)


def _without_items(job: Job) -> Job:
    return Job(call=job.call, items=Indexed(([],)), rules=job.rules, initializer=job.initializer, initargs=job.initargs)
