"""The loop of a pool: one thread that owns the scheduler and the workers, and serves whoever submits tasks.

Everybody else leaves tasks at the desk and wakes it. It ends when the desk is closed and nothing is left to do.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from poolwise.backends.protocol import Backend
from poolwise.errors import WorkerDiedError
from poolwise.model.events import (
    Chunk,
    ChunkDone,
    Emit,
    Event,
    Instruction,
    ItemsRead,
    Outcome,
    Raise,
    Send,
    Start,
    TakeBack,
    Waited,
)
from poolwise.model.units import Seconds
from poolwise.run.desk import Desk, Many, Singles
from poolwise.run.driver import IDLE_PATIENCE_S, TICK_S
from poolwise.run.entrance import Entrance
from poolwise.run.scheduler import Scheduler
from poolwise.run.terms import Crew, Wishes
from poolwise.work.task import Task

# What a task is thought to take where none has been run: so long that each is sent alone.
UNKNOWN_S: Seconds = 0.1

News: TypeAlias = Event | ItemsRead | Waited


class Workers(Backend, Protocol):
    """A backend that takes tasks which name their functions."""

    def send_tasks(self, worker: int, chunk: Chunk, tasks: Sequence[Task | None]) -> None:
        """Give a worker tasks that were submitted one by one; None: not wanted any more."""
        ...

    def send_many(self, worker: int, chunk: Chunk, items: Sequence[Any], function: Any, *, spread: bool) -> None:  # noqa: ANN401 - whatever can be called
        """Give a worker items that share a function."""
        ...

    def end_round(self) -> None:
        """All has been sent for now: until more is, functions may change."""
        ...


class Clerk(Entrance):
    """Serves a desk."""

    def __init__(self, workers: Workers, crew: Crew, *, crash_retries: int, ahead: int) -> None:
        """Begin to start ``ahead`` workers, in the calling thread; the others follow when there is work."""
        super().__init__()
        self.desk = Desk(crew.sizing, together=crew.prompt)
        self._workers = workers
        wishes = Wishes(ordered=False, errors="collect", crash_retries=crash_retries, lines=self.desk)
        self._scheduler = Scheduler(wishes, None, 0)
        self._news: deque[News] = deque()
        self._woken = False
        self._killed = False
        self._thread: threading.Thread | None = None
        self._carry_out(self._scheduler.use(crew))
        self._carry_out(self._scheduler.hire(ahead))

    def is_inside(self, thread: threading.Thread) -> bool:
        """Tell whether this is the loop's own thread, which must not wait for its end."""
        return thread is self._thread

    # --- From any thread, under the lock -----------------------------------------------------------------------

    def _let_in(self, task: Task | Many) -> None:
        self.desk.put(task)
        self._wake()

    def _waiting(self) -> list[Task | Many]:
        return self.desk.waiting()

    def _tell_closed(self) -> None:
        self._wake()

    def kill(self) -> None:
        """End the workers at once; what they are on fails, and what has not begun is cancelled."""
        self._killed = True
        self.close(cancel=True)

    def _wake(self) -> None:
        """Wake the loop, once until it has looked: a byte through a socket for every task would cost as much again."""
        if not self._woken:
            self._woken = True
            self._workers.wake()

    # --- The loop ---------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Serve until there is nothing more to do."""
        self._thread = threading.current_thread()
        clean = False
        try:
            while not (self._scheduler.finished or self._killed):
                self._step()
            if self._killed:
                self._give_up(WorkerDiedError("the pool's workers were ended by kill_workers()"))
            clean = self.error is None
        except BaseException as error:
            self._give_up(error)
            raise
        finally:
            self._workers.close(abort=not clean)

    def _step(self) -> None:
        self._admit()
        if self._scheduler.finished:
            return
        able = self._scheduler.could_take_back
        events = self._workers.wait(IDLE_PATIENCE_S if able else None if self._quiet() else TICK_S)
        if able and not events:
            self._tell(Waited())
        for event in events:
            self._tell(event)

    def _tell(self, news: News) -> None:
        """Tell the scheduler, and do what it says, until it knows of everything that came of it."""
        self._news.append(news)
        while self._news:
            self._carry_out(self._scheduler.handle(self._news.popleft()))

    def _quiet(self) -> bool:
        return not self._scheduler.busy_workers

    def _admit(self) -> None:
        with self._lock:
            self._woken = False
            closing = self._closing
            arrived = self.desk.admit()
        if arrived or closing:
            self._tell(ItemsRead(self.desk.known, closing))

    def _carry_out(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Send(worker, chunk):
                    self._send(worker, chunk)
                case Emit(batch):
                    self.desk.take(batch)
                case Start(worker):
                    self._workers.start(worker)
                case TakeBack(worker):
                    self._workers.take_back(worker)
                case Raise(_, error):
                    self._give_up(error)
        self._workers.end_round()

    def _send(self, worker: int, chunk: Chunk) -> None:
        line = self.desk.line_of(chunk.start)
        if isinstance(line, Singles):
            tasks = [task if task and task.may_run() else None for task in line.between(chunk.start, chunk.stop)]
            if any(tasks):
                self._workers.send_tasks(worker, chunk, tasks)
            else:
                self._pass_over(worker, chunk)
        elif line.cancelled:
            self._pass_over(worker, chunk)
        else:
            items = line.between(chunk.start, chunk.stop)
            self._workers.send_many(worker, chunk, items, line.function, spread=line.spread)

    def _pass_over(self, worker: int, chunk: Chunk) -> None:
        """Nobody wants any of it any more: the worker is not bothered."""
        # That it took no time must not make anybody think that tasks are quick.
        item_s = self.desk.sizer_of(chunk.start).item_s or UNKNOWN_S
        self._news.append(ChunkDone(worker, chunk.id, Outcome([None] * len(chunk), wall_s=len(chunk) * item_s)))
