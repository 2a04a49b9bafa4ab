"""Event-loop concurrency for coroutine functions: each worker is a slot in which one task runs at a time.

The loop is the caller's own where there is one (``amap``: sessions and locks made there keep working), else one that
runs in a thread of ours, so that it works under a running loop (a notebook) too.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import Any

from poolwise.backends.outbox import Outbox, drain
from poolwise.backends.protocol import Backend, Hear, InThisProcess
from poolwise.errors import InitializerError
from poolwise.model.events import Chunk, ChunkDone, Event, Outcome, WorkerFailed, WorkerReady
from poolwise.model.units import Seconds
from poolwise.work import dispatch
from poolwise.work.chunk_async import ASYNCIO, Manner, run_chunk_async
from poolwise.work.cuttable import MOST_CUTTABLE, AtWork, Cuttable
from poolwise.work.job import Job
from poolwise.work.streams import own_streams

# How long an aborted run waits for its event loop: a task that never awaits cannot be ended.
ABORT_PATIENCE_S = 0.5
# In the caller's own loop, what tasks do at their end uses what is the caller's, who closes it next.
CLEAN_UP_PATIENCE_S = 5.0


def create(job: Job) -> Backend:
    """Make the backend of the caller's event loop, or of one of our own; nothing starts yet."""
    if job.event_loop is None or isinstance(job.event_loop, asyncio.AbstractEventLoop):
        return CoroutinesBackend(job)
    from poolwise.backends.trio_tasks import TrioBackend  # noqa: PLC0415 - only where the caller is inside of trio

    return TrioBackend(job, job.event_loop)


