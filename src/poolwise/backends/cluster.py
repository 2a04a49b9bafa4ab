"""Workers on a cluster that somebody else runs: what its two libraries (``dask.py``, ``ray.py``) have in common.

A worker is a *seat*: a place in a process of the cluster where one chunk runs at a time. Which process that is, how a
chunk travels there and how its result comes back is the business of a *link*, one for each library; what a process does
with a chunk stands in ``work/resident.py``. The cluster's own scheduler is asked for no decision: every seat stands in
a process that is known, so that a death is known to have been there.

Who a death is to blame for is found as everywhere (``run/inquest.py``): the items of the chunk in work are sent again
as a marked chunk. Nothing on a cluster outlives a process that could hold marks, so that the items of a marked chunk
are sent one by one, and the next death names its item.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from poolwise.backends.outbox import drain
from poolwise.backends.protocol import Hear
from poolwise.errors import FunctionShippingError, InternalError, WorkerDiedError, WorkerStartError
from poolwise.model.classes import field, frozen, mutable, replace
from poolwise.model.events import NOTHING_BEGUN, Chunk, ChunkDone, Event, Outcome, WorkerFailed, WorkerLost, WorkerReady
from poolwise.model.units import Bytes, Seconds
from poolwise.work.chunk import late
from poolwise.work.host import Mail, open_greeting, pack_job
from poolwise.work.job import Job


@frozen
class Seated:
    """A worker has its seat; what its process said at first, and how far its clock is ahead of ours."""

    worker: int
    greeting: bytes
    ahead_s: Seconds = 0.0


@frozen
class Answered:
    """What came of the message with this number; empty where nobody was to be answered any more."""

    worker: int
    number: int
    reply: bytes


@frozen
class Gone:
    """A worker's process is gone, or the way to it."""

    worker: int
    why: str
    """The rest of a sentence that begins with the worker."""
    idle: bool = False
    """Nothing of this worker's was under way in the process: what it was to do waited for a turn there."""


@frozen
class Overdue:
    """A worker's item was late, and its process was killed for that."""

    worker: int
    number: int
    limit_s: Seconds
    took_s: Seconds


@frozen
class Unseated:
    """A worker got no seat: the cluster has no room, or the process could not begin."""

    worker: int
    why: str
    """A sentence, with what to do."""


@frozen
class Broken:
    """No worker can ever be had: the run is over."""

    error: BaseException


News: TypeAlias = Seated | Answered | Gone | Overdue | Unseated | Broken


class Link(Protocol):
    """What a cluster's library does for a run. Its methods return at once, except ``gather`` and ``close``."""

    library: str
    """Its name, for people."""

    def seat(self, worker: int, packed: bytes) -> None:
        """Find a seat for a worker, and have its process begin the job."""
        ...

    def send(self, worker: int, number: int, message: bytes, *, alone: bool) -> None:
        """Have a message answered in a worker's seat; ``alone``: with nothing else of ours in its process meanwhile."""
        ...

    def unseat(self, worker: int) -> None:
        """A worker gets nothing more, and has nothing to do."""
        ...

    def gather(self, notes: Sequence[Any]) -> list[News]:
        """Make news of the notes that the library has put into the outbox; more than one, or none, may come of one."""
        ...

    @property
    def tick_s(self) -> Seconds | None:
        """So often ``gather`` is to be called, whether there are notes or not; None: it need not be."""
        ...

    def close(self, *, abort: bool) -> None:
        """Let go of everything in the cluster. With ``abort``, what is under way there is to end as soon as it can."""
        ...


# While a cluster has no place for a worker, one is waited for so long: batch systems and clouds take minutes to give
# one, but a person who has started none, or whose CPUs are all taken, wants to be told.
SEAT_PATIENCE_S: Seconds = 60.0
# A cluster that does not answer within so long is busy with others, or gone; a process that has to be started there, to
# import Poolwise, takes 3 s on a busy machine.
TRIP_PATIENCE_S: Seconds = 5.0
# So many round trips are timed, and the quickest counts.
TRIPS = 4


