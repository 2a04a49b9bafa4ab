"""Threads for a pool's tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from poolwise.backends.threads import ThreadsBackend
from poolwise.model.events import Chunk
from poolwise.work.call import Call
from poolwise.work.task import Task


class TaskThreads(ThreadsBackend):
    """Threads that take tasks, each of which brings its function: what runs is the task itself."""

    def send_tasks(self, worker: int, chunk: Chunk, tasks: Sequence[Task | None]) -> None:
        """Give a thread tasks that were submitted one by one; None: not wanted any more."""
        self.send(worker, chunk, [task and (task.function, task.args, task.kwargs) for task in tasks])

    def send_many(self, worker: int, chunk: Chunk, items: Sequence[Any], function: Any, *, spread: bool) -> None:  # noqa: ANN401 - whatever can be called
        """Give a thread items that share a function."""
        self.send(worker, chunk, [(function, item if spread else (item,), {}) for item in items])

    def end_round(self) -> None:
        """Nothing is packed."""

    def fork_no_more(self) -> None:
        """Threads are not forked."""


def run_task(task: tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]] | None) -> Any:  # noqa: ANN401 - whatever the task gives
    """Make the call; nothing for a task that is not wanted any more."""
    if task is None:
        return None
    function, args, kwargs = task
    return function(*args, **kwargs)


RUN_TASK = Call(run_task)
