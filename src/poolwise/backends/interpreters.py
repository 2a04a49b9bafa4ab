"""Interpreters: each worker is an interpreter with a GIL of its own (PEP 684, PEP 734), in a thread of its own.

They compute side by side like processes, without a second process: nothing is forked, and they start within some ten
milliseconds. They share no objects: function, items and results travel as for a process. What is no object is shared:
the process's memory limit, its descriptors, and its end where C code crashes.

The worker's thread packs a chunk, enters the interpreter with it and comes back with what came of it
(``work/guest.py``), as ``concurrent.futures.InterpreterPoolExecutor`` does. An item that is late cannot be ended, only
given up, as in threads.
"""

from __future__ import annotations

import atexit
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol

from poolwise.backends.outbox import Outbox
from poolwise.backends.tasks import TakesTasks
from poolwise.backends.threads import ThreadsBackend, WorkerThread
from poolwise.errors import FunctionShippingError, InternalError, WorkerStartError
from poolwise.model.classes import frozen
from poolwise.model.events import Chunk, ChunkDone, Event, WorkerFailed, WorkerLost, WorkerReady
from poolwise.model.units import Seconds
from poolwise.work import guest
from poolwise.work.call import show_error
from poolwise.work.functions import Teacher
from poolwise.work.host import Lesson, Mail, open_greeting, pack_job
from poolwise.work.job import Job

# Interpreters that were told to end get so long at the program's end; one that is deep in an item gets no more.
END_PATIENCE_S: Seconds = 0.5


class Interpreter(Protocol):
    """What is used here of ``concurrent.interpreters.Interpreter``, which only Python 3.14 has."""

    def exec(self, code: str, /) -> None:
        """Run code there."""
        ...

    def call(self, function: Callable[..., Any], /, *args: Any) -> Any:  # noqa: ANN401 - what can travel
        """Call an importable function there."""
        ...


class InterpretersBackend(ThreadsBackend):
    """Runs chunks in interpreters of this process."""

    left_behind = "an interpreter cannot be ended while it runs"

    def __init__(self, job: Job) -> None:
        """Start nothing."""
        super().__init__(job)
        self._packed: bytes | None = None

    def start(self, worker: int) -> None:
        """Start a thread, which starts an interpreter."""
        if self._packed is None:
            try:
                self._packed = pack_job(self._job, "another interpreter")
            except FunctionShippingError as error:
                self._outbox.put(WorkerFailed(error))
                return
        host = Host(worker, self._job, self._outbox, self._packed)
        self._threads[worker] = host
        host.begin()

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Put the chunk into the thread's inbox."""
        self._threads[worker].inbox.put(Order(chunk, items if items is not None else ()))

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Read the outbox, and say again what the functions have said."""
        events = super().wait(timeout_s)
        for thread in self._threads.values():
            if isinstance(thread, Host):
                thread.say_again()
        return events

    def close(self, *, abort: bool) -> None:
        """End all interpreters that have nothing to do."""
        hosts = [thread for thread in self._threads.values() if isinstance(thread, Host)]
        super().close(abort=abort)
        for host in hosts:
            host.say_again()


class TaskInterpreters(TakesTasks, InterpretersBackend):
    """Interpreters for tasks that name their functions."""

    def __init__(self, job: Job) -> None:
        """Start nothing."""
        super().__init__(job)
        self.teacher = Teacher(self._teach, "another interpreter")
        self._lessons: dict[int, list[Lesson]] = {}

    def hand_over(self, worker: int, chunk: Chunk, items: Sequence[Any], number: int) -> None:
        """Put it into the thread's inbox, with what the interpreter has to learn or forget first."""
        self._threads[worker].inbox.put(Order(chunk, items, number, tuple(self._lessons.pop(worker, ()))))

    def _teach(self, worker: int, number: int, packed: bytes | None) -> None:
        # To go in for each lesson would cost as much as a chunk.
        self._lessons.setdefault(worker, []).append((number, packed))


