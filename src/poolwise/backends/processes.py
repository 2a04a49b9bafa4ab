"""Worker processes: the only file that enters ``engine/``."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from poolwise.engine.inner_threads import InnerThreads
from poolwise.engine.packing import Broken
from poolwise.engine.shift import SINGLES
from poolwise.engine.supervisor import Supervisor
from poolwise.engine.worker import WorkerJob, pack_function
from poolwise.errors import FunctionShippingError
from poolwise.model.events import Chunk, Event
from poolwise.model.plan import Plan
from poolwise.model.units import Seconds
from poolwise.work.items import Indexed
from poolwise.work.job import Job

if TYPE_CHECKING:
    from poolwise.engine.surroundings import Surroundings
    from poolwise.work.task import Task


class ProcessesBackend:
    """Runs chunks in worker processes, under a supervisor."""

    def __init__(self, job: Job, plan: Plan, *, by_value: bool = False) -> None:
        """Start nothing; ``by_value``: what is sent may be younger than the workers, even where these are forked."""
        method = plan.start_method or "spawn"
        by_value = by_value or method != "fork"
        # What is not inherited must not be sent along with the function either.
        lean = job if not by_value else _without_items(job)
        inner = InnerThreads.plan(job.inner_max_num_threads, job.cores, plan.workers, forked=method == "fork")
        around = _look_around() if method != "fork" else None
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


class TaskProcesses(ProcessesBackend):
    """Worker processes for tasks that name their functions, which the workers learn when they are first needed."""

    def __init__(self, job: Job, plan: Plan) -> None:
        """Start nothing."""
        super().__init__(job, plan, by_value=True)
        self._functions: dict[tuple[int, bool], Known] = {}
        self._numbers = itertools.count(1)

    def fork_no_more(self) -> None:
        """From here on this process has a second thread: workers that follow come from a nursery."""
        if self._supervisor.by_fork:
            self._supervisor.start_by("forkserver")

    def send_tasks(self, worker: int, chunk: Chunk, tasks: Sequence[Task | None]) -> None:
        """Send tasks that were submitted one by one; None stands for one that is not wanted any more."""
        packed: list[Any] = []
        for task in tasks:
            try:
                packed.append(task and (self._teach(worker, task.function), task.args, task.kwargs))
            except FunctionShippingError as error:
                packed.append(Broken(error))
        self._supervisor.send(worker, chunk, packed, SINGLES)

    def send_many(self, worker: int, chunk: Chunk, items: Sequence[Any], function: Any, *, spread: bool) -> None:  # noqa: ANN401 - whatever can be called
        """Send items that share a function."""
        try:
            number = self._teach(worker, function, spread=spread)
        except FunctionShippingError as error:
            self._supervisor.send(worker, chunk, [Broken(error)] * len(chunk), SINGLES)
        else:
            self._supervisor.send(worker, chunk, items, number)

    def begin_chunk(self) -> None:
        """Look at functions anew: what they refer to may have changed since the last chunk."""
        for known in self._functions.values():
            known.fresh = False

    def _teach(self, worker: int, function: Any, *, spread: bool = False) -> int:  # noqa: ANN401 - see send_many
        """Give the number by which the worker knows a function, as it is now."""
        key = (id(function), spread)
        known = self._functions.pop(key, None)
        if known is None or known.function is not function:
            known = Known(next(self._numbers), function)
        self._functions[key] = known
        if not known.fresh:
            packed = pack_function(function, spread=spread)
            if packed != known.packed:
                known.packed, known.fresh, known.workers = packed, True, set()
            known.fresh = True
        if worker not in known.workers:
            known.workers.add(worker)
            self._supervisor.teach(worker, known.number, known.packed)
        self._forget_old()
        return known.number

    def _forget_old(self) -> None:
        while len(self._functions) > MOST_FUNCTIONS:
            old = self._functions.pop(next(iter(self._functions)))
            for worker in old.workers:
                self._supervisor.teach(worker, old.number, None)


@dataclasses.dataclass(slots=True)
class Known:
    """A function that workers know by its number."""

    number: int
    function: Any
    packed: bytes = b""
    fresh: bool = False
    """Packed since the last chunk was begun."""
    workers: set[int] = dataclasses.field(default_factory=set)


# A program that makes a new function for every task must not fill the workers' memory with them.
MOST_FUNCTIONS = 256


def _look_around() -> Surroundings:
    from poolwise.engine.surroundings import Surroundings  # noqa: PLC0415 - a forked worker has all this

    return Surroundings.take()


def _without_items(job: Job) -> Job:
    # The event loop and the caller's list stay behind too.
    return dataclasses.replace(job, items=Indexed(([],)), event_loop=None, into=None)
