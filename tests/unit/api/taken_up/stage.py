"""Runs of the real verbs in virtual time, on a real journal, each of which may be cut at any moment.

A *moment* is whenever the run asks something of its backend, calls the function, or touches the journal. At a chosen
one the process is "killed": the journal's files are copied as they are, and the run goes on from the copy; what the
dying run does afterwards counts for nothing. Or the power fails: then the copy is the one of the last flush.
"""

from __future__ import annotations

import contextlib
import functools
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

import poolwise
from poolwise import backends
from poolwise.api import execution
from poolwise.errors import JournalError
from poolwise.journal import book, opening
from poolwise.model.events import Chunk, Event, Instruction
from poolwise.run.driver import Driver
from poolwise.run.scheduler import Scheduler
from poolwise.run.terms import Crew
from poolwise.testing import FakeBackend, FakeClock, Script
from poolwise.work import items as items_module
from tests.unit.api.taken_up.ledger import Ledger

# So that a few results fill a page of the file, and a full disk is met.
PADDING = "." * 700

CutKind = Literal["kill", "power", "interrupt"]
Leaves = Literal["closes", "drops"]


class KilledError(BaseException):
    """The process is no more: nothing that it would have done afterwards counts."""


class ConsumerError(Exception):
    """The caller's own code fails, in the middle of his loop."""


class BrokenError(ValueError):
    """The function fails by itself."""


class BusyError(ConnectionError):
    """A service fails; it may say when to come back."""

    def __init__(self, item: int, retry_after: float | None = None) -> None:
        """Say so of an item."""
        super().__init__(item)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        """Be pickled whole."""
        return type(self), (self.args[0], self.retry_after)


@dataclass
class Outside:
    """What the function meets: who fails how often yet, and every call that gave a result."""

    failing: dict[int, list[Callable[[int], Exception]]] = field(default_factory=dict)
    made: list[int] = field(default_factory=list)
    """The item of each call that gave a result, by the result's mark."""
    moment: Callable[[], bool] = bool
    """Tells the run of a call, and whether it is dead already."""

    def call(self, item: int) -> Any:
        """Give a result that no other call gives, or fail."""
        if self.moment():
            return None
        if errors := self.failing.get(item):
            raise errors.pop(0)(item)
        self.made.append(item)
        result = [item, len(self.made) - 1, PADDING]
        # Some are kept as JSON, and others as pickles.
        return tuple(result) if item % 3 == 1 else result


outside = Outside()


def work(item: int) -> Any:
    """Be the user's function; nothing that changes is part of it, so that a journal knows it again."""
    return outside.call(item)


@dataclass(frozen=True)
class Cut:
    """How and when a run is cut from outside."""

    kind: CutKind
    moment: int


