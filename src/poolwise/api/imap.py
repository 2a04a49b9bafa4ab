"""``imap``: results one by one as they are ready, lazily, from inputs of any length."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar, Unpack, overload

from poolwise.api.keywords import A2, A, B, Coro, Keeping, Keywords, Many, Raising
from poolwise.api.map import make_execution
from poolwise.model.events import Batch
from poolwise.model.failure import Failure
from poolwise.model.report import Report

T = TypeVar("T")


class Run(Protocol):
    """What gives results in batches: an ``Execution``, or what stands for one."""

    @property
    def error(self) -> BaseException | None:
        """What ended it early."""
        ...

    def batches(self) -> Generator[Batch, None, None]:
        """Run, and give what is finished."""
        ...

    def wanted(self, batch: Batch, /) -> Sequence[Any]:
        """Give the values of a batch that the caller wants to see."""
        ...

    def report(self) -> Report:
        """Tell what has happened so far."""
        ...

    def cancel(self) -> None:
        """End the run soon, from any thread."""
        ...


class ResultIterator(Iterator[T], Generic[T]):
    """Yields results; ``close()``, the end of a ``with``, or dropping it ends the workers."""

    def __init__(self, execution: Run) -> None:
        """Run nothing until the first result is asked for."""
        self._execution = execution
        self._values = _values(execution)
        # Several threads may take results, and any of them may end the run.
        self._lock = threading.RLock()

    @property
    def report(self) -> Report:
        """What has been measured, decided and done so far."""
        return self._execution.report()

    def __iter__(self) -> Self:
        """Give itself."""
        return self

    def __next__(self) -> T:
        """Give the next result."""
        with self._lock:
            value: T = next(self._values)
        return value

    def close(self) -> None:
        """End the run and its workers now."""
        self._execution.cancel()
        with self._lock:
            self._values.close()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the run and its workers."""
        self.close()


@overload
def imap(function: Callable[[A], Coro[B]], items: Iterable[A], /, **options: Unpack[Raising]) -> ResultIterator[B]: ...
@overload
def imap(
    function: Callable[[A], Coro[B]], items: Iterable[A], /, **options: Unpack[Keeping]
) -> ResultIterator[B | Failure]: ...
@overload
def imap(function: Callable[[A], B], items: Iterable[A], /, **options: Unpack[Raising]) -> ResultIterator[B]: ...
@overload
def imap(
    function: Callable[[A], B], items: Iterable[A], /, **options: Unpack[Keeping]
) -> ResultIterator[B | Failure]: ...
@overload
def imap(
    function: Callable[[A, A2], Coro[B]], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Raising]
) -> ResultIterator[B]: ...
@overload
def imap(
    function: Callable[[A, A2], Coro[B]], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Keeping]
) -> ResultIterator[B | Failure]: ...
@overload
def imap(
    function: Callable[[A, A2], B], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Raising]
) -> ResultIterator[B]: ...
@overload
def imap(
    function: Callable[[A, A2], B], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Keeping]
) -> ResultIterator[B | Failure]: ...
@overload
def imap(
    function: Callable[..., Coro[B]], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Raising]
) -> ResultIterator[B]: ...
@overload
def imap(
    function: Callable[..., Coro[B]], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Keeping]
) -> ResultIterator[B | Failure]: ...
@overload
def imap(
    function: Callable[..., B], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Raising]
) -> ResultIterator[B]: ...
@overload
def imap(
    function: Callable[..., B], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Keeping]
) -> ResultIterator[B | Failure]: ...
def imap(
    function: Callable[..., Any], /, *iterables: Iterable[Any], **options: Unpack[Keywords]
) -> ResultIterator[Any]:
    """Like ``map``, lazily: give each result when it is ready, and read only a few items ahead of the consumer.

    >>> import itertools, poolwise
    >>> with poolwise.imap(abs, itertools.count(-2)) as results:
    ...     [next(results) for _ in range(3)]
    [2, 1, 0]

    Arguments, options and errors are those of ``poolwise.map``; bad ones are refused at once.

    Nothing is read or run before the first result is asked for. Then no more than 1,024 items, or four for each worker
    where that is more, are read ahead of what was taken, so that memory stays bounded and the input may be endless. An
    error is raised in its turn, after all results before it (``ordered=False``: as soon as it is seen), and ends the
    run. Leaving the ``with``, ``close()`` and dropping the iterator end the run and its workers.
    """
    return ResultIterator(make_execution("imap", function, iterables, options, stream=True))


def _values(execution: Run) -> Generator[Any, None, None]:
    for batch in execution.batches():
        yield from execution.wanted(batch)
    if execution.error is not None:
        raise execution.error
