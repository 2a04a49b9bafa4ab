"""Calling the function on the items of one chunk on several threads of this process: the threads twin of ``chunk``.

A *round* is one chunk on its way through a *team* of threads. Whoever of them is free takes the next items: one, or as
many as make up for what taking costs, where items are quick. So no thread waits for the slowest of its neighbours
before the whole chunk is done. Items are begun in order, whatever the order in which they end; what has been begun is
written into a *book* before it is run, so that the others can be taken back.
"""

from __future__ import annotations

import contextvars
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from poolwise.model.events import Outcome, TaskError
from poolwise.model.units import Seconds
from poolwise.work.call import Call
from poolwise.work.chunk import ChunkRules, Mark, single_argument, task_error, within

# A thread takes as many items at a time as take so long together: taking costs 5 µs where many threads want to.
TAKE_S: Seconds = 0.0002
# A first item may be lucky: it takes at most so many times as many as the last time.
GROWTH = 16

Take = Callable[[int, int], Sequence[Any]]
"""Gives the items from one offset up to another; fewer where there are no more."""


class Book(Protocol):
    """Where it is written which items are in work."""

    def claim(self, begin: int, end: int) -> int:
        """Say that items from ``begin`` (not done) up to ``end`` are in work; give the one before which to stop."""
        ...

    def resume(self, begin: int) -> None:
        """Say that all from ``begin`` on that was claimed is in work."""
        ...


class NoBook:
    """Everything may be begun."""

    def claim(self, begin: int, end: int) -> int:
        """Agree."""
        return end

    def resume(self, begin: int) -> None:
        """Forget it."""