class Connection(Protocol):
    """The way to a cluster: one class for each library, made by its ``connect``."""

    def seats(self) -> int:
        """Count the seats that the cluster has now."""
        ...

    def round_trip_s(self) -> Seconds:
        """Measure what it takes to have nothing done there.

        Raises TimeoutError, OSError or WorkerStartError where nothing comes back.
        """
        ...

    @property
    def here(self) -> bool:
        """All of it is on this machine."""
        ...

    def link(self, outbox: queue.SimpleQueue[Any]) -> Link:
        """Make a link for a run."""
        ...

    def close(self) -> None:
        """Close what was opened here; a connection of the caller's stays."""
        ...


def shortest_trip_s(trip: Callable[[], object]) -> Seconds:
    """Time a round trip: the shortest of some, the first of which has the process there import Poolwise."""
    taken = []
    for _ in range(TRIPS):
        begun = time.perf_counter()
        trip()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def clock_ahead_s(asked_at: Seconds, there_s: Seconds) -> Seconds:
    """Say how far another process's clock is ahead, which was asked at ``asked_at`` by ours and has just answered.

    One machine has one clock for all processes; another's is known as well as the message was quick.
    """
    now_s = time.perf_counter()
    return 0.0 if asked_at <= there_s <= now_s else there_s - now_s


def own_addresses() -> frozenset[str]:
    """Give the addresses of this machine."""
    import psutil  # noqa: PLC0415 - other interpreters cannot load it

    return frozenset(each.address for given in psutil.net_if_addrs().values() for each in given) | {"localhost"}


@mutable
class Letter:
    """A chunk with a worker."""

    chunk: Chunk
    items: Sequence[Any]
    done: int = 0
    """Items, from the first on, that have been answered."""
    sizes: dict[int, tuple[int, Bytes]] = field(default_factory=dict)
    """What is under way: number of the message, how many items it has and what they take."""


@mutable
class Seat:
    """A worker, as it is known here."""

    letters: deque[Letter] = field(default_factory=deque)
    ready: bool = False
    ahead_s: Seconds = 0.0


