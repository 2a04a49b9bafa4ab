"""Tasks that arrive one by one while others run: the desk of a pool, which numbers them and knows what came of each.

A *line* of tasks is what is sent together at most: all tasks that were submitted one by one are the same kind of line
(each task names its own function), and each ``map`` is a line of its own, whose items share one function.
"""

from __future__ import annotations

import bisect
import queue
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from poolwise.model.classes import field, mutable, replace
from poolwise.model.events import Batch
from poolwise.model.units import Seconds
from poolwise.run.adapt import ChunkSizer, Sizing
from poolwise.work.task import Task

# Items of one map go out in chunks of about so long: they are many, and hearing of a chunk costs 0.2 ms of a core.
MAP_CHUNK_S: Seconds = 0.02


@mutable
class Singles:
    """Tasks that were submitted one by one, in one go."""

    start: int
    tasks: list[Task | None]
    """None: it is done, and nothing of it is held any more."""

    def __len__(self) -> int:
        """Count them."""
        return len(self.tasks)

    def between(self, start: int, stop: int) -> list[Task | None]:
        """Give some of them, by their numbers."""
        return self.tasks[start - self.start : stop - self.start]

    def take(self, batch: Batch) -> None:
        """Tell each future."""
        for offset, value in enumerate(batch.values):
            place = batch.start + offset - self.start
            task, self.tasks[place] = self.tasks[place], None
            if task is None or not task.begun:
                # It was cancelled.
                continue
            failed = batch.failures.get(offset)
            if failed is None:
                task.future.set_result(value)
            else:
                task.future.set_exception(failed.error.as_raised())


@mutable
class Learnt:
    """What the pool's thread has learnt of the items of a ``map``, which may come in several lots."""

    sizer: ChunkSizer | None = None


@mutable
class Many:
    """The items of one ``map``, or a lot of them, and the results that have come, in order.

    The pool's thread puts them there and the caller takes them away; neither ever waits for the other with a lock held.
    """

    function: Callable[..., Any]
    items: Sequence[Any]
    spread: bool
    most: int | None = None
    """At most so many are sent together; None: it is found while running."""
    start: int = 0
    learnt: Learnt = field(default_factory=Learnt)
    cancelled: bool = False
    came: queue.SimpleQueue[Batch | BaseException | None] = field(default_factory=queue.SimpleQueue)
    """For the caller: pieces in order; None: it was cancelled; an error: nothing more will come."""
    _early: dict[int, Batch] = field(default_factory=dict)
    """Pieces that wait for one before them."""
    _turn: int = 0
    _parts: list[Many] = field(default_factory=list)
    """Parts of it that were handed to workers by themselves, and are cancelled with it."""

    def __len__(self) -> int:
        """Count them."""
        return len(self.items)

    def between(self, start: int, stop: int) -> Sequence[Any]:
        """Give some of them, by their numbers."""
        return self.items[start - self.start : stop - self.start]

    def take(self, batch: Batch) -> None:
        """Hand a piece on in its turn; not where what was run may have been nothing, for nobody."""
        if self.cancelled:
            self._early.clear()
            return
        self._early[batch.start - self.start] = batch
        while (ready := self._early.pop(self._turn, None)) is not None:
            self._turn += len(ready.values)
            # From here on its list is the caller's alone, who empties it.
            self.came.put(ready)

    def cancel(self) -> None:
        """Nobody wants what has not come yet."""
        self.dismiss()
        self.came.put(None)

    def dismiss(self) -> None:
        """Have nothing more begun of it, nor of its parts."""
        self.cancelled = True
        # They know it, and it need not know them any more: nothing of them waits for a collector of cycles.
        parts, self._parts = self._parts, []
        for part in parts:
            part.dismiss()

    def also(self, part: Many) -> None:
        """Dismiss a part with it."""
        self._parts.append(part)
        if self.cancelled:
            part.dismiss()

    def fail(self, error: BaseException) -> None:
        """Nothing more will come."""
        self.came.put(error)


class Desk:
    """Where tasks arrive, from any thread, and are numbered, in one."""

    def __init__(self, sizing: Sizing, *, together: bool = True) -> None:
        """Begin with none, of which nothing is known; ``together``: quick single tasks may be sent together."""
        self._sizing = sizing
        self._together = together
        self._single_sizer = ChunkSizer(sizing)
        self._arrived: deque[Task | Many] = deque()
        self._lines: list[Singles | Many] = []
        self._starts: list[int] = []
        self._left: list[int] = []
        self.known = 0

    def put(self, task: Task | Many) -> None:
        """Leave a task or many."""
        self._arrived.append(task)

    def admit(self) -> bool:
        """Number what has arrived; say whether anything has."""
        before, singles = self.known, []
        while self._arrived:
            arrived = self._arrived.popleft()
            if isinstance(arrived, Task):
                singles.append(arrived)
                continue
            self._add_singles(singles)
            singles = []
            arrived.start = self.known
            self._add(arrived)
        self._add_singles(singles)
        return self.known > before

    def line_of(self, number: int) -> Singles | Many:
        """Give the line that a task is in."""
        return self._lines[bisect.bisect(self._starts, number) - 1]

    def end_of(self, number: int) -> int:
        """Give the number up to which tasks may be sent together with this one, which comes first."""
        line = self.line_of(number)
        end = line.start + len(line)
        if isinstance(line, Singles):
            return end if self._together else number + 1
        if line.most is None or line.cancelled:
            return end
        return min(end, number + line.most)

    def sizer_of(self, number: int) -> ChunkSizer:
        """Give what knows the tasks of this one's kind: each ``map`` learns for itself, single tasks together."""
        line = self.line_of(number)
        if isinstance(line, Singles):
            return self._single_sizer
        if line.learnt.sizer is None:
            line.learnt.sizer = ChunkSizer(replace(self._sizing, target_s=MAP_CHUNK_S))
        return line.learnt.sizer

    def take(self, batch: Batch) -> None:
        """Hear what came of some tasks; a line of which all is done is forgotten."""
        place = bisect.bisect(self._starts, batch.start) - 1
        self._left[place] -= len(batch.values)
        self._lines[place].take(batch)
        if self._left[place] == 0:
            del self._lines[place], self._starts[place], self._left[place]

    def waiting(self) -> list[Task | Many]:
        """List all that is not done."""
        tasks: list[Task | Many] = []
        for line in (*self._lines, *self._arrived):
            tasks += filter(None, line.tasks) if isinstance(line, Singles) else [line]
        return tasks

    def _add_singles(self, tasks: list[Task]) -> None:
        if tasks:
            self._add(Singles(self.known, [*tasks]))

    def _add(self, line: Singles | Many) -> None:
        if not len(line):
            return
        self._lines.append(line)
        self._starts.append(self.known)
        self._left.append(len(line))
        self.known += len(line)
