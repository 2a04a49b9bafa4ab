"""What the driver has to do with a keeper (a journal): it asks what is known, has kept what is done, and waits for it.

Whatever goes wrong there ends the run, in whichever thread it comes up: nobody is told of a result that was not kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from poolwise.errors import PoolwiseError

if TYPE_CHECKING:
    from poolwise.model.events import Batch
    from poolwise.run.scheduler import Scheduler
    from poolwise.run.terms import Keeper
    from poolwise.work.items import Items


class Memory:
    """Remembers finished items beyond this run, where somebody has asked for that."""

    def __init__(self, scheduler: Scheduler, items: Items, fail: Callable[[PoolwiseError], object]) -> None:
        """Remember nothing; ``fail`` is called with what goes wrong, to end the run."""
        self.keeper: Keeper | None = None
        """None: nobody has asked for it."""
        self._scheduler, self._items, self._fail = scheduler, items, fail

    def keeps_back(self, keeper: Keeper, finished: Sequence[Batch]) -> bool:
        """Tell whether results wait until they are safely on disk: to bring each there by itself would take too long.

        Not where nobody sees any before the end, nor where the run would wait for whoever takes them, or for nothing.
        """
        if not (self._scheduler.is_stream and finished):
            return False
        return not (keeper.due or self._scheduler.waits_for_consumer or not self._scheduler.busy_workers)

    def secure(self, keeper: Keeper, finished: Sequence[Batch]) -> None:
        """Have these survive a loss of power before somebody takes them, one by one; else now and then."""
        if (finished and self._scheduler.is_stream) or keeper.due:
            with self._ends_the_run():
                keeper.sync()

    def keep(self, batch: Batch) -> bool:
        """Write it down, and say whether that went well: else nobody is to be told of it."""
        assert self.keeper is not None  # noqa: S101 - the scheduler was told that there is one; for the type checker
        with self._ends_the_run():
            self.keeper.keep(batch, self._items.slice(batch.start, batch.start + len(batch.values)))
            return True
        return False

    def recalled(self, start: int, stop: int) -> Sequence[Batch]:
        """Give what is known already of these items."""
        if self.keeper is None or start == stop:
            return ()
        with self._ends_the_run():
            return self.keeper.find(start, self._items.slice(start, stop))
        return ()

    @contextlib.contextmanager
    def _ends_the_run(self) -> Iterator[None]:
        """It may come up in the thread that looks on, where nobody would hear of it."""
        try:
            yield
        except PoolwiseError as error:
            self._fail(error)
