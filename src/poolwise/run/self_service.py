"""A pool of threads: each takes the next task by itself.

Threads cannot die, nor be ended: nobody needs to look after them. And a task that went through the hands of a loop
(``clerk.py``) would wait for the interpreter's lock four times: on its way to the loop, to its thread, and back.

Items of a ``map`` are *shared*: as many threads as there are, or items, take one item after another. Who comes first is
served first, so that what was submitted behind a ``map`` waits until all of its items have begun.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from poolwise.errors import InitializerError
from poolwise.model.events import Batch, Failed, TaskError
from poolwise.run.desk import Many
from poolwise.run.entrance import Entrance
from poolwise.work.chunk import task_error
from poolwise.work.job import Job
from poolwise.work.task import PoolThread, Task


class SelfService(Entrance):
    """Threads, and what waits for them."""

    def __init__(self, job: Job, workers: int) -> None:
        """Start the threads. Functions see the context variables of whoever calls this."""
        super().__init__()
        self._job = job
        self._counter: queue.SimpleQueue[Task | Shared | None] = queue.SimpleQueue()
        self._shared: list[Shared] = []
        """What is in work of maps."""
        self._threads = [self._make_thread(number) for number in range(workers)]
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:
            # No more threads can be had; those that have started end.
            self.close()
            raise

    def serve(self) -> None:
        """Wait until there is nothing more to do."""
        for thread in self._threads:
            thread.join()

    def is_inside(self, thread: threading.Thread) -> bool:
        """Tell whether this is one of its threads, which must not wait for the others' end."""
        return thread in self._threads

    def kill(self) -> None:
        """Let nothing begin any more: what a thread is on cannot be ended."""
        self.close(cancel=True)

    # --- Coming and going, under the lock ----------------------------------------------------------------------

    def _let_in(self, task: Task | Many) -> None:
        if isinstance(task, Task):
            self._counter.put(task)
            return
        shared = Shared(task, min(len(task), len(self._threads)))
        self._shared.append(shared)
        for _ in range(shared.takers):
            self._counter.put(shared)

    def _waiting(self) -> Sequence[Task | Many]:
        waiting: list[Task | Many] = [each.many for each in self._shared]
        with contextlib.suppress(queue.Empty):
            while True:
                # What comes out here is not run. Of a map, its threads hear that it is cancelled, or has failed.
                if isinstance(came := self._counter.get_nowait(), Task):
                    waiting.append(came)
        return waiting

    def _tell_closed(self) -> None:
        # Again where it was closed before: they may have been taken away with what waited.
        for _ in self._threads:
            self._counter.put(None)

    def _cancel(self, task: Task | Many) -> None:
        super()._cancel(task)
        if isinstance(task, Task):
            # No thread will ever come to it: whoever waits for it is told now.
            task.may_run()

    # --- The threads -------------------------------------------------------------------------------------------

    def _make_thread(self, number: int) -> threading.Thread:
        context = contextvars.copy_context()
        return PoolThread(target=context.run, args=(self._work,), name=f"poolwise-{number}")

    def _work(self) -> None:
        try:
            self._job.initialize()
            while (came := self._counter.get()) is not None:
                if isinstance(came, Task):
                    do(came)
                else:
                    self._do_some(came)
                # Nothing of it is held while the next is waited for.
                del came
        except BaseException as error:
            if os.getpid() == self._owner:
                self._give_up(error)
                self._tell_closed()
            # Else the function has forked, and this is its child on its way out.
            if not isinstance(error, InitializerError):
                raise

    def _do_some(self, shared: Shared) -> None:
        """Take items until there are no more."""
        while (index := shared.take()) is not None:
            shared.bring(index, *attempt(*shared.call(index)))
        with self._lock:
            shared.takers -= 1
            if not shared.takers:
                self._shared.remove(shared)
        # An error holds the frames that it came through, this one among them.
        del shared


class Shared:
    """The items of a ``map``, which several threads take one by one."""

    def __init__(self, many: Many, takers: int) -> None:
        """Be taken by so many threads."""
        self.many = many
        self.takers = takers
        self._next = 0
        self._lock = threading.Lock()

    def take(self) -> int | None:
        """Give the next item's number; None when there are no more, or nobody wants them."""
        with self._lock:
            if self.many.cancelled or self._next == len(self.many):
                return None
            self._next += 1
            return self._next - 1

    def call(self, index: int) -> tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]]:
        """Give what is to be called for an item: function, arguments, keyword arguments."""
        item = self.many.items[index]
        return self.many.function, item if self.many.spread else (item,), {}

    def bring(self, index: int, value: Any, error: TaskError | None) -> None:  # noqa: ANN401 - any result
        """Hand on what came of an item."""
        failures = {} if error is None else {0: Failed(index, error, 1)}
        with self._lock:
            self.many.take(Batch(index, [value], failures))


def do(task: Task) -> None:
    """Make a call that is still wanted, and tell its future."""
    if not task.may_run():
        return
    value, error = attempt(task.function, task.args, task.kwargs)
    if error is None:
        task.future.set_result(value)
    else:
        task.future.set_exception(error.as_raised())
        # The error holds the frames that it came through, this one among them: else it would hold its own future.
        del task, error


def attempt(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Any, TaskError | None]:
    """Make a call; give its value, or what it raised."""
    home = os.getpid()
    try:
        return function(*args, **kwargs), None
    except BaseException as error:  # noqa: BLE001 - what the function raised is told, whatever it is
        return None, task_error(error, home)
