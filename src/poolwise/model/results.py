"""What ``poolwise.map`` gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from poolwise.model.failure import Failure
from poolwise.model.report import Report

T = TypeVar("T")


class Results(list[T]):
    """A list of results in input order, which also knows how it came about.

    It is a plain list in every way; copies and slices are plain lists.
    """

    __slots__ = ("_report_later", "failures", "report")

    report: Report
    """What was measured, decided and done; ``print(results.report)`` says it in words."""
    _report_later: Callable[[], Report]
    failures: tuple[Failure, ...]
    """The items that failed, in input order (under ``errors="collect"`` and ``"skip"``)."""

    def report_later(self, tell: Callable[[], Report]) -> None:
        """Have the report made when it is first asked for."""
        self._report_later = tell

    if not TYPE_CHECKING:
        # Type checkers must not take it for a promise that there is any attribute.
        def __getattr__(self, name: str) -> Report:
            """Make the report, where it is asked for and is not there yet."""
            if name != "report":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            self.report = self._report_later()
            return self.report

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with report and failures, which a list does not know of."""
        return (make_results, (list(self), self.report, self.failures))


def make_results(values: Iterable[T], report: Report, failures: tuple[Failure, ...] = ()) -> Results[T]:
    """Make the results of a run."""
    results: Results[T] = Results(values)
    results.report, results.failures = report, failures
    return results
