"""Running the calls of one chunk, one after another, in whatever thread or process this is."""

from __future__ import annotations

import operator
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from poolwise.errors import FunctionExitedError, TaskTimeoutError
from poolwise.model.classes import frozen
from poolwise.model.events import Outcome, TaskError
from poolwise.model.units import Seconds
from poolwise.work import keyboard, role
from poolwise.work.call import Call, short_repr
from poolwise.work.cuttable import Cuttable
from poolwise.work.trouble import trouble_of

Mark = Callable[[int], None]
"""Called with an item's offset just before it is run."""
RunCoroutine = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a coroutine to its end; each thread of work brings its own."""


# Up to CPython 3.11, ``extend(map(...))`` is as fast as a comprehension; from 3.12 on, where a comprehension is part of
# its function, it is a fifth slower, and a comprehension with a copy is better.
EXTENDS_FAST = sys.version_info < (3, 12)
# Fewer values are not worth the detour.
MANY = 1000
# Timing an item takes 0.15 µs. A chunk takes some milliseconds, so that one of more items than this has items of 20 µs
# or less, of which the mean tells enough.
MOST_TIMED = 256
# Their frames tell the user nothing.
OURS = (__name__, f"{__name__}_threads")


@frozen
class ChunkRules:
    """What the caller wants of a chunk."""

    stop_at_error: bool = True
    """The first error ends the run: do not begin the items after it."""
    keep_partial: bool = True
    """The values before an error are wanted. Where they are not, the chunk runs as one comprehension, which
    is a sixth faster than a loop of appends at 50 ns an item (measured on CPython 3.11 to 3.13)."""
    timeout_s: Seconds | None = None
    timed: bool = False
    """Tell what each item took, where there are not so many that timing them costs more than it tells."""

    def times(self, count: int) -> bool:
        """Tell whether the items of a chunk of so many are timed one by one."""
        return self.timed and count <= MOST_TIMED


def run_chunk(
    call: Call,
    items: Sequence[Any] | Cuttable,
    rules: ChunkRules,
    *,
    mark: Mark | None = None,
    run_coroutine: RunCoroutine | None = None,
    into: list[Any] | None = None,
) -> Outcome:
    """Call the function on each item in turn and time the whole.

    Everything that the function raises is part of the outcome, except KeyboardInterrupt in this process's main
    thread: that is the person at the keyboard, and goes through.

    ``into``, where it is given, is the list that the values end in, and the next of which is this chunk's first: they
    are put there at once.
    """
    wall, cpu = time.perf_counter(), time.thread_time()
    function = single_argument(call, run_coroutine)
    each_s: list[Seconds] = []
    if rules.times(len(items)):
        function = timing(function, each_s)
    values: Sequence[Any]
    if mark is None and rules.timeout_s is None and rules.stop_at_error and not rules.keep_partial:
        if into is not None and EXTENDS_FAST and len(items) >= MANY and not isinstance(items, Cuttable):
            values, errors = _run_in_place(function, items, into)
        else:
            values, errors = _run_fast(function, items)
    elif mark is None and rules.timeout_s is None:
        values, errors = _run_keeping(function, items, rules)
    else:
        values, errors = _run_each(function, items, rules, mark)
    cpu_s, ended_s = time.thread_time() - cpu, time.perf_counter()
    return Outcome(values, errors, ended_s - wall, cpu_s, ended_s=ended_s, each_s=each_s)


def timing(function: Callable[[Any], Any], each_s: list[Seconds]) -> Callable[[Any], Any]:
    """Add to ``each_s`` what each call takes, one that raises too."""
    clock, note = time.perf_counter, each_s.append

    def timed(item: Any) -> Any:  # noqa: ANN401 - any item, any result
        begun = clock()
        try:
            return function(item)
        finally:
            note(clock() - begun)

    return timed


def single_argument(call: Call, run_coroutine: RunCoroutine | None = None) -> Callable[[Any], Any]:
    """Make of a call a function of the item alone, with nothing in between where nothing is needed."""
    function = call.function
    if call.coroutine:
        if run_coroutine is None:
            msg = "a coroutine function needs something to run its coroutines"
            raise TypeError(msg)
        run = run_coroutine
        return (lambda item: run(function(*item))) if call.spread else (lambda item: run(function(item)))
    return (lambda item: function(*item)) if call.spread else function


def _run_fast(function: Callable[[Any], Any], items: Iterable[Any]) -> tuple[list[Any], dict[int, TaskError]]:
    """Run all or nothing. An iterator's length hint tells how far it came, so that an error finds its item."""
    iterator, home = iter(items), os.getpid()
    total = operator.length_hint(iterator)
    try:
        return [function(item) for item in iterator], {}
    except BaseException as error:  # noqa: BLE001 - what the function raised is told, whatever it is
        offset = total - operator.length_hint(iterator) - 1
        return [], {offset: task_error(error, home)}


