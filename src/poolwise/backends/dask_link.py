"""Messages to the processes of a Dask cluster, and back. It imports nothing of Dask's: it is given a client.

Messages are tasks of Dask's that may run in one process only, that of their worker's seat. So Dask's scheduler moves
none of them, and runs none a second time somewhere else: what a process that dies has not answered is given out again
by our own scheduler, which knows what a death means.

What a task has returned stays in the process that made it until it is fetched. Fetching takes a round trip, in the
client's own event loop, and many that ended together are fetched together.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future as Promise
from typing import Any, TypeAlias

from poolwise.backends.cluster import SEAT_PATIENCE_S, Answered, Broken, Gone, News, Seated, Unseated, clock_ahead_s
from poolwise.backends.dask_news import Client, hub_of, threads_of
from poolwise.errors import WorkerStartError
from poolwise.model.classes import field, frozen, mutable
from poolwise.model.units import Seconds
from poolwise.work import resident
from poolwise.work.call import show_error

Future: TypeAlias = Any

# Whoever has no seat yet is looked after so often; a process that a nanny starts anew is there within a second or two.
LOOK_EVERY_S: Seconds = 0.2
# ... and whether the scheduler is still there, so often.
CHECK_EVERY_S: Seconds = 1.0
# At the end of a run that is broken off, processes are told so; one that does not answer keeps nobody for longer.
LEAVE_PATIENCE_S: Seconds = 2.0


@mutable
class Process:
    """A process of the cluster, and what is with it."""

    address: str
    threads: int
    workers: set[int] = field(default_factory=set)
    """Those that have their seat here."""
    greeting: bytes | None = None
    under_way: dict[int, tuple[int, Future]] = field(default_factory=dict)
    """Messages that are being answered, by number: whose, and its future."""
    held: deque[Order] = field(default_factory=deque)
    """Messages that wait, because one of them is to be alone."""
    alone: bool = False
    """The one that is under way is to be alone."""


@frozen
class Order:
    """A message on its way."""

    worker: int
    number: int
    message: bytes
    alone: bool


@frozen
class Ended:
    """A note: the task behind a message has ended, in whatever way."""

    address: str
    number: int


@frozen
class Left:
    """A note: a process is gone."""

    address: str


@frozen
class Fetched:
    """A note: what came of messages is here; of those that are missing, nothing ever will."""

    address: str
    replies: dict[int, bytes]
    wanted: tuple[int, ...]
    problem: str = ""


BEGIN = 0
"""In the place of a message's number: that the process begins the run."""
NOBODY = -1
"""In the place of its worker's number."""