@dataclass
class Stage:
    """One run: what it is given, and what came of it."""

    items: list[int]
    path: Path
    verb: Literal["map", "imap"]
    options: dict[str, Any]
    script: Script
    cut: Cut | None = None
    pages_left: int | None = None
    """So many more pages of the journal fit on the disk."""
    lazy: bool = False
    read_s: float = 0.0
    """What it takes to read an item from the caller's iterator."""
    takes: int | None = None
    """The consumer leaves after so many results; None: never."""
    leaves: Leaves = "closes"
    clock: FakeClock = field(default_factory=FakeClock)
    ledger: Ledger = field(default_factory=Ledger)
    given: list[Any] = field(default_factory=list)
    """What the caller was given before the run ended."""
    ended: BaseException | None = None
    dead: bool = False
    after: Path = field(init=False)
    """The journal as the next run finds it."""
    first_mark: int = field(init=False)
    """Results that were made in this run have marks from here on."""
    _moments: int = 0

    def __post_init__(self) -> None:
        """Nothing has happened yet."""
        self.after = self.path
        self.first_mark = len(outside.made)
        self._synced = self.path.with_suffix(".synced")
        self._copy(self._synced)

    # --- The run ------------------------------------------------------------------------------------------------------

    def play(self) -> None:
        """Run until it ends, or is ended; an error is kept."""
        outside.moment = self._function_is_called
        with self._patched():
            try:
                self._run()
            except (Exception, KeyboardInterrupt, KilledError) as error:
                self.ended = error.with_traceback(None)  # its frames would hold the iterator
        if self.dead and not isinstance(self.ended, KilledError):
            # It went down in the last moment of all.
            self.ended = KilledError()

    def _run(self) -> None:
        options = {"backend": "processes", "start_method": "fork", "progress": False, "journal": self.path}
        given = self._read() if self.lazy else self.items
        if self.verb == "map":
            self.given = poolwise.map(work, given, **options, **self.options)
            return
        results = poolwise.imap(work, given, **options, **self.options)
        try:
            self._consume(results)
        finally:
            if self.leaves != "drops":
                results.close()
            del results

    def _consume(self, results: Iterator[Any]) -> None:
        while self.takes is None or len(self.given) < self.takes:
            try:
                self.given.append(next(results))
            except StopIteration:
                return
            self._moment()
        raise ConsumerError

    def _read(self) -> Iterator[int]:
        for item in self.items:
            if self.read_s:
                self.clock.advance(self.read_s)
            yield item

    # --- Its moments --------------------------------------------------------------------------------------------------

    def _moment(self) -> None:
        """Something happens: maybe for the last time."""
        if self.dead:
            raise KilledError
        if not self._is_cut():
            return
        if self.cut is not None and self.cut.kind == "interrupt":
            raise KeyboardInterrupt
        self._die()
        raise KilledError

    def _function_is_called(self) -> bool:
        if not self.dead and self._is_cut() and self.cut is not None and self.cut.kind != "interrupt":
            self._die()
        return self.dead

    def _is_cut(self) -> bool:
        self._moments += 1
        return self.cut is not None and self._moments == self.cut.moment

    def _die(self) -> None:
        self.dead = True
        self.after = self.path.with_name(f"{int(self.path.stem) + 1}.db")
        if self.cut is not None and self.cut.kind == "power":
            self._copy(self.after, of=self._synced)
        else:
            self._copy(self.after)

    def _copy(self, to: Path, of: Path | None = None) -> None:
        for end in ("", "-wal"):
            source, target = Path(f"{of or self.path}{end}"), Path(f"{to}{end}")
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copyfile(source, target)

    # --- What stands around it ----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _patched(self) -> Iterator[None]:
        time = SimpleNamespace(monotonic=self.clock.now, time=lambda: 1e9 + self.clock.now())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backends, "create", lambda _plan, job: Watched(job, self.script, self))
            patch.setattr(execution, "Driver", functools.partial(Driver, clock=self.clock.now))
            patch.setattr(execution, "Scheduler", functools.partial(Strict, rng=random.Random(1).random))
            patch.setattr(book, "time", time)
            patch.setattr(items_module, "time", time)
            patch.setattr(book.Book, "keep", self._between_moments(book.Book.keep))
            patch.setattr(book.Book, "sync", self._between_moments(book.Book.sync, flushes=True))
            patch.setattr(opening, "open_to_write", self._small(opening.open_to_write))
            yield

    def _between_moments(self, method: Callable[..., Any], *, flushes: bool = False) -> Callable[..., Any]:
        @functools.wraps(method)
        def wrapped(*arguments: Any) -> Any:
            self._moment()
            try:
                result = method(*arguments)
            except JournalError:
                self.ledger.journal_failed = True
                raise
            if flushes:
                self._copy(self._synced)
            self._moment()
            return result

        return wrapped

    def _small(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(path: str, name: str) -> Any:
            connection = connect(path, name)
            if self.pages_left is not None:
                (pages,) = connection.execute("PRAGMA page_count").fetchone()
                connection.execute(f"PRAGMA max_page_count = {pages + self.pages_left}")
            return connection

        return wrapped

    # --- What its backend tells of ------------------------------------------------------------------------------------

    def asks(self) -> None:
        """The run comes back for news: it has taken in all that it was told."""
        self.ledger.all_taken_in()
        self._moment()

    def is_told(self, events: Sequence[Event]) -> None:
        """The run is told of this."""
        if not self.dead:
            self.ledger.told(self.clock.now(), events)

    def sends(self, worker: int, chunk: Chunk) -> None:
        """The run sends something."""
        self._moment()
        self.ledger.sent(self.clock.now(), worker, chunk)


class Watched(FakeBackend):
    """A fake whose stage sees what comes and goes."""

    def __init__(self, job: Any, script: Script, stage: Stage) -> None:
        """Start nothing."""
        super().__init__(job, script, clock=stage.clock)
        self._stage = stage

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Send, and tell."""
        self._stage.sends(worker, chunk)
        super().send(worker, chunk, items)

    def wait(self, timeout_s: float | None) -> list[Event]:
        """Wait, and tell."""
        self._stage.asks()
        events = super().wait(timeout_s)
        self._stage.is_told(events)
        return events


class Strict(Scheduler):
    """A scheduler that is checked after each step."""

    _staffed = False

    def use(self, crew: Crew) -> list[Instruction]:
        """From here on there is somebody to run what is known."""
        self._staffed = True
        return super().use(crew)

    def handle(self, *events: Any) -> list[Instruction]:
        """Take them in, and look."""
        instructions = super().handle(*events)
        if self._staffed:
            self.validate()
        return instructions
