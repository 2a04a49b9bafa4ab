"""Worker processes: the only file that enters ``engine/``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from poolwise.engine.inner_threads import InnerThreads
from poolwise.engine.supervisor import Supervisor
from poolwise.engine.worker import WorkerJob
from poolwise.model.events import Chunk, Event
from poolwise.model.plan import Plan
from poolwise.model.units import Seconds
from poolwise.work.items import Indexed
from poolwise.work.job import Job

if TYPE_CHECKING:
    from poolwise.engine.surroundings import Surroundings


class ProcessesBackend:
    """Runs chunks in worker processes, under a supervisor."""

    def __init__(self, job: Job, plan: Plan) -> None:
        """Start nothing."""
        self._job = job
        method = plan.start_method or "spawn"
        by_value = method != "fork"
        # What is not inherited must not be sent along with the function either.
        lean = job if not by_value else _without_items(job)
        inner = InnerThreads.plan(job.inner_max_num_threads, job.cores, plan.workers, forked=not by_value)
        around = _look_around() if by_value else None
        self._supervisor = Supervisor(WorkerJob(lean, plan.tasks_per_worker, by_value, around, inner), method)

    def start(self, worker: int) -> None:
        """Start a worker process."""
        self._supervisor.start(worker)

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Send a chunk over the worker's channel."""
        self._supervisor.send(worker, chunk, items)

    def inherits_items(self) -> bool:
        """Say yes under fork, where only index ranges travel."""
        return self._supervisor.by_fork

    def take_back(self, worker: int) -> None:
        """Take back half of what a worker has not begun."""
        self._supervisor.take_back(worker)

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Hear what workers say, and notice deaths."""
        return self._supervisor.wait(timeout_s)

    def wake(self) -> None:
        """Wake a wait from another thread."""
        self._supervisor.wake()

    def close(self, *, abort: bool) -> None:
        """End all worker processes."""
        self._supervisor.close(abort=abort)


def _look_around() -> Surroundings:
    from poolwise.engine.surroundings import Surroundings  # noqa: PLC0415 - a forked worker has all this

    return Surroundings.take()


def _without_items(job: Job) -> Job:
    # The event loop and the caller's list stay behind too.
    return dataclasses.replace(job, items=Indexed(([],)), event_loop=None, into=None)
