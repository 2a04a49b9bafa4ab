"""``map`` and ``starmap``: all results at once, with the report of how they came about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Unpack, overload

from poolwise.api.ask import Ask
from poolwise.api.execution import Execution
from poolwise.api.hopeless import results_of
from poolwise.api.keywords import A2, A, As, B, Coro, Keeping, Keywords, Many, Raising, Some
from poolwise.errors import CallerError, OptionError, TooManyFailuresError
from poolwise.model.classes import replace
from poolwise.model.failure import Failure
from poolwise.model.options import Options
from poolwise.model.results import Results
from poolwise.work.arriving import is_async_iterable
from poolwise.work.call import short_repr
from poolwise.work.chunk import Placed

if TYPE_CHECKING:
    from poolwise.work.eventloop import Home
    from poolwise.work.items import Items


@overload
def map(function: Callable[[A], Coro[B]], items: Iterable[A], /, **options: Unpack[Raising]) -> Results[B]: ...
@overload
def map(
    function: Callable[[A], Coro[B]], items: Iterable[A], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
def map(function: Callable[[A], B], items: Iterable[A], /, **options: Unpack[Raising]) -> Results[B]: ...
@overload
def map(function: Callable[[A], B], items: Iterable[A], /, **options: Unpack[Keeping]) -> Results[B | Failure]: ...
@overload
def map(
    function: Callable[[A, A2], Coro[B]], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Raising]
) -> Results[B]: ...
@overload
def map(
    function: Callable[[A, A2], Coro[B]], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
def map(
    function: Callable[[A, A2], B], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Raising]
) -> Results[B]: ...
@overload
def map(
    function: Callable[[A, A2], B], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
def map(
    function: Callable[..., Coro[B]], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Raising]
) -> Results[B]: ...
@overload
def map(
    function: Callable[..., Coro[B]], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
def map(
    function: Callable[..., B], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Raising]
) -> Results[B]: ...
@overload
def map(
    function: Callable[..., B], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
def map(function: Callable[..., Any], /, *iterables: Iterable[Any], **options: Unpack[Keywords]) -> Results[Any]:
    """Call ``function`` on each item, as fast as this machine can, and give the results in input order.

    The first items are run and measured; what is measured decides how the rest is run: in a plain loop, on threads, in
    processes, or as tasks of an event loop. ``print(results.report)`` says what was done and why.

    >>> import poolwise
    >>> poolwise.map(abs, [-1, 2, -3])
    [1, 2, 3]

    **Arguments**

    ``function``: takes one item; with several iterables, one argument of each. An ``async def`` function is awaited.
    ``iterables``: what to call it on. Several are read side by side and end with the shortest, as in the built-in
        ``map``. An iterator is read while the run goes on; for an endless one there is ``imap``.

    **Options**, all by keyword; every verb takes the same

    ``backend``: ``"auto"`` measures and decides. ``"loop"``, ``"threads"``, ``"processes"``, ``"interpreters"`` (on
        CPython 3.14 and newer), ``"asyncio"`` (for functions that give coroutines), ``"dask"`` or ``"ray"`` (a cluster)
        is used as named, from the first item on and without measuring.
    ``max_workers``: at most so many workers, 1 to 10,000: threads, processes, interpreters, or tasks under
        ``"asyncio"``. None: as many as the work can use.
    ``chunksize``: send so many items to a worker together, 1 or more. None: by measured time. With ``timeout`` each
        item of an ordinary function is sent alone.
    ``ordered``: True gives results in input order; False gives each as soon as it is there.
    ``errors``: what an item that fails does. ``"raise"``: the first failure seen ends the run and is raised.
        ``"collect"``: a false ``Failure`` (index, item, error, attempts) stands in the place of the result, and the run
        goes on. ``"skip"``: the item is left out, and the run goes on. ``results.failures`` lists the failures of both.
    ``journal``: the name of a file, or a ``poolwise.Journal``, in which every result is kept as soon as it is there, so
        that the same call, after whatever has ended the run, goes on with the items that are not done. Items are
        recognised by their content: they may be in another order, and others may have come or gone. What failed stands
        as it is, but is tried again under ``errors="raise"``. A function that has changed is told. Who takes results
        one by one (``imap``) sees none that is not on disk. None: nothing is kept.
    ``rate``: how often items may begin: a text such as ``"10/s"``, ``"600/min"`` or ``"100/h"``, a ``poolwise.Rate``
        (for a rate for each value of a key, such as the host of a URL, or for bursts), or a list of them. Tries after a
        failure count, and so do all workers together, whatever these are. None: as soon as a worker is free.
    ``limit``: how many items may be at work at a time, over all workers together: a number, a ``poolwise.Limit`` (for a
        limit for each value of a key, or for one that finds by itself what serves best), or a list of them. What has to
        wait holds up no item with another key. None: as many as there are workers.
    ``retries``: try an item that fails up to so many times more, 0 or more, before it counts as failed; or a
        ``poolwise.Retry``, which says for which errors, and after what wait. No worker waits with it. Errors that look
        like a service's (connections, time-outs, HTTP 429 and 5xx) are waited for by default, as long as the answer
        asks (``Retry-After``), and a service that fails again and again is given a rest by the whole run.
    ``max_failures``: with ``errors="collect"`` or ``"skip"``: more items than this, 0 or more, that fail for good end
        the run with ``TooManyFailuresError``, which holds what is done. None: any number may fail.
    ``timeout``: seconds, above 0, that one call may take; then it fails with ``TaskTimeoutError``. Its process is
        ended, its coroutine cancelled at the next ``await``; a thread cannot be ended and is left behind; a plain loop
        (``backend="loop"``) tells it once the call ends. None: no limit.
    ``progress``: ``"auto"`` shows a line after a second, on standard error in a terminal and below the cell in a
        notebook, and nothing in a file or pipe. True shows it at once, and in a file or pipe a line a minute and one at
        the end; False never shows any. Worker processes show none. A function is called with a ``poolwise.Progress`` a
        few times a second, in the thread that runs ``map``, and a last time at the end; one that raises is switched off
        and logged.
    ``desc``: what the run is called there. None: the function's name.
    ``total``: a whole number, 0 or more: how many items an iterator will give, for the progress, which otherwise learns
        it at the iterator's end. Nothing is decided by it; where it turns out wrong, what is counted takes its place.
    ``initializer``, ``initargs``: ``initializer(*initargs)`` is called once in every worker before its first item, and
        in the calling thread too where that measures the first items. If it raises, the run ends with
        ``InitializerError``.
    ``start_method``: ``"fork"``, ``"forkserver"`` or ``"spawn"`` for worker processes. None: fork where it is safe (no
        other thread that might hold a lock or be missed in the child), else forkserver, else spawn.
    ``crash_retries``: an item on which its worker process died is run again alone up to so many times, 0 or more,
        before it fails with ``WorkerDiedError``. What ``retries`` allows is not used up by it.
    ``memory_limit``: bytes, 16 MiB or more, that a worker process may grow by after its start (on Linux, copies of
        pages that it inherited count, once it has written to them). One that is beyond it after a chunk ends, with all
        its results handed over, and another takes its place. ``"auto"``: an even share of the memory that is free when
        the workers start, and at least 512 MiB. None: no limit.
    ``inner_max_num_threads``: threads that BLAS and OpenMP libraries may use in each worker process, 1 to 10,000. None:
        the worker's share of the cores, at least 1, unless the environment (``OMP_NUM_THREADS`` ...) has said it.
    ``seed``: a whole number, 0 or more. The functions of ``random`` and ``numpy.random`` give each item numbers that
        follow from it and the item's index only, whatever the backend and the number of workers; a second try gets the
        same ones. What was taken from the modules before (``from random import random``) is out of reach on threads and
        in an event loop. None: every worker and every item has numbers of its own.
    ``timeline``: True records who worked on what and when, as ``results.report.timeline``. The name of a file has it
        written there too, once the run has ended in whatever way, as a trace that https://ui.perfetto.dev opens; a file
        that is there is replaced. It costs less than 2 % where items take a millisecond.

    ``cluster``: which cluster ``backend="dask"`` or ``"ray"`` means: its address, or a ``distributed.Client``. None:
        the one that this program is connected to.

    **Guarantees**

    Each item's function is called exactly once, the measured items included. More often only with ``retries``, and
    where a worker process dies: what had not come back from it is run again, and the item that it was on
    ``crash_retries`` times more, alone. With ``backend="auto"`` also where an item fails beside others in a way that
    company causes (HTTP 429 or 503, too many open files, an object that belongs to another thread): it is tried again
    with less. The iterables are read in the calling thread, in order. When ``map`` is left, by an error or Ctrl-C too,
    no new item begins and its worker processes have ended; a call that is under way in a thread goes on to its end,
    unheard.

    What a worker process prints, logs and warns of comes out here, through ``sys.stdout``, the handlers and filters of
    the caller. The function sees the caller's context variables.

    **Raises**

    What the function raises, as it is, with a note of the item; what an iterable raises, in its place.
    ``poolwise.errors.CallerError`` before anything runs, where the arguments cannot be used: its text says what to
    write. ``TaskTimeoutError``, ``WorkerDiedError`` (a process died on the item, each time that it was tried),
    ``ShippingError`` (an item, a result or the function cannot be pickled) and ``FunctionExitedError`` (it called
    ``sys.exit``) for an item, as ``errors`` says; ``TooManyFailuresError`` where more failed than
    ``max_failures``. ``WorkerStartError``, ``InitializerError`` where no worker can start.
    """
    return collect(make_execution("map", function, iterables, options))


@overload
def starmap(
    function: Callable[[*As], Coro[B]], items: Iterable[tuple[*As]], /, **options: Unpack[Raising]
) -> Results[B]: ...
@overload
def starmap(
    function: Callable[[*As], Coro[B]], items: Iterable[tuple[*As]], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
def starmap(function: Callable[[*As], B], items: Iterable[tuple[*As]], /, **options: Unpack[Raising]) -> Results[B]: ...
@overload
def starmap(
    function: Callable[[*As], B], items: Iterable[tuple[*As]], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
def starmap(
    function: Callable[..., Any], iterable: Iterable[Iterable[Any]], /, **options: Unpack[Keywords]
) -> Results[Any]:
    """Like ``map``, for items that are tuples of arguments: ``function(*item)``.

    >>> import poolwise
    >>> poolwise.starmap(pow, [(2, 3), (3, 2)])
    [8, 9]

    ``iterable`` gives tuples (or other iterables) of as many values as ``function`` takes. Options, guarantees and
    errors are those of ``poolwise.map``; the item of a ``Failure`` is the tuple.
    """
    return collect(make_execution("starmap", function, (iterable,), options, star=True))


def make_execution(
    verb: str,
    function: Callable[..., Any],
    iterables: tuple[Some, ...],
    options: Mapping[str, object],
    *,
    star: bool = False,
    stream: bool = False,
    event_loop: Home | None = None,
    items: Items | None = None,
    bound: bool = False,
) -> Execution:
    """Check what the caller asks for; nothing has run yet when this raises.

    ``items`` is what reads the iterables, where that is not for whoever leads the run. Coroutine functions that are
    ``bound`` to the ``event_loop`` run in no other.
    """
    if not iterables:
        raise OptionError(f"{verb}() needs the items too: poolwise.{verb}(function, items)")
    if items is None and (late := next(filter(is_async_iterable, iterables), None)) is not None:
        raise CallerError(
            f"{verb}() cannot read {short_repr(late)} ({type(late).__name__}), which takes async for: inside a running "
            "event loop, await poolwise.amap(function, items), or use poolwise.aimap"
        )
    asked = Options.from_keywords(verb, options)
    return Execution(Ask(verb, function, iterables, asked, star, stream, event_loop, items, bound))


def collect(execution: Execution) -> Results[Any]:
    """Run to the end and gather everything."""
    # Filled in place: a second list of 100,000 results costs a tenth of making them with x + 1 (its pages are new).
    results: Results[Any] = Results()
    execution.into = results
    failures: list[Failure] = []
    done: dict[int, Any] | None = {} if execution.may_fail else None
    for batch in execution.batches():
        failures += batch.failures.values()
        if done is not None:
            done.update(results_of((batch,)))
        if not isinstance(batch.values, Placed):
            results += execution.wanted(batch)
    if execution.error is not None:
        if isinstance(execution.error, TooManyFailuresError) and done is not None:
            execution.error.done = {**done, **execution.error.done}
        raise execution.error
    results.failures = tuple(sorted(failures, key=lambda failure: failure.index))
    report, teller = execution.report(timeline=False), execution.teller
    if teller is None:
        results.report = report
    else:
        results.report_later(lambda: replace(report, timeline=teller()))
    return results