class DaskLink:
    """Messages to the processes of a Dask cluster, and back."""

    library = "Dask"

    def __init__(self, client: Client, outbox: queue.SimpleQueue[Any], *, ours: bool) -> None:
        """Send nothing yet; a client that is ``ours`` is closed at the end of the run."""
        self._client, self._outbox, self._ours = client, outbox, ours
        self._run_id = f"poolwise-{uuid.uuid4().hex[:12]}"
        self._packed = b""
        self._processes: dict[str, Process] = {}
        self._process_of: dict[int, Process] = {}
        self._waiting: dict[int, Seconds] = {}
        self._looked_at: Seconds = -CHECK_EVERY_S
        self._begun_at: dict[str, Seconds] = {}
        self._listening: dict[str, Callable[[], None]] = {}
        self._broken = False

    @property
    def tick_s(self) -> Seconds:
        """More often while somebody has no seat."""
        return LOOK_EVERY_S if self._waiting else CHECK_EVERY_S

    def seat(self, worker: int, packed: bytes) -> None:
        """Put the worker in line for a seat; ``gather`` finds it one."""
        self._packed = packed
        self._waiting[worker] = time.monotonic()
        self._outbox.put(None)

    def unseat(self, worker: int) -> None:
        """Give up its seat."""
        self._waiting.pop(worker, None)
        process = self._process_of.pop(worker, None)
        if process is not None:
            process.workers.discard(worker)

    def send(self, worker: int, number: int, message: bytes, *, alone: bool) -> None:
        """Send it, or hold it until nothing else, or nothing that is to be alone, is in its process."""
        process = self._process_of.get(worker)
        if process is not None:
            process.held.append(Order(worker, number, message, alone))
            self._send_held(process)

    def _send_held(self, process: Process) -> None:
        while process.held and not process.alone:
            order = process.held[0]
            if order.alone and process.under_way:
                return
            process.held.popleft()
            process.alone = order.alone
            future = self._submit(process.address, order.number, resident.run, self._run_id, order.message)
            process.under_way[order.number] = order.worker, future

    def _submit(self, address: str, number: int, function: Callable[..., Any], *args: object) -> Future:
        future = self._client.submit(
            function,
            *args,
            key=f"{self._run_id}-{address}-{number}-{uuid.uuid4().hex[:6]}",
            workers=[address],
            allow_other_workers=False,
            pure=False,
        )
        ended = Ended(address, number)
        future.add_done_callback(lambda _: self._outbox.put(ended))
        return future

    # --- What has happened ------------------------------------------------------------------------------------

    def gather(self, notes: Sequence[Any]) -> list[News]:
        """Read the notes, and look for seats."""
        news: list[News] = []
        ended: dict[str, list[int]] = {}
        for note in notes:
            match note:
                case Ended(address, number):
                    ended.setdefault(address, []).append(number)
                case Fetched():
                    news += self._fetched(note)
                case Left(address):
                    news += self._left(address, "has lost its process on the Dask cluster")
        for address, numbers in ended.items():
            self._fetch(address, numbers)
        return news + self._look()

    def _fetch(self, address: str, numbers: list[int]) -> None:
        """Have the client's event loop get what came of them."""
        process = self._processes.get(address)
        if process is None:
            return
        futures = {number: process.under_way[number][1] for number in numbers if number in process.under_way}
        wanted = tuple(futures)
        coming = asyncio.run_coroutine_threadsafe(_get(self._client, futures), self._client.loop.asyncio_loop)
        coming.add_done_callback(functools.partial(self._note_fetched, address, wanted))

    def _note_fetched(self, address: str, wanted: tuple[int, ...], came: Promise[dict[int, bytes]]) -> None:
        error = None if came.cancelled() else came.exception()
        replies = {} if came.cancelled() or error is not None else came.result()
        self._outbox.put(Fetched(address, replies, wanted, "" if error is None else show_error(error)))

    def _fetched(self, note: Fetched) -> list[News]:
        process = self._processes.get(note.address)
        if process is None:
            return []
        news: list[News] = []
        for number in note.wanted:
            if number not in process.under_way:
                continue
            worker, future = process.under_way.pop(number)
            if number not in note.replies:
                return [*news, *self._unanswered(process, number, future, note.problem)]
            future.release()
            if number == BEGIN:
                news += self._greeted(process, note.replies[number])
            else:
                news.append(Answered(worker, number, note.replies[number]))
        process.alone = process.alone and bool(process.under_way)
        self._send_held(process)
        return news

    def _greeted(self, process: Process, reply: Any) -> list[News]:  # noqa: ANN401 - what resident.begin gives
        greeting, there_s = reply
        process.greeting = greeting
        ahead_s = clock_ahead_s(self._begun_at.pop(process.address), there_s)
        return [Seated(worker, greeting, ahead_s) for worker in sorted(process.workers)]

    def _unanswered(self, process: Process, number: int, future: Future, problem: str) -> list[News]:
        """A message got no answer although its process lives: what runs there could not be run at all."""
        error = future.exception(timeout=LOOK_EVERY_S) if future.status == "error" else None
        if error is None:
            return self._left(process.address, f"got no answer from the Dask cluster (its task was {future.status})")
        what = show_error(error) or problem
        if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "poolwise":
            what = "the process at " + process.address + " cannot import poolwise: install it on the cluster's workers"
        return [Broken(WorkerStartError(f"nothing can be run on the Dask cluster: {what}"))]

    def _left(self, address: str, why: str) -> list[News]:
        process = self._processes.pop(address, None)
        if process is None:
            return []
        self._stop_listening(address)
        # Nobody else may run them, and they would wait there for good.
        self._cancel([future for _, future in process.under_way.values()])
        busy = {worker for worker, _ in process.under_way.values()}
        for worker in process.workers:
            del self._process_of[worker]
        where = f"{why} ({address})"
        return [Gone(worker, where, idle=worker not in busy) for worker in sorted(process.workers)]

    # --- Seats ------------------------------------------------------------------------------------------------

    def _look(self) -> list[News]:
        now = time.monotonic()
        if self._broken or now - self._looked_at < (0 if self._waiting else CHECK_EVERY_S):
            return []
        self._looked_at = now
        if self._client.status != "running":
            self._broken = True
            return [Broken(WorkerStartError(f"the Dask scheduler is gone (the client is {self._client.status})"))]
        unproven = [address for address, process in self._processes.items() if process.greeting is None]
        if not self._waiting and not unproven:
            return []
        seats = threads_of(self._client)
        news: list[News] = []
        for address in unproven:
            # It was gone before anybody listened.
            if address not in seats:
                news += self._left(address, "has lost its process on the Dask cluster")
        for worker, since in tuple(self._waiting.items()):
            process = self._find_process(seats)
            if process is not None:
                del self._waiting[worker]
                process.workers.add(worker)
                self._process_of[worker] = process
                if process.greeting is not None:
                    news.append(Seated(worker, process.greeting))
            elif now - since > SEAT_PATIENCE_S:
                del self._waiting[worker]
                why = f"found no process on the Dask cluster within {SEAT_PATIENCE_S:g} s: start some Dask workers"
                news.append(Unseated(worker, why))
        return news

    def _find_process(self, seats: dict[str, int]) -> Process | None:
        """Find the process with most room, and have it begin."""

        def room(address: str) -> float:
            process = self._processes.get(address)
            return (len(process.workers) if process is not None else 0) / seats[address]

        address = min((each for each in seats if seats[each] > 0), key=room, default=None)
        if address is None:
            return None
        if address not in self._processes:
            self._listen(address)
            process = self._processes[address] = Process(address, seats[address])
            self._begun_at[address] = time.perf_counter()
            future = self._submit(address, BEGIN, resident.begin, self._run_id, self._packed)
            process.under_way[BEGIN] = NOBODY, future
        return self._processes[address]

    def _listen(self, address: str) -> None:
        self._listening[address] = hub_of(self._client).listen(address, lambda: self._outbox.put(Left(address)))

    def _stop_listening(self, address: str) -> None:
        if (stop := self._listening.pop(address, None)) is not None:
            stop()

    # --- The end ----------------------------------------------------------------------------------------------

    def close(self, *, abort: bool) -> None:
        """Cancel what is under way, and have every process forget the run."""
        futures = [future for process in self._processes.values() for _, future in process.under_way.values()]
        addresses = list(self._processes)
        self._processes.clear()
        self._process_of.clear()
        self._waiting.clear()
        for address in addresses:
            self._stop_listening(address)
        if self._client.status == "running":
            self._cancel(futures)
            self._leave(addresses, wait=abort or self._ours)

    def _leave(self, addresses: list[str], *, wait: bool) -> None:
        """Have processes forget the run. Where the client may be gone in a moment, ``wait`` until they have."""
        if not addresses:
            return
        # As Client.run() does it, which waits for as long as it takes.
        leaving = self._client._run(resident.leave, self._run_id, workers=addresses, on_error="ignore")  # noqa: SLF001
        left = asyncio.run_coroutine_threadsafe(leaving, self._client.loop.asyncio_loop)
        if wait:
            with contextlib.suppress(TimeoutError, OSError):
                left.result(LEAVE_PATIENCE_S)

    def _cancel(self, futures: list[Future]) -> None:
        if futures:
            self._client.cancel(futures, force=True)


async def _get(client: Client, futures: dict[int, Future]) -> dict[int, bytes]:
    """Fetch what can be fetched."""
    got: dict[int, bytes] = await client._gather(futures, errors="skip")  # noqa: SLF001 - gather() in the client's own loop
    return got
