"""Tasks that name their functions, for workers that are elsewhere: what the backends of a pool have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from poolwise.errors import FunctionShippingError
from poolwise.model.events import Chunk
from poolwise.work.functions import SINGLES, Teacher
from poolwise.work.packing import Broken

if TYPE_CHECKING:
    from poolwise.work.task import Task


class TakesTasks(ABC):
    """Has the workers learn the functions of tasks before it sends them."""

    teacher: Teacher

    @abstractmethod
    def hand_over(self, worker: int, chunk: Chunk, items: Sequence[Any], number: int) -> None:
        """Send items, or (``SINGLES``) tasks, to a worker that knows their function by this number."""

    def send_tasks(self, worker: int, chunk: Chunk, tasks: Sequence[Task | None]) -> None:
        """Send tasks that were submitted one by one; None stands for one that is not wanted any more."""
        named: list[Any] = []
        for task in tasks:
            try:
                named.append(task and (self.teacher.teach(worker, task.function), task.args, task.kwargs))
            except FunctionShippingError as error:
                named.append(Broken(error))
        self.hand_over(worker, chunk, named, SINGLES)
        self.teacher.forget_old()

    def send_many(self, worker: int, chunk: Chunk, items: Sequence[Any], function: Any, *, spread: bool) -> None:  # noqa: ANN401 - whatever can be called
        """Send items that share a function."""
        try:
            number = self.teacher.teach(worker, function, spread=spread)
        except FunctionShippingError as error:
            self.hand_over(worker, chunk, [Broken(error)] * len(chunk), SINGLES)
        else:
            self.hand_over(worker, chunk, items, number)
        self.teacher.forget_old()

    def end_round(self) -> None:
        """All has been sent for now: until more is, functions may change."""
        self.teacher.end_round()
