"""Worker processes: the only file that enters ``engine/``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from poolwise.backends.protocol import Hear
from poolwise.backends.tasks import TakesTasks
from poolwise.engine.inner_threads import InnerThreads
from poolwise.engine.supervisor import Supervisor
from poolwise.engine.worker import WorkerJob
from poolwise.model.events import Chunk, Event
from poolwise.model.options import StartMethod
from poolwise.model.plan import Plan
from poolwise.model.units import Seconds
from poolwise.work.executable import python
from poolwise.work.functions import Teacher
from poolwise.work.job import Job
from poolwise.work.reloads import Reloads

if TYPE_CHECKING:
    from poolwise.engine.surroundings import Surroundings


class ProcessesBackend:
    """Runs chunks in worker processes, under a supervisor."""

    def __init__(self, job: Job, plan: Plan, *, by_value: bool = False) -> None:
        """Start nothing; ``by_value``: what is sent may be younger than the workers, even where these are forked."""
        method = plan.start_method or "spawn"
        self._job, self._plan = job, plan
        self._supervisor = Supervisor(_worker_job(job, plan, method, by_value=by_value), method, plan.workers)

    def take_snapshot(self) -> None:
        """Copy this process while that is safe: its workers can be started at any time then, whatever runs here."""
        self._supervisor.take_snapshot()

    @property
    def has_snapshot(self) -> bool:
        """Workers can be forked from a copy of this process."""
        return self._supervisor.has_snapshot

    def start_by(self, plan: Plan) -> None:
        """Start the workers that follow as this plan says."""
        method = plan.start_method or "spawn"
        self._plan = plan
        self._supervisor.start_by(method, _worker_job(self._job, plan, method, by_value=False))

    def start(self, worker: int) -> None:
        """Start a worker process."""
        self._supervisor.start(worker)

    def set_tasks(self, tasks: int) -> list[int]:
        """Tell workers that are older than a Plan how many items to run at a time, from the next chunk on.

        Gives those that ran another number; they go on with what they have as they did.
        """
        return self._supervisor.set_tasks(tasks)

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Send a chunk over the worker's channel."""
        self._supervisor.send(worker, chunk, items)

    def flush(self) -> None:
        """Do nothing: orders go out at once."""

    def inherits_items(self, worker: int) -> bool:
        """Say yes under fork, where only index ranges travel."""
        return self._supervisor.is_forked(worker)

    def take_back(self, worker: int, *, whole: bool = False) -> None:
        """Take back half of what a worker has not begun, or all of it."""
        self._supervisor.take_back(worker, whole=whole)

    def end(self, worker: int) -> None:
        """Do nothing: it is there until all are ended."""

    def used_s(self) -> Seconds:
        """Give the CPU seconds of the workers that live now (Linux only)."""
        return self._supervisor.used_s()

    def queued_s(self) -> Seconds:
        """Give the seconds for which the workers that live now have waited for a core."""
        return self._supervisor.queued_s()

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Hear what workers say, and notice deaths."""
        return self._supervisor.wait(timeout_s)

    def tell_there(self, hear: Hear) -> bool:
        """Say no: what happens is told by ``wait``."""
        return False

    def wake(self) -> None:
        """Wake a wait from another thread."""
        self._supervisor.wake()

    def close(self, *, abort: bool) -> None:
        """End all worker processes."""
        self._supervisor.close(abort=abort)


class TaskProcesses(TakesTasks, ProcessesBackend):
    """Worker processes for tasks that name their functions."""

    def __init__(self, job: Job, plan: Plan) -> None:
        """Start nothing."""
        super().__init__(job, plan, by_value=True)
        self.teacher = Teacher(self._supervisor.teach, look=self._look)
        self._reloads = Reloads()

    def fork_no_more(self) -> None:
        """From here on this process has a second thread: workers that follow come from a nursery."""
        if self._supervisor.by_fork and python() is None:
            # In a frozen program, a copy of it as it is now is all that can be had.
            self.take_snapshot()
        elif self._supervisor.by_fork:
            # What a forked worker is given (libraries' own handles) cannot travel.
            self._supervisor.start_by("forkserver", _worker_job(self._job, self._plan, "forkserver", by_value=True))

    def hand_over(self, worker: int, chunk: Chunk, items: Sequence[Any], number: int) -> None:
        """Send what names its function by a number."""
        self._supervisor.send(worker, chunk, items, number)

    def _look(self, function: Any) -> None:  # noqa: ANN401 - whatever can be called
        if self._reloads.since_last(function):
            # Workers that are there have imported what was there before.
            self._supervisor.renew()


def _worker_job(job: Job, plan: Plan, method: StartMethod, *, by_value: bool) -> WorkerJob:
    forked = method == "fork"
    by_value = by_value or not forked
    # What is not inherited must not be sent along with the function either.
    lean = job.without_items() if by_value else job
    inner = InnerThreads.plan(job.inner_max_num_threads, job.cores, plan.workers + plan.here, forked=forked)
    around = None if forked else _look_around()
    return WorkerJob(lean, plan.tasks_per_worker, by_value, around, inner)


def _look_around() -> Surroundings:
    from poolwise.engine.surroundings import Surroundings  # noqa: PLC0415 - a forked worker has all this

    return Surroundings.take()
