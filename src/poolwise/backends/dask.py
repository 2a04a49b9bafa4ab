"""Dask: workers in the processes of a Dask cluster; the only file that imports ``distributed``, when it is first used.

Messages are tasks of Dask's that may run in one process only, that of their worker's seat. So Dask's scheduler moves
none of them, and runs none a second time somewhere else: what a process that dies has not answered is given out again
by our own scheduler, which knows what a death means. That a process is gone is an event of its address, to which every
client can listen (``Client.subscribe_topic``).

What a task has returned stays in the process that made it until it is fetched. Fetching takes a round trip, in the
client's own event loop, and many that ended together are fetched together.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import sys
import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future as Promise
from importlib import import_module
from types import ModuleType
from typing import Any, TypeAlias

from poolwise.backends.cluster import (
    TRIP_PATIENCE_S,
    Answered,
    Broken,
    Gone,
    News,
    Seated,
    Unseated,
    own_addresses,
)
from poolwise.errors import MissingExtraError, OptionError, WorkerStartError
from poolwise.model.classes import field, frozen, mutable
from poolwise.model.units import Seconds
from poolwise.work import resident
from poolwise.work.call import show_error

# What distributed defines has no annotations that mypy's strict mode would take.
Client: TypeAlias = Any
Future: TypeAlias = Any

# Whoever has no seat yet is looked after so often; a process that a nanny starts anew is there within a second or two.
LOOK_EVERY_S: Seconds = 0.2
# ... and whether the scheduler is still there, so often.
CHECK_EVERY_S: Seconds = 1.0
# A cluster without a process is waited for so long: batch systems and clouds take minutes to give one, but a person who
# has started none wants to be told.
SEAT_PATIENCE_S: Seconds = 60.0
# At the end of a run that is broken off, processes are told so; one that does not answer keeps nobody for longer.
LEAVE_PATIENCE_S: Seconds = 2.0


def connected_client() -> Client | None:
    """Give the client that this program is connected by, if it has one; imports nothing."""
    module = sys.modules.get("distributed.client")
    return None if module is None else module._get_global_client()  # noqa: SLF001 - what default_client() asks, without its error


def find_client(cluster: object) -> tuple[Client, bool]:
    """Give the client that is meant by the option ``cluster``, and whether it is ours to close.

    Raises OptionError, MissingExtraError, WorkerStartError.
    """
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise MissingExtraError("backend='dask' needs distributed: pip install 'poolwise[dask]' brings it") from error
    client: Client
    if cluster is None:
        client = connected_client()
        if client is None:
            raise OptionError(
                "backend='dask' has no cluster: make a client first (client = distributed.Client(...)), or name the "
                "scheduler's address, as in cluster='tcp://127.0.0.1:8786'"
            )
    elif isinstance(cluster, str):
        return _connect(distributed, cluster), True
    elif isinstance(cluster, distributed.Client):
        client = cluster
    else:
        raise OptionError(f"cluster={cluster!r}: write a scheduler's address, or give a distributed.Client")
    if client._asynchronous:  # noqa: SLF001 - the public property is true for any client in the event loop's thread
        # Its calls are coroutines of the program's event loop: beside that, another client is needed.
        return _connect(distributed, client.scheduler.address), True
    return client, False


def _connect(distributed: ModuleType, address: str) -> Client:
    try:
        return distributed.Client(address, set_as_default=False, name="poolwise")
    except (OSError, ValueError) as error:
        raise WorkerStartError(
            f"no Dask scheduler answers at cluster={address!r} ({show_error(error)}); is it running, and is the "
            "address what it says when it starts?"
        ) from error


class DaskConnection:
    """The way to a Dask cluster."""

    def __init__(self, client: Client, *, ours: bool) -> None:
        """Use this client, which is ``ours`` to close, or the caller's."""
        self._client, self._ours = client, ours

    def seats(self) -> int:
        """Count the threads of all processes."""
        return sum(threads_of(self._client).values())

    def round_trip_s(self) -> Seconds:
        """Measure it once for a client: the shortest of some, the first of which takes the function there."""
        if self._client not in _round_trips:
            taken = []
            for _ in range(4):
                begun = time.perf_counter()
                self._client.submit(resident.clock, pure=False).result(timeout=TRIP_PATIENCE_S)
                taken.append(time.perf_counter() - begun)
            _round_trips[self._client] = min(taken)
        return _round_trips[self._client]

    @property
    def here(self) -> bool:
        """Compare the processes' addresses with our own."""
        ours = own_addresses()
        return all(each["host"] in ours for each in _workers_of(self._client).values())

    def link(self, outbox: queue.SimpleQueue[Any]) -> DaskLink:
        """Make a link for a run."""
        return DaskLink(self._client, outbox, ours=self._ours)

    def close(self) -> None:
        """Close the client if it is ours."""
        if self._ours:
            self._client.close()


_round_trips: weakref.WeakKeyDictionary[Client, Seconds] = weakref.WeakKeyDictionary()


def connect(cluster: object) -> DaskConnection:
    """Connect to the cluster that is meant; see ``find_client`` for what it raises."""
    client, ours = find_client(cluster)
    return DaskConnection(client, ours=ours)


def threads_of(client: Client) -> dict[str, int]:
    """Give the addresses of a cluster's processes, and how many threads each has."""
    return {address: each["nthreads"] for address, each in _workers_of(client).items()}


def _workers_of(client: Client) -> dict[str, dict[str, Any]]:
    # A client that has lost its scheduler has no such entry.
    workers: dict[str, dict[str, Any]] = client.scheduler_info(n_workers=-1).get("workers", {})
    return workers


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
        begun_s, ended_s = self._begun_at.pop(process.address), time.perf_counter()
        # One machine has one clock for all processes; another's is known as well as the message was quick.
        same = begun_s <= there_s <= ended_s
        ahead_s = 0.0 if same else there_s - ended_s
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


# --- Who is gone ---------------------------------------------------------------------------------------------


class Hub:
    """Listens to what happens to processes: a client has one listener for each address, and may have several runs."""

    def __init__(self, client: Client) -> None:
        """Hear nothing yet."""
        self._client = weakref.ref(client)
        self._lock = threading.Lock()
        self._listeners: dict[str, list[Callable[[], None]]] = {}

    def listen(self, address: str, hear: Callable[[], None]) -> Callable[[], None]:
        """Call ``hear`` once the process is gone, in another thread; give what ends that."""
        with self._lock:
            if address not in self._listeners and (client := self._client()) is not None:
                client.subscribe_topic(address, functools.partial(self._tell, address))
            self._listeners.setdefault(address, []).append(hear)
        return functools.partial(self._stop, address, hear)

    def _stop(self, address: str, hear: Callable[[], None]) -> None:
        with self._lock:
            listeners = self._listeners.get(address, [])
            if hear in listeners:
                listeners.remove(hear)
            if not listeners and self._listeners.pop(address, None) is not None:
                client = self._client()
                if client is not None and client.status == "running":
                    client.unsubscribe_topic(address)

    def _tell(self, address: str, event: tuple[float, Any]) -> None:
        message = event[1]
        if isinstance(message, dict) and message.get("action") == "remove-worker":
            with self._lock:
                listeners = [*self._listeners.get(address, [])]
            for hear in listeners:
                hear()


_hubs: weakref.WeakKeyDictionary[Client, Hub] = weakref.WeakKeyDictionary()
_hubs_lock = threading.Lock()


def hub_of(client: Client) -> Hub:
    """Give the hub of a client."""
    with _hubs_lock:
        if client not in _hubs:
            _hubs[client] = Hub(client)
        return _hubs[client]