def _run_in_place(
    function: Callable[[Any], Any], items: Sequence[Any], into: list[Any]
) -> tuple[Sequence[Any], dict[int, TaskError]]:
    """Run all or nothing, without a list of the chunk's own: copying 100,000 references takes a tenth of x + 1."""
    before, count, home = len(into), len(items), os.getpid()
    try:
        into.extend(map(function, items))
    except BaseException as error:  # noqa: BLE001 - what the function raised is told, whatever it is
        return [], {len(into) - before: task_error(error, home)}
    if (ran := len(into) - before) < count == len(items):
        # A StopIteration of the function's ends map() in silence; this one stands for it.
        return [], {ran: TaskError(StopIteration())}
    return Placed(into, before, len(into)), {}


class Placed(Sequence[Any]):
    """Values that are in the caller's list already, from ``start`` to ``stop - 1``."""

    def __init__(self, values: list[Any], start: int, stop: int) -> None:
        """Look at ``values``."""
        self._values = values
        self._start = start
        self._stop = stop

    def __len__(self) -> int:
        """Say how many there are."""
        return self._stop - self._start

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - an int or a slice, a value or several
        """Give a value, or a copy of some."""
        if isinstance(index, slice):
            return [self._values[self._start + place] for place in range(*index.indices(len(self)))]
        return self._values[self._start + range(len(self))[index]]


def _run_keeping(
    function: Callable[[Any], Any], items: Iterable[Any], rules: ChunkRules
) -> tuple[list[Any], dict[int, TaskError]]:
    """Run all and keep what comes before and after errors; one ``try`` for as long as nothing is raised."""
    values: list[Any] = []
    errors: dict[int, TaskError] = {}
    iterator, keep, home = iter(items), values.append, os.getpid()
    while True:
        try:
            for item in iterator:
                keep(function(item))
            return values, errors
        except BaseException as error:  # noqa: BLE001 - what the function raised is told, whatever it is
            errors[len(values)] = task_error(error, home)
            keep(None)
        if rules.stop_at_error:
            return values, errors


def _run_each(
    function: Callable[[Any], Any], items: Iterable[Any], rules: ChunkRules, mark: Mark | None
) -> tuple[list[Any], dict[int, TaskError]]:
    values: list[Any] = []
    errors: dict[int, TaskError] = {}
    home = os.getpid()
    for offset, item in enumerate(items):
        if mark is not None:
            mark(offset)
        try:
            values.append(within(function, item, rules.timeout_s))
        except BaseException as error:  # noqa: BLE001 - what the function raised is told, whatever it is
            values.append(None)
            errors[offset] = task_error(error, home)
            if rules.stop_at_error:
                break
    return values, errors


def within(function: Callable[[Any], Any], item: Any, timeout_s: Seconds | None) -> Any:  # noqa: ANN401 - any item, any result
    """Call the function, and fail an item that took too long even where nothing could cut it short."""
    if timeout_s is None:
        return function(item)
    begun = time.monotonic()
    value = function(item)
    took = time.monotonic() - begun
    if took > timeout_s:
        raise late(timeout_s, took)
    return value


def late(timeout_s: Seconds, took_s: Seconds, cut: str = "") -> TaskTimeoutError:
    """Say that an item was late, and what became of its call."""
    return TaskTimeoutError(f"the item took {took_s:.3g} s, longer than timeout={timeout_s:g} s{cut}")


def task_error(error: BaseException, home: int | None = None) -> TaskError:
    """Turn what a call raised into a value; a Ctrl-C in the main thread is no such thing and goes on.

    ``home`` is the process in which the call began. Where this is another, the function has forked, and what its child
    raises (``sys.exit``, as a rule) ends the child, as in a loop.
    """
    if is_ctrl_c(error) or (home is not None and os.getpid() != home):
        raise error
    if keyboard.has_quit(error) and _is_here():
        # Whoever quits a debugger wants to be asked at no further item, either.
        raise error
    if keyboard.has_quit(error) and role.is_worker():
        nobody = keyboard.found_nobody()
        nobody.__cause__ = error
        error = nobody
    elif isinstance(error, SystemExit):
        exited = FunctionExitedError(
            f"the function called sys.exit({short_repr(error.code) if error.code is not None else ''}); "
            "let it return, or raise an exception, where it should end for one item only"
        )
        exited.__cause__ = error
        error = exited
    return TaskError(error, format_error(error), trouble_of(error))


def format_error(error: BaseException) -> str:
    """Format the traceback without our own frames at its top, which tell the user nothing."""
    import traceback  # noqa: PLC0415 - half of what a new interpreter of Python 3.14 would load to run a chunk (25 ms)

    return "".join(traceback.format_exception(type(error), error, _user_frames(error)))


def _user_frames(error: BaseException) -> Any:  # noqa: ANN401 - a TracebackType or None
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__") in OURS:
        frames = frames.tb_next
    return frames if frames is not None else error.__traceback__


def is_ctrl_c(error: BaseException) -> bool:
    """Tell the person at the keyboard from a function that raises KeyboardInterrupt somewhere else."""
    return isinstance(error, KeyboardInterrupt) and _is_here()


def _is_here() -> bool:
    """Tell whether this thread is the one that hears the person at the keyboard: no worker process does."""
    return threading.current_thread() is threading.main_thread() and not role.is_worker()
