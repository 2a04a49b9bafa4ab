"""What is finished, made fit for the caller: a failure gets its item, and its error says which that was."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import CoroutineType
from typing import Any

from poolwise.api.hopeless import Toll
from poolwise.errors import NotAwaitableError, TooManyFailuresError
from poolwise.model.events import Batch, Failed
from poolwise.model.failure import Failure
from poolwise.work.call import Call, short_repr


class Dressing:
    """Dresses batches as they come, and keeps what there is to tell if too many items fail."""

    def __init__(self, call: Call, item_at: Callable[[int], Any], max_failures: int | None) -> None:
        """Dress what ``call`` has given; ``item_at`` gives an item that is still held, by its number."""
        self._call = call
        self._item_at = item_at
        self._toll = Toll(max_failures)

    def dress(self, batch: Batch) -> Batch:
        """Give failures their items, while these are still held. Raises NotAwaitableError."""
        if batch.start == 0:
            self._refuse_coroutines(batch)
        if not batch.failures:
            return batch
        dressed = self._with_items(batch)
        self._toll.add(dressed.failures.values())
        return dressed

    def failure(self, failed: Failed) -> Failure:
        """Give one failure its item."""
        item = self._item_at(failed.index)
        error = failed.error.as_raised()
        add_note(error, f"poolwise: on item {failed.index}: {short_repr(item)}")
        return Failure(failed.index, item, error, failed.attempts, failed.error.traceback)

    def too_many(self, held: list[Batch]) -> TooManyFailuresError:
        """Say what ended the run; ``held`` is what is done and has not been handed over."""
        return self._toll.error([self._with_items(batch) for batch in held])

    def _with_items(self, batch: Batch) -> Batch:
        failures = {offset: self.failure(failed) for offset, failed in batch.failures.items()}
        values = [failures.get(offset, value) for offset, value in enumerate(batch.values)]
        return Batch(batch.start, values, failures)

    def _refuse_coroutines(self, batch: Batch) -> None:
        """A plain function that gives coroutines has done nothing yet, and nobody would ever await them."""
        given = batch.values[0] if batch.values else None
        if not isinstance(given, CoroutineType):
            return
        for value in (each for each in batch.values if isinstance(each, CoroutineType)):
            value.close()
        raise NotAwaitableError(
            f"{self._call.name} gives coroutines, but is not an async function itself, so that nobody awaits them: "
            "pass the async function (functools.partial adds arguments to it), or say backend='asyncio'"
        )


def add_note(error: BaseException, note: str) -> None:
    """Add a note once: one exception object may stand for several items; some (frozen dataclasses) take none."""
    with contextlib.suppress(Exception):
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)
