"""How tasks come into a pool, from any thread, and what becomes of those that wait when it is closed or gives up."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable

from poolwise.run.desk import Many
from poolwise.work.task import Task


class Entrance(ABC):
    """Lets tasks in until it is closed. What stands behind it says where they go, with the lock held."""

    def __init__(self) -> None:
        """Be open, for the process that this is."""
        self.error: BaseException | None = None
        """Why nothing can run any more."""
        self._owner = os.getpid()
        self._closing = False
        # A pool that is dropped is closed by whichever thread the garbage collector runs in: this one may have it.
        self._lock = threading.RLock()

    def put(self, task: Task | Many) -> None:
        """Let a task in; RuntimeError where it is closed."""
        if os.getpid() != self._owner:
            msg = "this pool belongs to the process that this one was forked from; make a pool of its own here"
            raise RuntimeError(msg)
        with self._lock:
            if self.error is not None:
                raise self.error
            if self._closing:
                msg = "cannot schedule new futures after shutdown"
                raise RuntimeError(msg)
            self._let_in(task)

    def close(self, *, cancel: bool = False) -> None:
        """Let nothing more in; with ``cancel``, what has not begun is not wanted any more."""
        if os.getpid() != self._owner:
            # A child that the caller has forked: neither the workers nor the threads are its own.
            return
        with self._lock:
            self._closing = True
            unwanted = self._waiting() if cancel else ()
            self._tell_closed()
        # Not under the lock: what a future calls back may submit.
        for task in unwanted:
            self._cancel(task)

    def _give_up(self, error: BaseException) -> None:
        """No worker can be had: whoever waits is told."""
        with self._lock:
            self.error = error
            waiting = self._waiting()
        for task in waiting:
            if isinstance(task, Many):
                task.fail(error)
            elif not task.future.done() and task.may_run():
                task.future.set_exception(error)

    def _cancel(self, task: Task | Many) -> None:
        if isinstance(task, Task):
            task.future.cancel()
        else:
            task.cancel()

    @abstractmethod
    def _let_in(self, task: Task | Many) -> None:
        """Put a task where it waits."""

    @abstractmethod
    def _waiting(self) -> Iterable[Task | Many]:
        """Give what is not done; what has begun may be among it. Whatever can be is taken out of the line."""

    @abstractmethod
    def _tell_closed(self) -> None:
        """Let whoever waits for tasks know that no more will come."""