@frozen
class Order:
    """What a worker's thread finds in its inbox."""

    chunk: Chunk
    items: Sequence[Any]
    number: int = 0
    """Of the function; 0: the job's own."""
    lessons: tuple[Lesson, ...] = ()


class Host(WorkerThread):
    """A worker's thread, which goes in and out of its interpreter."""

    def __init__(self, worker: int, job: Job, outbox: Outbox, packed: bytes) -> None:
        """Start nothing; ``packed`` is the job as it travels."""
        super().__init__(worker, job, outbox)
        self._packed = packed
        # A byte that the interpreter reads between two items.
        self._flag = bytearray(1)
        self._mail = Mail()
        self._said: list[guest.Said] = []

    def begin(self) -> None:
        """Start the thread, and see to it at the program's end."""
        _hosts.add(self.thread)
        super().begin()

    def retire(self) -> None:
        """Begin no further item."""
        self._flag[0] = 1
        super().retire()

    def say_again(self) -> None:
        """Print here what was printed there, in the caller's thread."""
        while self._said:
            for name, words in zip(guest.STREAMS, self._said.pop(0), strict=True):
                if words:
                    getattr(sys, name).write(words)

    def _serve(self) -> None:
        interpreters: Any = import_module("concurrent.interpreters")
        try:
            interpreter = interpreters.create()
        except Exception as error:  # noqa: BLE001 - out of memory, or whatever the system refuses
            told = WorkerStartError(f"an interpreter could not be started ({show_error(error)}); use fewer workers")
            self._outbox.put(WorkerLost(self.worker, told))
            return
        try:
            self._live(interpreter)
        except interpreters.InterpreterError as error:
            story = f"the interpreter of worker {self.worker} failed: {show_error(error)}"
            self._outbox.put(WorkerFailed(InternalError(story)))
        finally:
            interpreter.close()
            _hosts.discard(self.thread)

    def _live(self, interpreter: Interpreter) -> None:
        interpreter.exec(_boot())
        greeting = interpreter.call(guest.begin, self._packed, memoryview(self._flag), _heard())
        said, problem = open_greeting(greeting)
        self._said.append(said)
        if problem is not None:
            self._outbox.put(WorkerFailed(problem))
            return
        self._outbox.put(WorkerReady(self.worker))
        # Nothing of a chunk is held while the next is waited for.
        while (order := self.inbox.get()) is not None and not self._flag[0]:
            self._take_in(interpreter, order)
            del order
        interpreter.call(guest.end)

    def _take_in(self, interpreter: Interpreter, order: Order) -> None:
        chunk, items = order.chunk, order.items
        message, size = self._mail.pack(chunk.start, items, heard=_heard(), number=order.number, lessons=order.lessons)
        # With a timeout, an item is alone in its chunk.
        self.on = (chunk.start, time.monotonic())
        reply = interpreter.call(guest.run, message)
        self.on = None
        if not reply:
            return
        said, outcome = self._mail.open(reply, len(items), size)
        self._said.append(said)
        self._outbox.put(ChunkDone(self.worker, chunk.id, outcome))


def _boot() -> str:
    """Give the code that makes a new interpreter find what is found here, and load no more than it needs."""
    path = [entry for entry in list[object](sys.path) if isinstance(entry, str)]
    return f"import sys; sys.path[:] = {path!r}; sys._xoptions['poolwise-worker'] = True"


def _heard() -> tuple[bool, ...]:
    """Say which streams somebody has redirected here; an interpreter's own go where the process's go."""
    return tuple(getattr(sys, name) is not getattr(sys, f"__{name}__") for name in guest.STREAMS)


# --- The end of the program ----------------------------------------------------------------------------------

_hosts: set[threading.Thread] = set()


@atexit.register
def _leave() -> None:
    """Let interpreters that were told to end do so; CPython warns of those that are deep in an item given up before."""
    deadline = time.monotonic() + END_PATIENCE_S
    for thread in [*_hosts]:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in [*_hosts]):
        warnings.filterwarnings("ignore", "remaining subinterpreters", RuntimeWarning)
