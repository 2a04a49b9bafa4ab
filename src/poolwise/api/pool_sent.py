"""What a pool that chooses sends to its processes, and takes back where it cannot travel.

A task whose arguments cannot be pickled has not run: a thread can do it. Of one whose result cannot be pickled the
result is lost with the worker's copy; it is run once more, as one whose worker died is, where ``crash_retries`` allows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from poolwise.errors import FunctionShippingError, ItemShippingError, ResultShippingError
from poolwise.model.classes import replace
from poolwise.model.events import Batch, Failed
from poolwise.run.desk import Many
from poolwise.run.self_service import attempt
from poolwise.work.task import PoolFuture, Task


class Taker(Protocol):
    """Who takes back what cannot travel."""

    def takes_back(self, error: BaseException) -> bool:
        """Tell whether a thread should do what has failed so in a process."""
        ...

    def run_here(self, task: Task) -> None:
        """Have a thread do it; RuntimeError where they have ended."""
        ...

    def stays_here(self, function: Callable[..., Any], error: BaseException) -> None:
        """Remember that a function's tasks do not travel."""
        ...


def cannot_travel(error: BaseException, *, may_repeat: bool) -> bool:
    """Tell whether an error says that a task could be done here only."""
    return isinstance(error, (FunctionShippingError, ItemShippingError)) or (
        may_repeat and isinstance(error, ResultShippingError)
    )


class Relay(Future[Any]):
    """Stands for a task's future in the pool of processes, and passes everything on but that it cannot travel."""

    def __init__(self, task: Task, taker: Taker) -> None:
        """Stand for the future of ``task``."""
        super().__init__()
        self._task, self._taker = task, taker

    def cancel(self) -> bool:
        """Cancel the other."""
        return self._task.future.cancel()

    def done(self) -> bool:
        """Tell whether the other is done."""
        return self._task.future.done()

    def set_running_or_notify_cancel(self) -> bool:
        """It begins, unless nobody wants it."""
        return self._task.may_run()

    def set_result(self, result: Any) -> None:  # noqa: ANN401 - any result
        """Hand the result on."""
        self._task.future.set_result(result)

    def set_exception(self, exception: BaseException | None) -> None:
        """Hand the error on, or have the task done here."""
        if exception is not None and self._taker.takes_back(exception):
            self._taker.stays_here(self._task.function, exception)
            try:
                self._taker.run_here(self._task)
            except RuntimeError:
                # The pool was ended meanwhile, in a hurry: what it could not do is told.
                self._task.future.set_exception(exception)
        else:
            self._task.future.set_exception(exception)


class Lot(Many):
    """Items of a map from the ``skip``-th on, whose results go to the map in order, with those of the items before.

    The first item may run on a thread while others are in processes: only one of them may hand on at a time.
    """

    def __init__(self, head: Many, skip: int, taker: Taker) -> None:
        """Be a part of ``head``, cancelled with it."""
        super().__init__(head.function, head.items[skip:], head.spread, head.most, learnt=head.learnt)
        self.head = head
        self._skip, self._taker = skip, taker
        self._one = threading.Lock()
        self.away = False
        """It was sent to processes: what fails since it cannot travel may do better here."""
        head.also(self)

    def take(self, batch: Batch) -> None:
        """Hand a piece on; what of it could not travel is done here first."""
        amiss = [place for place, failed in batch.failures.items() if self._taker.takes_back(failed.error.error)]
        if self.away and amiss and not self.cancelled:
            self._taker.stays_here(self.function, batch.failures[amiss[0]].error.error)
            try:
                self._taker.run_here(Task(PoolFuture(), self._mend, (batch, amiss), {}))
            except RuntimeError:
                self._hand_on(batch)
        else:
            self._hand_on(batch)

    def head_takes(self, batch: Batch) -> None:
        """Hand on what comes before."""
        with self._one:
            self.head.take(batch)

    def cancel(self) -> None:
        """Nobody wants what has not come yet."""
        self.head.cancel()

    def fail(self, error: BaseException) -> None:
        """Nothing more will come."""
        self.head.fail(error)

    def _hand_on(self, batch: Batch) -> None:
        self.head_takes(replace(batch, start=batch.start - self.start + self._skip + self.head.start))

    def _mend(self, batch: Batch, amiss: list[int]) -> None:
        """Do some of its items, in a thread."""
        values, failures = [*batch.values], dict(batch.failures)
        for offset in amiss:
            item = self.items[batch.start - self.start + offset]
            values[offset], error = attempt(self.function, item if self.spread else (item,), {})
            del failures[offset]
            if error is not None:
                failures[offset] = Failed(batch.start + offset, error, 1)
            del item, error
        self._hand_on(Batch(batch.start, values, failures))
