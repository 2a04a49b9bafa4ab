"""The journal of a run: opened before the first item, closed with a word on how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolwise.errors import OptionError
from poolwise.model.journal import Journal, as_journal

if TYPE_CHECKING:
    from poolwise.api.ask import Ask
    from poolwise.journal.book import Book
    from poolwise.run.scheduler import Scheduler
    from poolwise.work.call import Call


class Keeping:
    """What a run has to do with its journal; where none was asked for, nothing."""

    def __init__(self, ask: Ask) -> None:
        """Open nothing yet: an iterator that nobody asks for results must not keep others from the journal."""
        self.journal: Journal | None = as_journal(ask.options.journal)
        if self.journal is not None and ask.verb == "why":
            raise OptionError("why() runs a sample and drops its results: leave journal out")
        self._ask = ask
        self._book: Book | None = None

    def begin(self, call: Call, total: int | None) -> Book | None:
        """Open the journal; give what the driver asks and tells. Raises JournalError."""
        if self.journal is None:
            return None
        from poolwise.journal.opening import open_book  # noqa: PLC0415 - sqlite3 takes 5 ms to import

        self._book = open_book(self.journal, call, total=total, take_failures=self._ask.options.errors != "raise")
        return self._book

    def end(self, scheduler: Scheduler, *, ended: bool) -> None:
        """Close it; ``ended``: by an error."""
        if self._book is not None:
            self._book.close("failed" if ended else "done" if scheduler.finished else "stopped")

    def advice(self, scheduler: Scheduler) -> str | None:
        """Say what of a run that did not come to its end is kept, and how to go on."""
        if self._book is None or self._book.gone or scheduler.total == scheduler.counts.done:
            return None
        done, total = scheduler.counts.done, scheduler.total
        of = "" if total is None else f" of {total:,}"
        are = "item is" if done == 1 and total is None else "items are"
        return f"{done:,}{of} {are} done and kept in {self._book.name}: the same again goes on from there"
