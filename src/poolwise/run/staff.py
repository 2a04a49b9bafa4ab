"""Who works on what: the scheduler's book of workers and of the chunks that are with them."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator

from poolwise.model.events import Chunk
from poolwise.run.richest import Richest

# The book of who has the most is let go of where it holds so many entries for each worker, nearly all of them stale.
STALE = 8


class Staff:
    """Workers by number; each holds the chunks that were sent to it, in order, the first of them in work.

    Nothing that is done for each chunk looks at all workers: where there are ten thousand, that would be all that the
    parent does.
    """

    def __init__(self) -> None:
        """Begin without workers."""
        self._queues: dict[int, deque[Chunk]] = {}
        self._ready: set[int] = set()
        self._trusted: set[int] = set()
        """Not ready, and given chunks as if they were."""
        self._idle: OrderedDict[int, None] = OrderedDict()
        """In the order in which they came to have nothing to do. A deque would be searched for each that is lost."""
        self._short: OrderedDict[int, None] = OrderedDict()
        """Those that may have room for more ahead; nobody else has, of those that were asked for."""
        self._whose_room: tuple[int, int | None] | None = None
        """For which depth, and without whom."""
        self._richest: Richest | None = None
        """Kept only once somebody asks: as a rule nothing is taken back before the end."""
        self._here: int | None = None
        """Who was left out when that was asked."""
        self._asked_back: set[int] = set()
        """They were asked for what they have not begun, and have not answered yet."""
        self._cut: set[int] = set()
        self._spent: set[int] = set()
        self._benched: set[int] = set()
        self._busy = 0
        self._named = 0
        self.chunks = 0
        """Chunks that are with a worker."""

    def __len__(self) -> int:
        """Count the workers that may be given something, starting ones included."""
        return len(self._queues) - len(self._benched)

    @property
    def busy(self) -> int:
        """Workers that have something to do."""
        return self._busy

    @property
    def starting(self) -> int:
        """Workers that are not ready yet."""
        return len(self._queues) - len(self._ready)

    @property
    def any_idle(self) -> bool:
        """Somebody has nothing to do, and can be given something."""
        return bool(self._idle)

    def in_flight(self) -> Iterator[Chunk]:
        """Give the chunks that are with a worker."""
        for queue in self._queues.values():
            yield from queue

    def room(self, depth: int) -> int:
        """Count the chunks that could be sent if each worker may hold ``depth``."""
        if not self._benched:
            return depth * len(self._queues) - self.chunks
        return sum(depth - len(queue) for worker, queue in self._queues.items() if worker not in self._benched)

    def hire(self, *, at_once: bool = False) -> int:
        """Name a new worker, which is not ready yet; ``at_once``: it may be given chunks."""
        worker = self._named
        self._named += 1
        self._queues[worker] = deque()
        if at_once:
            self._trusted.add(worker)
            self._idle[worker] = None
        return worker

    def bench(self, workers: Iterable[int]) -> None:
        """Give these workers nothing more; what they have, they finish. Those that were benched before may go on."""
        before, self._benched = self._benched, {worker for worker in workers if worker in self._queues}
        for worker in self._benched:
            self._idle.pop(worker, None)
        for worker in before - self._benched:
            if not self._queues[worker] and (worker in self._ready or worker in self._trusted):
                self._idle[worker] = None
        self._richest, self._whose_room = None, None

    def bench_too(self, worker: int) -> None:
        """Give this one nothing more, either."""
        self.bench({worker, *self._benched})

    def let_go(self) -> list[int]:
        """Strike off those that have nothing to do, and name them."""
        gone = [worker for worker in self._idle if worker in self._ready]
        for worker in gone:
            self.lose(worker)
        return gone

    def has_ahead(self, worker: int) -> bool:
        """Tell whether a worker has more than it can have begun."""
        return worker in self._queues and sum(map(len, self._queues[worker])) > 1

    def arrive(self, worker: int) -> None:
        """A worker is ready."""
        self._ready.add(worker)
        if worker not in self._trusted:
            self._rest(worker)
        self._trusted.discard(worker)
        self._changed(worker)

    def next_idle(self) -> int:
        """Name the worker that has been idle for longest."""
        return next(iter(self._idle))

    def is_starting(self, worker: int) -> bool:
        """Tell whether a worker was given chunks and is not ready yet."""
        return worker in self._trusted

    def hungry(self, depth: int, here: int | None = None) -> Iterator[int]:
        """Give the workers that have a chunk in work and room for more ahead; not those that gave items back.

        Nor the one that is ``here``: it fetches the next one itself.
        """
        if self._whose_room != (depth, here):
            self._whose_room, self._short = (depth, here), OrderedDict.fromkeys(self._queues)
        while self._short:
            worker = next(iter(self._short))
            while self._has_room(worker, depth, here):
                yield worker
            del self._short[worker]

    def _has_room(self, worker: int, depth: int, here: int | None) -> bool:
        barred = worker in self._cut or worker in self._benched or worker == here
        return 0 < len(self._queues[worker]) < depth and not barred

    def richest(self, here: int | None = None) -> tuple[int, int]:
        """Give the worker with the most items, and how many; 0 items where there is none to take back.

        Not the one that is ``here``: it answers to nothing before it is done. Nor one that has not answered yet.

        One that is not ready has begun none and may never be: all of its items can be taken, so it counts one more.
        """
        if self._richest is None or here != self._here:
            self._here = here
            self._richest = Richest((worker, self._wealth(worker)) for worker in self._queues)
        return self._richest.find(self._wealth)

    def _wealth(self, worker: int) -> int:
        """Count what could be taken back from a worker, if it had begun nothing."""
        queue = self._queues.get(worker)
        barred = worker in self._spent or worker in self._asked_back or worker in self._benched
        if not queue or barred or worker == self._here:
            return 0
        items = sum(map(len, queue))
        return items + (worker in self._trusted) if items else 0

    def _changed(self, worker: int) -> None:
        """A worker has more than it had, or less."""
        if self._richest is None:
            return
        if len(self._richest) > STALE * len(self._queues):
            # Nobody has asked for long: it is made anew when somebody does.
            self._richest = None
        else:
            self._richest.note(worker, self._wealth(worker))

    def ask(self, worker: int) -> None:
        """A worker is asked for what it has not begun: up to its answer (``cut``), it is not asked again."""
        self._asked_back.add(worker)

    @property
    def is_any_asked(self) -> bool:
        """Somebody has not answered yet."""
        return bool(self._asked_back)

    def cut(self, worker: int, kept: tuple[tuple[int, int], ...]) -> list[Chunk]:
        """A worker's chunks end sooner than was thought: give the pieces that they have lost.

        Until it has answered for all of them, it is given nothing more.
        """
        self._asked_back.discard(worker)
        self._cut.add(worker)
        if not kept:
            self._spent.add(worker)
        stops, lost = dict(kept), []
        queue = self._queues.get(worker, deque())
        for place, chunk in enumerate(queue):
            stop = max(chunk.start, stops.get(chunk.id, chunk.stop))
            if stop < chunk.stop:
                lost.append(chunk.between(stop, chunk.stop))
                queue[place] = chunk.between(chunk.start, stop)
        self._changed(worker)
        return lost

    def give(self, worker: int, chunk: Chunk) -> None:
        """A chunk is sent to a worker."""
        queue = self._queues[worker]
        if not queue:
            self._busy += 1
            del self._idle[worker]
            if self._whose_room is not None:
                self._short[worker] = None
        self.chunks += 1
        queue.append(chunk)
        if self._richest is not None:
            self._changed(worker)

    def progress(self, worker: int, identity: int, count: int) -> Chunk:
        """A worker has done the first ``count`` items of a chunk and goes on: give the part that is done."""
        queue = self._queues[worker]
        place, chunk = self._find(worker, identity)
        queue[place] = chunk.between(chunk.start + count, chunk.stop)
        self._changed(worker)
        return chunk.between(chunk.start, chunk.start + count)

    def done(self, worker: int, identity: int) -> Chunk:
        """A worker has finished a chunk."""
        queue = self._queues[worker]
        place, chunk = self._find(worker, identity)
        del queue[place]
        self.chunks -= 1
        if queue:
            if self._whose_room is not None:
                self._short[worker] = None
            self._changed(worker)
        else:
            self._busy -= 1
            self._rest(worker)
            self._cut.discard(worker)
            self._spent.discard(worker)
        return chunk

    def _find(self, worker: int, identity: int) -> tuple[int, Chunk]:
        queue = self._queues[worker]
        if queue[0].id == identity:
            # As a rule: a worker does them in order.
            return 0, queue[0]
        return next((place, each) for place, each in enumerate(queue) if each.id == identity)

    def lose(self, worker: int) -> tuple[list[Chunk], bool]:
        """A worker is gone: give the chunks that were with it, and whether it had ever been ready."""
        was_ready = worker in self._ready
        self._busy -= bool(self._queues[worker])
        for book in (self._ready, self._trusted, self._asked_back, self._cut, self._spent, self._benched):
            book.discard(worker)
        self._idle.pop(worker, None)
        self._short.pop(worker, None)
        lost = list(self._queues.pop(worker))
        self.chunks -= len(lost)
        return lost, was_ready

    def _rest(self, worker: int) -> None:
        if worker not in self._benched:
            self._idle[worker] = None

    def problems(self) -> Iterator[str]:
        """Say what must not be."""
        if self._busy != sum(1 for queue in self._queues.values() if queue):
            yield f"{self._busy} workers are counted as busy"
        if self.chunks != sum(map(len, self._queues.values())):
            yield f"{self.chunks} chunks are counted as under way"
        for worker, queue in self._queues.items():
            if queue and worker in self._idle:
                yield f"worker {worker} is idle with {list(queue)}"
            if queue and worker not in self._ready | self._trusted:
                yield f"worker {worker} has chunks before it is ready"
        yield from self._forgotten()

    def _forgotten(self) -> Iterator[str]:
        """What is kept so that nobody has to look at all workers must say what one would see."""
        if self._whose_room is not None:
            for worker in self._queues:
                if self._has_room(worker, *self._whose_room) and worker not in self._short:
                    yield f"worker {worker} has room for more and is not thought of"
        if self._richest is not None:
            most = max(map(self._wealth, self._queues), default=0)
            if self._richest.find(self._wealth)[1] != most:
                yield f"somebody has {most} items and is not thought of"
