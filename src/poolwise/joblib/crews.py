"""Workers that stay warm between calls of ``Parallel``.

A call has its workers for itself, from its first batch on: who aborts ends nobody else's. What it gives back lies on
the *shelf*, where there is one pool at most, until a call with the same wishes takes it, one with others ends it, or
nobody has wanted it for long.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from poolwise.api.pool import Pool
from poolwise.model.classes import field, frozen, mutable
from poolwise.model.units import Seconds
from poolwise.run.adapt import Sizing

# What ``Pool`` takes, and joblib hands on from ``parallel_config`` and ``Parallel``.
POOL_OPTIONS = frozenset({"initializer", "initargs", "start_method", "crash_retries", "memory_limit"})


class BatchPool(Pool):
    """A pool whose tasks are batches: sized already, so that each is sent by itself, to whoever is free."""

    _sizing = Sizing(chunksize=1)


@frozen
class Wish:
    """What workers must be like."""

    workers: int
    inner_max_num_threads: int | None
    options: Mapping[str, Any]
    environment: tuple[str | None, ...]
    """What libraries that workers load read, and what was set when they were started."""

    def is_met_by(self, other: Wish) -> bool:
        """Tell whether workers that were started for ``other`` will do."""
        try:
            return bool(self == other)
        except Exception:  # noqa: BLE001 - arguments may compare as they like (NumPy's give no truth); others are started
            return False


class Crew:
    """The workers of one call: taken from the shelf, or started, when its first batch comes."""

    def __init__(self, wish: Wish, idle_s: Seconds) -> None:
        """Have none yet; given back, they wait for ``idle_s``."""
        self._wish = wish
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._pool: BatchPool | None = None

    def pool(self, make: Callable[[Wish], BatchPool]) -> BatchPool:
        """Give the workers; ``make`` starts them where none are waiting."""
        if self._pool is None:
            with self._lock:
                if self._pool is None:
                    self._pool = _shelf.take(self._wish) or make(self._wish)
        return self._pool

    def give_back(self) -> None:
        """Let the next call have them."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            _shelf.put(pool, self._wish, self._idle_s)

    def successor(self) -> Crew:
        """Give one with the same wishes, which has no workers yet."""
        return Crew(self._wish, self._idle_s)

    def kill(self) -> None:
        """End them at once, whatever they are on."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.kill_workers()


@mutable
class Waiting:
    """Workers that nobody uses."""

    pool: BatchPool
    wish: Wish
    timer: threading.Timer
    process: int = field(default_factory=os.getpid)


class Shelf:
    """Where workers wait for the next call."""

    def __init__(self) -> None:
        """Have none."""
        self._lock = threading.Lock()
        self._waiting: Waiting | None = None

    def take(self, wish: Wish) -> BatchPool | None:
        """Give workers that will do; others are ended, to make room."""
        waiting = self._swap(None)
        if waiting is None:
            return None
        waiting.timer.cancel()
        if wish.is_met_by(waiting.wish):
            return waiting.pool
        waiting.pool.shutdown(wait=False)
        return None

    def put(self, pool: BatchPool, wish: Wish, idle_s: Seconds) -> None:
        """Keep workers for ``idle_s``, in the place of those that were there."""
        timer = threading.Timer(idle_s, self._end, [pool])
        timer.daemon = True
        before = self._swap(Waiting(pool, wish, timer))
        timer.start()
        if before is not None:
            before.timer.cancel()
            before.pool.shutdown(wait=False)

    def end(self) -> None:
        """End whoever waits."""
        waiting = self._swap(None)
        if waiting is not None:
            waiting.timer.cancel()
            waiting.pool.shutdown()

    def _end(self, pool: BatchPool) -> None:
        """Nobody has wanted them for long."""
        with self._lock:
            if self._waiting is None or self._waiting.pool is not pool:
                return
            self._waiting = None
        pool.shutdown(wait=False)

    def _swap(self, waiting: Waiting | None) -> Waiting | None:
        with self._lock:
            before, self._waiting = self._waiting, waiting
        # A child that the caller has forked has no part in its parent's workers.
        return before if before is not None and before.process == os.getpid() else None


_shelf = Shelf()


def end_idle_workers() -> None:
    """End workers that wait for the next call; what is under way goes on."""
    _shelf.end()
