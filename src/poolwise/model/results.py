"""What ``poolwise.map`` gives back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from poolwise.model.failure import Failure
from poolwise.model.report import Report

T = TypeVar("T")


class Results(list[T]):
    """A list of results in input order, which also knows how it came about.

    It is a plain list in every way; copies and slices are plain lists.
    """

    __slots__ = ("failures", "report")

    report: Report
    """What was measured, decided and done; ``print(results.report)`` says it in words."""
    failures: tuple[Failure, ...]
    """The items that failed, in input order (under ``errors="collect"`` and ``"skip"``)."""

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with report and failures, which a list does not know of."""
        return (make_results, (list(self), self.report, self.failures))


def make_results(values: Iterable[T], report: Report, failures: tuple[Failure, ...] = ()) -> Results[T]:
    """Make the results of a run."""
    results: Results[T] = Results(values)
    results.report, results.failures = report, failures
    return results
