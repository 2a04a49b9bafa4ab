"""``multiprocessing.Pool`` and ``multiprocessing.pool.ThreadPool``, over ``poolwise.Pool``.

``map`` and its kin go into the pool as the items of a ``poolwise.Pool.map`` do (``Many``); only who takes their results
is another (``Gathering``). ``imap`` submits one call for each item, so many ahead of what was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from multiprocessing.context import BaseContext
from types import TracebackType
from typing import Any, Literal, NoReturn, Self, TypeVar

from poolwise.api.pool import Pool as Workers
from poolwise.compat.contexts import start_method_of
from poolwise.compat.refusing import refuse
from poolwise.compat.results import AsTheyCome, AsyncResult, Gathering, InOrder, Stream
from poolwise.measure.machine import find_machine
from poolwise.model.units import Bytes
from poolwise.run.desk import Many

# As many as ``poolwise.imap`` reads ahead.
AHEAD = 1024

Callback = Callable[[Any], object] | None
Function = Callable[..., Any]
S = TypeVar("S", bound=Stream[Any])


class Pool:
    """Worker processes with the methods of ``multiprocessing.Pool``.

    ``processes``: how many; None: one for each usable core. ``context``: its start method is used. ``memory_limit``: as
    in ``poolwise.map``. ``maxtasksperchild`` is refused.

    A worker that dies costs the task that it was on, which raises ``WorkerDiedError``. ``terminate``, and leaving the
    ``with``, end the processes: whoever waits for what was under way gets ``WorkerDiedError``, for the rest
    ``CancelledError``.
    """

    _backend: Literal["processes", "threads"] = "processes"

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        context: BaseContext | None = None,
        *,
        memory_limit: Bytes | Literal["auto"] | None = "auto",
    ) -> None:
        """Start the workers."""
        refuse(maxtasksperchild=maxtasksperchild)
        if processes is None:
            processes = find_machine().cores
        if processes < 1:
            msg = "Number of processes must be at least 1"
            raise ValueError(msg)
        self._workers = Workers(
            self._backend,
            max_workers=processes,
            initializer=initializer,
            initargs=tuple(initargs) if initializer else (),
            start_method=start_method_of(context),
            memory_limit=memory_limit,
        )
        self._ahead = max(AHEAD, 4 * processes)
        self._running = True
        self._streams: set[Stream[Any]] = set()
        """Those whose items have not all been read."""

    # --- One call ----------------------------------------------------------------------------------------------

    def apply(self, func: Function, args: Iterable[Any] = (), kwds: Mapping[str, Any] | None = None) -> Any:
        """Give ``func(*args, **kwds)``."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(
        self,
        func: Function,
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> AsyncResult[Any]:
        """Have ``func(*args, **kwds)`` called."""
        self._check_running()
        return AsyncResult(self._workers.submit(func, *args, **(kwds or {})), callback, error_callback)

    # --- All items at once -------------------------------------------------------------------------------------

    def map(self, func: Function, iterable: Iterable[Any], chunksize: int | None = None) -> list[Any]:
        """Give ``func(item)`` of all items, in order."""
        return self.map_async(func, iterable, chunksize).get()

    def starmap(self, func: Function, iterable: Iterable[Iterable[Any]], chunksize: int | None = None) -> list[Any]:
        """Give ``func(*item)`` of all items, in order."""
        return self.starmap_async(func, iterable, chunksize).get()

    def map_async(
        self,
        func: Function,
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> AsyncResult[list[Any]]:
        """Have ``func(item)`` called on all items, which are read at once."""
        return AsyncResult(self._gather(func, iterable, chunksize, spread=False), callback, error_callback)

    def starmap_async(
        self,
        func: Function,
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> AsyncResult[list[Any]]:
        """Have ``func(*item)`` called on all items, which are read at once."""
        return AsyncResult(self._gather(func, iterable, chunksize, spread=True), callback, error_callback)

    # --- Item by item ------------------------------------------------------------------------------------------

    def imap(self, func: Function, iterable: Iterable[Any], chunksize: int = 1) -> InOrder[Any]:
        """Give ``func(item)`` one by one, in order, reading no more than 1,024 items ahead."""
        self._check_running()
        _check_chunksize(chunksize)
        return self._keep(InOrder(lambda item: self._workers.submit(func, item), iterable, self._ahead))

    def imap_unordered(self, func: Function, iterable: Iterable[Any], chunksize: int = 1) -> AsTheyCome[Any]:
        """Give ``func(item)`` one by one, each as soon as it is there."""
        self._check_running()
        _check_chunksize(chunksize)
        return self._keep(AsTheyCome(lambda item: self._workers.submit(func, item), iterable, self._ahead))

    # --- The end -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Take no more calls; those that were made are done. What ``imap`` has not read yet is read now."""
        if self._running:
            self._running = False
            while self._streams:
                self._streams.pop().read_all()
            self._workers.shutdown(wait=False)

    def terminate(self) -> None:
        """End the worker processes, whatever they are on; of threads, what has begun goes on."""
        self._running = False
        while self._streams:
            self._streams.pop().give_up()
        self._workers.kill_workers()

    def join(self) -> None:
        """Wait until the workers have ended; ``ValueError`` before ``close`` or ``terminate``."""
        if self._running:
            msg = "Pool is still running"
            raise ValueError(msg)
        self._workers.shutdown()

    def __enter__(self) -> Self:
        """Give itself."""
        self._check_running()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Terminate."""
        self.terminate()

    def __reduce__(self) -> NoReturn:
        """Stay here."""
        msg = "pool objects cannot be passed between processes or pickled"
        raise NotImplementedError(msg)

    # --- Inside ------------------------------------------------------------------------------------------------

    def _gather(
        self, func: Function, iterable: Iterable[Any], chunksize: int | None, *, spread: bool
    ) -> Future[list[Any]]:
        self._check_running()
        _check_chunksize(chunksize)
        items = [tuple(item) for item in iterable] if spread else [*iterable]
        gathering = Gathering(len(items))
        if items:
            # All that is asked of ``came`` is ``put``. Pool.map makes an iterator, from which somebody has to take.
            many = Many(func, items, spread, chunksize, came=gathering)  # type: ignore[arg-type]
            self._workers._clerk.put(many)  # noqa: SLF001 - see above
        return gathering.future

    def _keep(self, stream: S) -> S:
        for each in [each for each in self._streams if each.exhausted]:
            self._streams.discard(each)
        if not stream.exhausted:
            self._streams.add(stream)
        return stream

    def _check_running(self) -> None:
        if not self._running:
            msg = "Pool not running"
            raise ValueError(msg)


def _check_chunksize(chunksize: int | None) -> None:
    if chunksize is not None and chunksize < 1:
        raise ValueError(f"Chunksize must be 1+, not {chunksize:n}")


class ThreadPool(Pool):
    """Threads with the methods of ``multiprocessing.pool.ThreadPool``."""

    _backend = "threads"

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
    ) -> None:
        """Start the threads."""
        super().__init__(processes, initializer, initargs)