class ClusterBackend:
    """Runs chunks in the seats of a cluster."""

    def __init__(
        self, job: Job, link: Link, outbox: queue.SimpleQueue[Any], *, closes: Callable[[], None] | None = None
    ) -> None:
        """Start nothing; the link puts its notes into ``outbox``, and what ``closes`` is called at the end."""
        self._job, self._link, self._outbox, self._closes = job, link, outbox, closes
        self._mail = Mail()
        self._packed: bytes | None = None
        self._seats: dict[int, Seat] = {}
        self._numbers = 0

    def start(self, worker: int) -> None:
        """Look for a seat."""
        if self._packed is None:
            try:
                self._packed = pack_job(self._job, f"the workers of the {self._link.library} cluster")
            except FunctionShippingError as error:
                self._outbox.put(Broken(error))
                return
        self._seats[worker] = Seat()
        self._link.seat(worker, self._packed)

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Send a chunk to its seat; a marked one item by item, each once the one before it has been answered."""
        if items is None:
            raise InternalError("a cluster has no items that it could have inherited")
        letters = self._seats[worker].letters
        letters.append(Letter(chunk, items))
        self._post_next(worker, letters)

    def _post_next(self, worker: int, letters: deque[Letter]) -> None:
        """Post what may be with the process now: who is marked has no other of the same seat beside it.

        What a process has answered just before it dies may be lost with it: of two messages, it is not known which it
        was on.
        """
        for place, letter in enumerate(letters):
            if place and (letter.chunk.marked or letters[0].chunk.marked):
                return
            if not letter.sizes:
                self._post(worker, letter)

    def _post(self, worker: int, letter: Letter) -> None:
        marked = letter.chunk.marked
        items = letter.items[letter.done : letter.done + 1] if marked else letter.items
        message, size = self._mail.pack(letter.chunk.start + letter.done, items)
        self._numbers += 1
        letter.sizes[self._numbers] = len(items), size
        self._link.send(worker, self._numbers, message, alone=marked)

    def flush(self) -> None:
        """Do nothing: orders go out at once."""

    def inherits_items(self, worker: int) -> bool:
        """Say no: everything travels."""
        return False

    def take_back(self, worker: int, *, whole: bool = False) -> None:
        """Refuse: the table says that nothing can be taken back."""
        raise InternalError(f"worker {worker} of a {self._link.library} cluster was asked to give something back")

    def end(self, worker: int) -> None:
        """Give up the seat."""
        self._link.unseat(worker)

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Read what the link has noted, and have it looked after."""
        tick_s = self._link.tick_s
        if tick_s is not None:
            timeout_s = tick_s if timeout_s is None else min(timeout_s, tick_s)
        notes = drain(self._outbox, timeout_s)
        told = [note for note in notes if isinstance(note, News)]
        others = [note for note in notes if not isinstance(note, News)]
        news = [*told, *self._link.gather(others)]
        return [event for each in news for event in self._events_of(each)]

    def tell_there(self, hear: Hear) -> bool:
        """Say no: what happens is told by ``wait``."""
        return False

    def wake(self) -> None:
        """Put a nothing into the outbox."""
        self._outbox.put(None)

    def close(self, *, abort: bool) -> None:
        """Let go of the cluster."""
        self._seats.clear()
        try:
            self._link.close(abort=abort)
        finally:
            if self._closes is not None:
                self._closes()

    # --- What has happened ------------------------------------------------------------------------------------

    def _events_of(self, news: News) -> list[Event]:
        if isinstance(news, Broken):
            return [WorkerFailed(news.error)]
        seat = self._seats.get(news.worker)
        if seat is None:
            # It is gone already; or all is over.
            return []
        match news:
            case Seated():
                return [self._seated(seat, news)]
            case Answered():
                return self._answered(seat, news)
            case _:
                del self._seats[news.worker]
                return [self._lost(seat, news)]

    def _lost(self, seat: Seat, news: Gone | Overdue | Unseated) -> Event:
        match news:
            case Gone():
                return self._gone(seat, news)
            case Overdue():
                return self._overdue(seat, news)
            case Unseated(worker, why):
                return WorkerLost(worker, WorkerStartError(f"worker {worker} {why}"))

    def _seated(self, seat: Seat, news: Seated) -> Event:
        _, problem = open_greeting(news.greeting)
        if problem is not None:
            return WorkerFailed(problem)
        seat.ready, seat.ahead_s = True, news.ahead_s
        return WorkerReady(news.worker)

    def _answered(self, seat: Seat, news: Answered) -> list[Event]:
        letter = next((each for each in seat.letters if news.number in each.sizes), None)
        if letter is None:
            return []
        if not news.reply:
            # As if it had died: whoever runs there now knows nothing of this run.
            self._link.unseat(news.worker)
            del self._seats[news.worker]
            forgot = WorkerDiedError(
                f"the process of worker {news.worker} has forgotten this run; was it started anew?"
            )
            return [WorkerLost(news.worker, forgot, NOTHING_BEGUN)]
        count, size = letter.sizes.pop(news.number)
        _, outcome = self._mail.open(news.reply, count, size)
        # By our clock.
        outcome = replace(outcome, ended_s=outcome.ended_s - seat.ahead_s)
        letter.done += count
        more = letter.chunk.marked and letter.done < len(letter.chunk) and not self._stops(outcome)
        if not more:
            seat.letters.remove(letter)
        self._post_next(news.worker, seat.letters)
        return [ChunkDone(news.worker, letter.chunk.id, outcome, more=more)]

    def _overdue(self, seat: Seat, news: Overdue) -> Event:
        letter = next(each for each in seat.letters if news.number in each.sizes)
        error = late(news.limit_s, news.took_s, "; its worker was ended")
        return WorkerLost(news.worker, error, letter.chunk.start + letter.done, guilty=True)

    def _stops(self, outcome: Outcome) -> bool:
        return bool(outcome.errors) and self._job.rules.stop_at_error

    def _gone(self, seat: Seat, news: Gone) -> Event:
        letter = seat.letters[0] if seat.letters else None
        if not seat.ready:
            return WorkerLost(news.worker, WorkerStartError(f"worker {news.worker} {news.why}"))
        index = letter.chunk.start + letter.done if letter is not None and letter.chunk.marked else None
        if news.idle or letter is None:
            index = NOTHING_BEGUN
        on = f" on item {index}" if index is not None and index != NOTHING_BEGUN else ""
        error = WorkerDiedError(
            f"worker {news.worker} {news.why}{on}; likely causes: it ran out of memory, its machine was shut down or "
            "cut off, or C code crashed on an item. The cluster's own logs say more"
        )
        return WorkerLost(news.worker, error, index)
