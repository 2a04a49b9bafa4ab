"""Who works on what: the scheduler's book of workers and of the chunks that are with them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from poolwise.model.events import Chunk


class Staff:
    """Workers by number; each holds the chunks that were sent to it, in order, the first of them in work."""

    def __init__(self) -> None:
        """Begin without workers."""
        self._queues: dict[int, deque[Chunk]] = {}
        self._ready: set[int] = set()
        self._trusted: set[int] = set()
        """Not ready, and given chunks as if they were."""
        self._idle: deque[int] = deque()
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
            self._idle.append(worker)
        return worker

    def bench(self, workers: Iterable[int]) -> None:
        """Give these workers nothing more; what they have, they finish. Those that were benched before may go on."""
        before, self._benched = self._benched, {worker for worker in workers if worker in self._queues}
        for worker in self._benched:
            if worker in self._idle:
                self._idle.remove(worker)
        for worker in before - self._benched:
            if not self._queues[worker] and worker in self._ready | self._trusted:
                self._idle.append(worker)

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

    def next_idle(self) -> int:
        """Name the worker that has been idle for longest."""
        return self._idle[0]

    def is_starting(self, worker: int) -> bool:
        """Tell whether a worker was given chunks and is not ready yet."""
        return worker in self._trusted

    def hungry(self, depth: int, here: int | None = None) -> Iterator[int]:
        """Give the workers that have a chunk in work and room for more ahead; not those that gave items back.

        Nor the one that is ``here``: it fetches the next one itself.
        """
        for worker, queue in self._queues.items():
            while 0 < len(queue) < depth and not (worker in self._cut or worker in self._benched or worker == here):
                yield worker

    def richest(self, here: int | None = None) -> tuple[int, int]:
        """Give the worker with the most items, and how many; 0 items where there is none to take back.

        Not the one that is ``here``: it answers to nothing before it is done.

        One that is not ready has begun none and may never be: all of its items can be taken, so it counts one more.
        """
        found, most = -1, 0
        for worker, queue in self._queues.items():
            able = queue and worker != here and not (worker in self._spent or worker in self._benched)
            if able and (count := sum(map(len, queue))):
                count += worker in self._trusted
                if count > most:
                    found, most = worker, count
        return found, most

    def cut(self, worker: int, kept: tuple[tuple[int, int], ...]) -> list[Chunk]:
        """A worker's chunks end sooner than was thought: give the pieces that they have lost.

        Until it has answered for all of them, it is given nothing more.
        """
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
        return lost

    def give(self, worker: int, chunk: Chunk) -> None:
        """A chunk is sent to a worker."""
        queue = self._queues[worker]
        if not queue:
            self._busy += 1
            self._idle.remove(worker)
        self.chunks += 1
        queue.append(chunk)

    def progress(self, worker: int, identity: int, count: int) -> Chunk:
        """A worker has done the first ``count`` items of a chunk and goes on: give the part that is done."""
        queue = self._queues[worker]
        place, chunk = self._find(worker, identity)
        queue[place] = chunk.between(chunk.start + count, chunk.stop)
        return chunk.between(chunk.start, chunk.start + count)

    def done(self, worker: int, identity: int) -> Chunk:
        """A worker has finished a chunk."""
        queue = self._queues[worker]
        place, chunk = self._find(worker, identity)
        del queue[place]
        self.chunks -= 1
        if not queue:
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
        for book in (self._ready, self._trusted, self._cut, self._spent, self._benched):
            book.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        lost = list(self._queues.pop(worker))
        self.chunks -= len(lost)
        return lost, was_ready

    def _rest(self, worker: int) -> None:
        if worker not in self._benched:
            self._idle.append(worker)

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