class CoroutinesBackend(InThisProcess):
    """Runs chunks as tasks of an event loop."""

    manner: Manner = ASYNCIO

    def __init__(self, job: Job) -> None:
        """Start nothing."""
        self._job = job
        self._outbox: Outbox = queue.SimpleQueue()
        self._news: list[Event] = []
        self._tasks: set[asyncio.Task[Any] | None] = set()
        self._own: LoopThread | None = None
        self._ready = False
        self._starting: list[int] = []
        self._orders: list[tuple[int, Chunk, Sequence[Any]]] = []
        self._dispatching = False
        self._hear: Hear | None = None
        self._telling_thread: int | None = None
        """The loop's thread while it tells what has happened, and may be given orders there."""
        self.running: AtWork | None = None
        """What the first task runs now, where some of it may be taken away."""
        self._loop = job.event_loop if isinstance(job.event_loop, asyncio.AbstractEventLoop) else None
        # Tasks see the caller's context variables, as they would in a loop of the caller's.
        self._context = contextvars.copy_context()

    def start(self, worker: int) -> None:
        """Make a slot; the first one starts the event loop where the caller has none."""
        self._open()
        if self._job.seed is not None and not self._dispatching:
            self._dispatching = True
            dispatch.begin()
        self._starting.append(worker)

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Have a task made that runs the chunk."""
        self._orders.append((worker, chunk, items if items is not None else ()))

    def flush(self) -> None:
        """Hand all orders to the loop's thread, which is woken once for them if this is another one."""
        if not (self._starting or self._orders):
            return
        starting, self._starting = self._starting, []
        orders, self._orders = self._orders, []
        if self._telling_thread == threading.get_ident():
            self._take_orders(starting, orders)
            return
        self._call_there(self._take_orders, starting, orders)

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Read what the tasks have finished."""
        return drain(self._outbox, timeout_s)

    def tell_there(self, hear: Hear) -> bool:
        """Tell it in the loop's thread: waking another for each short item would cost more than they do."""
        self._hear = hear
        return True

    def wake(self) -> None:
        """Put a nothing into the outbox."""
        self._outbox.put(None)

    def close(self, *, abort: bool) -> None:
        """Cancel the tasks that still run and wait for what they do at their end; then end our own loop."""
        # Who hears gives no more orders: what runs now is all that is to be cancelled.
        self._hear = None
        if abort:
            # A task that does not listen goes on; the caller does not wait for it for ever.
            self._end_tasks(CLEAN_UP_PATIENCE_S if self._own is None else ABORT_PATIENCE_S)
        if self._own is not None:
            self._own.end(ABORT_PATIENCE_S if abort else None)
        if self._dispatching:
            self._dispatching = False
            dispatch.end()

    # --- What an event loop of another library does in another way ---------------------------------------------

    def _open(self) -> None:
        """Start a loop, unless there is one."""
        if self._loop is None:
            self._own = LoopThread()
            self._loop = self._own.begin()

    def _call_there(self, function: Callable[..., object], *args: object) -> None:
        """Have it called in the loop's thread, from any thread, in the caller's context."""
        assert self._loop is not None  # noqa: S101 - there was a start; for the type checker
        self._loop.call_soon_threadsafe(function, *args, context=self._context)

    def _call_next(self, function: Callable[[], object]) -> None:
        """Have it called in the loop's next turn, in the caller's context; in the loop's thread."""
        asyncio.get_running_loop().call_soon(function, context=self._context)

    def _spawn(self, worker: int, chunk: Chunk, items: Sequence[Any]) -> None:
        """Run a chunk as a task; in the loop's thread."""
        task = asyncio.get_running_loop().create_task(self._run(worker, chunk, items))
        # An eager one (``asyncio.eager_task_factory``) may have come to its end within.
        if not task.done():
            self._tasks.add(task)

    def _end_tasks(self, patience_s: Seconds) -> None:
        """Cancel all tasks, and wait for their end."""
        if self._loop is None or not self._loop.is_running():
            return
        ending = asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop)
        with contextlib.suppress(TimeoutError, CancelledError):
            ending.result(patience_s)

    async def _cancel_all(self) -> None:
        tasks = tuple(filter(None, self._tasks))
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, worker: int, chunk: Chunk, items: Sequence[Any]) -> None:
        try:
            await self._work(worker, chunk, items)
        finally:
            # A callback for that would take a turn of the loop of its own.
            self._tasks.discard(asyncio.current_task())

    # --- In the loop's thread ----------------------------------------------------------------------------------

    def _take_orders(self, starting: list[int], orders: list[tuple[int, Chunk, Sequence[Any]]]) -> None:
        for worker in starting:
            self._initialize(worker)
        for order in orders:
            self._spawn(*order)

    def _initialize(self, worker: int) -> None:
        """Call the initializer for the first slot; the others follow once it has succeeded."""
        try:
            if worker == 0:
                self._job.initialize()
                self._ready = True
        except InitializerError as error:
            self._outbox.put(WorkerFailed(error))
        if self._ready:
            self._outbox.put(WorkerReady(worker))

    def _tell(self, event: Event) -> None:
        """Tell what was finished together with all that is finished in the same turn of the loop.

        Each telling wakes the driver, which then wants the GIL: with many short items, waking costs more than they do.
        """
        if not self._news:
            # In the caller's context: the tasks that are begun there see what the caller has set, not this task.
            self._call_next(self._tell_all)
        self._news.append(event)

    def _tell_all(self) -> None:
        news, self._news = self._news, []
        # Read once: the driver's thread takes it away when the run ends.
        hear = self._hear
        if hear is not None and self._takes_in(hear, news):
            return
        for event in news:
            self._outbox.put(event)

    def _takes_in(self, hear: Hear, news: list[Event]) -> bool:
        self._telling_thread = threading.get_ident()
        try:
            return hear(news)
        finally:
            self._telling_thread = None

    async def _work(self, worker: int, chunk: Chunk, items: Sequence[Any]) -> None:
        # One item by itself needs less; of hundreds under way, each layer is paid for each.
        alone = len(items) == 1 and self._job.seed is None
        outcome = (
            run_chunk_async(self._job.call, items, self._job.rules, manner=self.manner)
            if alone
            else self._outcome(worker, chunk, items)
        )
        self._tell(ChunkDone(worker, chunk.id, await outcome))

    async def _outcome(self, worker: int, chunk: Chunk, items: Sequence[Any]) -> Outcome:
        begin = own_streams(self._job.seed, chunk.start)
        given: Sequence[Any] | Cuttable = items
        if worker == 0 and 1 < len(chunk) <= MOST_CUTTABLE:
            given = Cuttable(items)
            self.running = AtWork(chunk, given)
        outcome = await run_chunk_async(self._job.call, given, self._job.rules, begin=begin, manner=self.manner)
        if worker == 0:
            self.running = None
        return outcome


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        """Start nothing."""
        self._started: queue.SimpleQueue[asyncio.AbstractEventLoop] = queue.SimpleQueue()
        context = contextvars.copy_context()
        self.thread = threading.Thread(target=context.run, args=(self._serve,), name="poolwise-asyncio", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = False

    def begin(self) -> asyncio.AbstractEventLoop:
        """Start the thread, and give its loop."""
        self.thread.start()
        self._loop = self._started.get()
        return self._loop

    def end(self, patience_s: Seconds | None) -> None:
        """End the loop, and wait for the thread."""
        self._ending = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
        self.thread.join(patience_s)

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            self._started.put(loop)
            while not self._ending:
                # A task that nobody awaits and that calls sys.exit ends the loop; the others have not finished.
                with contextlib.suppress(SystemExit, KeyboardInterrupt):
                    loop.run_forever()
