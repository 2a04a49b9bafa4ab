"""``imap``: results one by one as they are ready, lazily, from inputs of any length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from poolwise.api.execution import Execution
from poolwise.api.map import make_execution
from poolwise.model.report import Report

T = TypeVar("T")


class ResultIterator(Iterator[T], Generic[T]):
    """Yields results; ``close()``, the end of a ``with``, or dropping it ends the workers."""

    def __init__(self, execution: Execution) -> None:
        """Run nothing until the first result is asked for."""
        self._execution = execution
        self._values = _values(execution)

    @property
    def report(self) -> Report:
        """What has been measured, decided and done so far."""
        return self._execution.report()

    def __iter__(self) -> Self:
        """Give itself."""
        return self

    def __next__(self) -> T:
        """Give the next result."""
        value: T = next(self._values)
        return value

    def close(self) -> None:
        """End the run and its workers now."""
        self._values.close()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the run and its workers."""
        self.close()


def imap(function: Callable[..., Any], *iterables: Iterable[Any], **options: Any) -> ResultIterator[Any]:
    """Like ``map``, lazily: give each result when it is ready, and read only a few items ahead of the consumer."""
    return ResultIterator(make_execution("imap", function, iterables, options, stream=True))


def _values(execution: Execution) -> Any:
    for batch in execution.batches():
        yield from execution.wanted(batch)
    if execution.error is not None:
        raise execution.error
