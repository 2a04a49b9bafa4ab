"""The end of a run in which too many items failed: what is said, and what is kept of what is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from poolwise.errors import TooManyFailuresError
from poolwise.model.events import Batch
from poolwise.model.failure import Failure
from poolwise.report.figures import counted
from poolwise.work.call import show_error

# So many are told in the text: one may be an accident, three show what is common to them.
TOLD = 3
# Of a long error so much.
TOLD_LENGTH = 200
NEXT_STEP = (
    "what was done is kept in this error: .done (results by index) and .failures; mend the cause, or allow more with "
    "max_failures"
)


class Toll:
    """The failures of a run that has ``most``: as many as are allowed, and those that came too many."""

    def __init__(self, most: int | None) -> None:
        """Begin without any; where any number is allowed (None), nothing is kept."""
        self._most = most
        self._failures: list[Failure] = []

    def add(self, failures: Iterable[Failure]) -> None:
        """Keep these."""
        if self._most is not None:
            self._failures += failures

    def error(self, held: Sequence[Batch]) -> TooManyFailuresError:
        """Say what ended the run; ``held`` is what is done and has not been handed over."""
        for batch in held:
            self._failures += batch.failures.values()
        failures = sorted(self._failures, key=lambda failure: failure.index)
        told = [f"  item {each.index}: {show_error(each.error)[:TOLD_LENGTH]}" for each in self._failures[-TOLD:]]
        head = f"{counted(len(failures), 'item')} failed, more than max_failures={self._most}; the newest:"
        return TooManyFailuresError("\n".join([head, *told, NEXT_STEP]), failures, results_of(held))


def results_of(batches: Iterable[Batch]) -> dict[int, object]:
    """Give results by the index of their item, without failures."""
    return {
        batch.start + offset: value
        for batch in batches
        for offset, value in enumerate(batch.values)
        if offset not in batch.failures
    }
