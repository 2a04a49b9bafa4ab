"""Coroutine functions in the caller's trio: what ``coroutines`` does, as trio does it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from poolwise.backends.coroutines import CoroutinesBackend
from poolwise.model.events import Chunk
from poolwise.model.units import Seconds
from poolwise.work.eventloop_trio import TrioManner
from poolwise.work.job import Job

if TYPE_CHECKING:
    from poolwise.work.eventloop_trio import TrioLoop


class TrioBackend(CoroutinesBackend):
    """Runs chunks as tasks of the caller's trio."""

    manner = TrioManner()

    def __init__(self, job: Job, home: TrioLoop) -> None:
        """Start nothing."""
        super().__init__(job)
        self._home = home
        self._cancels: dict[int, Callable[[], object]] = {}
        """What cancels each task, by its worker: one has one task at a time."""
        self._ended = threading.Event()
        self._ending = False

    def _open(self) -> None:
        """Do nothing: it runs."""

    def _call_there(self, function: Callable[..., object], *args: object) -> None:
        self._home.call_soon(lambda: self._context.run(function, *args))

    def _call_next(self, function: Callable[[], object]) -> None:
        self._call_there(function)

    def _spawn(self, worker: int, chunk: Chunk, items: Sequence[Any]) -> None:
        async def run() -> None:
            try:
                await self._work(worker, chunk, items)
            finally:
                del self._cancels[worker]
                self._tell_ended()

        self._cancels[worker] = self._home.spawn(run)

    def _end_tasks(self, patience_s: Seconds) -> None:
        self._home.call_soon(self._cancel)
        # A loop that has ended has ended its tasks, and calls nothing.
        if not self._home.has_ended:
            self._ended.wait(patience_s)

    def _cancel(self) -> None:
        self._ending = True
        for cancel in tuple(self._cancels.values()):
            cancel()
        self._tell_ended()

    def _tell_ended(self) -> None:
        if self._ending and not self._cancels:
            self._ended.set()