class Round:
    """One chunk on its way through a team. All that is counted is counted under one lock."""

    def __init__(
        self, call: Call, take: Take, count: int, rules: ChunkRules, *, begin: Mark | None, book: Book
    ) -> None:
        """Begin with nothing; ``begin`` is called with each offset in the thread and the context that run the item."""
        self.values: list[Any] = [None] * count
        self.errors: dict[int, TaskError] = {}
        self.each_s: list[Seconds] = [0.0] * count if rules.timed else []
        """What each item took, where it was to be told."""
        self.cpu_s: Seconds = 0.0
        self.begun = 0
        """Items that have been begun: the first ones."""
        self.cut = False
        """The others were taken back."""
        self.over = threading.Event()
        """Nothing more is begun, and nothing is in work."""
        self.problem: BaseException | None = None
        """What went wrong between two items, in our own code or where there was no memory left; it ended the round."""
        self._function, self._rules, self._begin = single_argument(call), rules, begin
        self._take, self._book = take, book
        self._count = count
        self._lock = threading.Lock()
        self._in_work: dict[int, int] = {}
        self._packed_from: int | None = None
        self._home = os.getpid()

    @property
    def has_more(self) -> bool:
        """Something could still be begun."""
        return self.begun < self._count and not self._has_failed

    @property
    def _has_failed(self) -> bool:
        return self._rules.stop_at_error and bool(self.errors)

    def done(self) -> int:
        """Count the items, from the first on, that are done without a gap; none where an error ends the round."""
        with self._lock:
            return 0 if self._has_failed else self._lowest()

    def pack(self, begin: int | None) -> None:
        """Results from ``begin`` on are being packed: that is the user's code too. None: they no longer are."""
        with self._lock:
            self._packed_from = begin
            self._book.resume(self._lowest_at_risk())

    def work(self) -> None:
        """Run items for as long as there are any: what each thread of the team does."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the round raises it
            self.problem = error
            self.over.set()

    def wait(self, timeout_s: Seconds | None = None) -> bool:
        """Wait until it is over, and say whether it is; raise what went wrong."""
        over = self.over.wait(timeout_s)
        if self.problem is not None:
            raise self.problem
        return over

    def _work(self) -> None:
        me, wanted, cpu = threading.get_ident(), 1, time.thread_time()
        while (taken := self._next(me, wanted, cpu)) is not None:
            first, items, cpu = taken
            begun = time.perf_counter()
            self._run(first, items)
            item_s = max((time.perf_counter() - begun) / len(items), 1e-9)
            wanted = max(1, min(int(TAKE_S / item_s), wanted * GROWTH))
            # Nobody else holds them while the next are taken.
            del taken, items

    def _next(self, me: int, wanted: int, cpu_from_s: Seconds) -> tuple[int, Sequence[Any], Seconds] | None:
        """Take the next items, and the clock of this thread; None where there are no more."""
        cpu_s = time.thread_time()
        with self._lock:
            self.cpu_s += cpu_s - cpu_from_s
            self._in_work.pop(me, None)
            first = self.begun
            end = min(first + wanted, self._count) if self.has_more else first
            if end > first:
                end = self._claim(me, first, end)
            items = self._take(first, end) if end > first else ()
            if len(items) < end - first:
                # A list of items may have been made shorter.
                self._count = end = first + len(items)
            self.begun = end
            if end > first:
                return first, items, cpu_s
            self._in_work.pop(me, None)
            if not self._in_work:
                self.over.set()
            return None

    def _claim(self, me: int, first: int, end: int) -> int:
        self._in_work[me] = first
        allowed = max(first, min(end, self._book.claim(self._lowest_at_risk(), end)))
        if allowed == first:
            self.cut, self._count = True, first
        return allowed

    def _lowest(self) -> int:
        return min(self._in_work.values(), default=self.begun)

    def _lowest_at_risk(self) -> int:
        lowest = self._lowest()
        return lowest if self._packed_from is None else min(lowest, self._packed_from)

    def _run(self, first: int, items: Sequence[Any]) -> None:
        for offset, item in enumerate(items, first):
            if self._has_failed and offset > min([*self.errors]):
                # Nobody wants what stands behind an error. What stands before it is wanted, whoever was the quicker.
                return
            begun = time.perf_counter() if self.each_s else 0.0
            try:
                if self._begin is not None:
                    self._begin(offset)
                self.values[offset] = within(self._function, item, self._rules.timeout_s)
                error = None
            except BaseException as raised:  # noqa: BLE001 - what the function raised is told, whatever it is
                error = raised
            if os.getpid() != self._home:
                _leave(error)
            if self.each_s:
                self.each_s[offset] = time.perf_counter() - begun
            if error is not None:
                self.errors[offset] = task_error(error)


class Team:
    """Threads that run rounds together. They are started when they are first needed, and live until they are ended."""

    def __init__(self) -> None:
        """Start nothing."""
        self._rounds: queue.SimpleQueue[Round | None] = queue.SimpleQueue()
        self._threads = 0
        self._most: int | None = None

    def play(self, playing: Round, at_once: int) -> None:
        """Begin a round on so many threads; ``playing.over`` tells its end."""
        asked = 0
        while asked < at_once and playing.has_more:
            if asked == self._threads and not self._start():
                break
            self._rounds.put(playing)
            asked += 1
        if not self._threads:
            # Where the system gives us no thread, there is still this one.
            playing.work()

    def _start(self) -> bool:
        """Start one more thread; say whether there is one."""
        if self._most is not None and self._threads >= self._most:
            return False
        # The function sees the worker's context variables, as in its own thread.
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(self._serve,), name=f"poolwise-inner-{self._threads}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            # "can't start new thread": a limit on processes and threads (ulimit -u, a container's), or on memory.
            self._most = self._threads
            return False
        self._threads += 1
        return True

    def end(self) -> None:
        """Let the threads end after what they are doing."""
        for _ in range(self._threads):
            self._rounds.put(None)
        self._threads = 0

    def _serve(self) -> None:
        while (playing := self._rounds.get()) is not None:
            playing.work()


def run_chunk_threads(
    call: Call,
    items: Sequence[Any],
    rules: ChunkRules,
    at_once: int = 1,
    *,
    team: Team | None = None,
    begin: Mark | None = None,
) -> Outcome:
    """Call the function on the items, ``at_once`` of them at a time: the threads twin of ``run_chunk``.

    Items are not marked: of several under way, no mark could tell which one killed the worker. ``begin`` is called
    with an item's offset in the context in which it is run. Values before the first error are kept, whatever the rules.
    """
    wall = time.perf_counter()
    playing = Round(call, lambda first, end: items[first:end], len(items), rules, begin=begin, book=NoBook())
    own = Team() if team is None else team
    own.play(playing, min(at_once, len(items)))
    if items:
        playing.wait()
    if team is None:
        own.end()
    values, errors = ended(playing, 0, rules)
    ended_s = time.perf_counter()
    each_s = playing.each_s[: len(values)]
    return Outcome(values, errors, ended_s - wall, playing.cpu_s, ended_s=ended_s, each_s=each_s)


def ended(playing: Round, start: int, rules: ChunkRules) -> tuple[list[Any], dict[int, TaskError]]:
    """Give the values of a round that is over from item ``start`` on, and what was raised, by offsets from there."""
    stop = min(playing.errors) + 1 if rules.stop_at_error and playing.errors else playing.begun
    return playing.values[start:stop], {offset - start: error for offset, error in _from(playing.errors, start)}


def _from(errors: dict[int, TaskError], start: int) -> Iterator[tuple[int, TaskError]]:
    yield from ((offset, error) for offset, error in errors.items() if offset >= start)


def _leave(error: BaseException | None) -> None:
    """End a child that the function has forked and that came back from it: the thread was all that it has."""
    code = 0
    try:
        if isinstance(error, SystemExit):
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
        elif error is not None:
            code = 1
            sys.excepthook(type(error), error, error.__traceback__)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(code)
