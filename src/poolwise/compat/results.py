"""What the methods of ``multiprocessing.Pool`` give at once: ``AsyncResult``, and the iterators of ``imap``."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, wait
from functools import partial
from multiprocessing.context import TimeoutError as MultiprocessingTimeoutError
from queue import Empty, SimpleQueue
from typing import Any, Generic, Self, TypeVar

from poolwise.model.events import Batch
from poolwise.model.units import Seconds
from poolwise.work.task import PoolFuture

T = TypeVar("T")


class AsyncResult(Generic[T]):
    """What becomes of a call; ``multiprocessing.pool.AsyncResult`` over a future.

    ``callback`` gets the result, ``error_callback`` the error, in the pool's thread and before anybody who waits goes
    on. One that raises is logged.
    """

    def __init__(
        self,
        future: Future[T],
        callback: Callable[[T], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> None:
        """Wait for a future."""
        self._future = future
        self._done = threading.Event()
        # Not a method of this: the future would hold it, and it holds the future, with a result that may be large.
        future.add_done_callback(partial(_finish, self._done, callback, error_callback))

    def ready(self) -> bool:
        """Tell whether it is done."""
        return self._done.is_set()

    def successful(self) -> bool:
        """Tell whether it has a result; ``ValueError`` where it is not done."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return not self._future.cancelled() and self._future.exception() is None

    def wait(self, timeout: Seconds | None = None) -> None:
        """Wait until it is done, or for ``timeout``."""
        self._done.wait(timeout)

    def get(self, timeout: Seconds | None = None) -> T:
        """Give the result, or raise the error; ``multiprocessing.TimeoutError`` where it is not done in time."""
        if not self._done.wait(timeout):
            raise MultiprocessingTimeoutError
        return self._future.result()


def _finish(
    done: threading.Event,
    callback: Callable[[T], object] | None,
    error_callback: Callable[[BaseException], object] | None,
    future: Future[T],
) -> None:
    try:
        if future.cancelled():
            return
        error = future.exception()
        if error is None and callback is not None:
            callback(future.result())
        if error is not None and error_callback is not None:
            error_callback(error)
    finally:
        done.set()


class Gathering:
    """Takes what comes of the items of a ``map``, in order, in the place of the queue of ``Many``.

    All results are there when all items are done, also where one has failed; the first error, in order, is told then.
    """

    def __init__(self, count: int) -> None:
        """Wait for so many."""
        self.future: PoolFuture[list[Any]] = PoolFuture()
        self._left = count
        self._values: list[Any] = []
        self._error: BaseException | None = None
        if not count:
            self.future.set_result([])

    def put(self, came: Batch | BaseException | None) -> None:
        """Take a piece; None: it was cancelled; an error: nothing more will come."""
        if self.future.done():
            return
        if not isinstance(came, Batch):
            self.future.set_exception(CancelledError() if came is None else came)
            return
        self._values += came.values
        self._left -= len(came.values)
        if self._error is None and came.failures:
            self._error = came.failures[min(came.failures)].error.as_raised()
        if self._left:
            return
        if self._error is None:
            self.future.set_result(self._values)
        else:
            self.future.set_exception(self._error)
        # What was given is held by the future alone, and an error by nobody but whoever caught it.
        self._values, self._error = [], None


class Stream(ABC, Iterator[T]):
    """The results of ``imap``, item by item. It reads so many items ahead, and begins with them at once."""

    def __init__(self, submit: Callable[[Any], Future[T]], items: Iterable[Any], ahead: int) -> None:
        """Begin."""
        self._submit = submit
        self._items = iter(items)
        self._ahead = ahead
        self._lock = threading.RLock()
        self._pending = 0
        self.exhausted = False
        """All items have been read."""
        self._read(ahead)

    def read_all(self) -> None:
        """Read what is left of the items: the pool is about to be closed."""
        with self._lock:
            while not self.exhausted:
                self._read(self._pending + self._ahead)

    def give_up(self) -> None:
        """Read no more: the pool takes nothing. Not under the lock, which who waits for a result has."""
        self.exhausted = True

    def __iter__(self) -> Self:
        """Give itself."""
        return self

    def __next__(self) -> T:
        """Give the next result."""
        return self.next()

    def next(self, timeout: Seconds | None = None) -> T:
        """Give the next result; ``multiprocessing.TimeoutError`` where it does not come in time."""
        with self._lock:
            if not self._pending:
                raise StopIteration
            future = self._take(timeout)
            self._pending -= 1
            self._read(self._ahead)
        return future.result()

    def _read(self, most: int) -> None:
        """Read items until so many are pending."""
        while not self.exhausted and self._pending < most:
            future: Future[T]
            try:
                item = next(self._items)
            except StopIteration:
                self.exhausted = True
                return
            except Exception as error:  # noqa: BLE001 - what the caller's iterable raises comes in its turn
                self.exhausted = True
                future = Future()
                future.set_exception(error)
            else:
                future = self._submit(item)
            self._pending += 1
            self._add(future)

    @abstractmethod
    def _add(self, future: Future[T]) -> None:
        """Put a future where it waits."""

    @abstractmethod
    def _take(self, timeout: Seconds | None) -> Future[T]:
        """Give the one whose turn it is, once it is done."""


class InOrder(Stream[T]):
    """The results in the order of the items."""

    def __init__(self, submit: Callable[[Any], Future[T]], items: Iterable[Any], ahead: int) -> None:
        """Begin."""
        self._futures: deque[Future[T]] = deque()
        super().__init__(submit, items, ahead)

    def _add(self, future: Future[T]) -> None:
        self._futures.append(future)

    def _take(self, timeout: Seconds | None) -> Future[T]:
        if not wait([self._futures[0]], timeout).done:
            raise MultiprocessingTimeoutError
        return self._futures.popleft()


class AsTheyCome(Stream[T]):
    """The results in the order in which they are there."""

    def __init__(self, submit: Callable[[Any], Future[T]], items: Iterable[Any], ahead: int) -> None:
        """Begin."""
        self._done: SimpleQueue[Future[T]] = SimpleQueue()
        super().__init__(submit, items, ahead)

    def _add(self, future: Future[T]) -> None:
        future.add_done_callback(self._done.put)

    def _take(self, timeout: Seconds | None) -> Future[T]:
        try:
            return self._done.get(timeout=timeout)
        except Empty:
            raise MultiprocessingTimeoutError from None
