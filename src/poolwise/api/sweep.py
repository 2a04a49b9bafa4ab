"""``sweep``: the same work with more and more workers, in turn, and what follows from it."""

from __future__ import annotations

import contextlib
import datetime as dt
import operator
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeAlias, Unpack, cast, get_args

from poolwise.api.keywords import RaceKeywords
from poolwise.api.rounds import Track, Way, check_rounds, keep_items, run_rounds, version
from poolwise.decide.scaling import judge
from poolwise.errors import InputError, OptionError
from poolwise.measure.machine import find_machine
from poolwise.model.options import MOST_WORKERS, BackendName
from poolwise.model.results import Results
from poolwise.model.sweep import Point, Sweep
from poolwise.model.units import Seconds
from poolwise.report.figures import counted
from poolwise.report.progress.brief import show_briefly
from poolwise.work import role

SweepBackend: TypeAlias = Literal["processes", "threads", "interpreters", "asyncio"]
SWEPT: tuple[SweepBackend, ...] = get_args(SweepBackend)

# One worker alone takes as long as all cores together need for the work, as often as there are rounds: more than the
# minute of a race.
BUDGET_S: Seconds = 120.0
# Past the cores the curve bends within a factor of two; four shows what comes after, for work that waits too.
TIMES_CORES = 4
# The law needs four points, which a machine with few cores has only if none of these is left out.
EACH_UP_TO = 4
# The sweep says these itself.
OURS = {"max_workers": "write workers=[1, 2, 4]", "errors": "an item that fails ends the sweep, and is raised"}


def sweep(
    function: Callable[..., object],
    /,
    *iterables: Iterable[object],
    backend: SweepBackend = "processes",
    workers: Iterable[int] | None = None,
    repeats: int = 3,
    budget_s: Seconds = BUDGET_S,
    **options: Unpack[RaceKeywords],
) -> Sweep:
    """Run the same items with 1, 2, 4 … workers, in turn, and say how many are worth it, and how the speed grows.

    >>> import poolwise
    >>> found = poolwise.sweep(abs, [-1, 2, -3], backend="threads", workers=[1, 2], repeats=2)
    >>> [point.workers for point in found.points], found.no_fit.what
    ([1, 2], 'few workers')

    **The function is called on each item again and again**, once in each lap: what it does besides giving a result
    (files that it writes, orders that it sends) is done as often.

    ``function``, ``iterables``: as in ``poolwise.map``. The items are read once, before the first lap, and kept.
    ``backend``: whose workers: ``"processes"``, ``"threads"``, ``"interpreters"`` (CPython 3.14 and newer), or
        ``"asyncio"``, where it is the number of tasks at a time.
    ``workers``: the numbers of workers to measure. None: 1, 2, 4 … up to four times the usable cores, and the cores
        themselves. More than there are items are left out, and told: no more could work.
    ``repeats``: laps of each that count. A lap before them warms up, and is told apart.
    ``budget_s``: seconds for all of it. What takes too long is stopped, and has fewer laps or none; a single call is
        not cut short in threads and coroutines.
    ``options``: of ``poolwise.map``: chunksize, timeout, retries, initializer, initargs, start_method, seed, …

    Rounds are interleaved: each runs every number of workers once, and begins with another one. To the medians the
    Universal Scalability Law is fitted: ``Sweep.fit``, with 95 % intervals, or ``Sweep.no_fit``, which says why not:
    too few points, noise larger than the effect, a curve of another shape. ``docs/scaling.md`` explains both.

    **Raises** what the function raises on an item, after the lap in which it did; ``poolwise.errors.CallerError`` where
    the arguments cannot be used or there are no items; other errors of ``poolwise.map`` where the work cannot be run.
    """
    role.refuse_nested_start("sweep")
    _check(backend, repeats, budget_s, options)
    asked = _checked(workers)
    begun, begun_at = time.monotonic(), dt.datetime.now().astimezone()
    machine = find_machine()
    work = keep_items("sweep", function, iterables)
    numbers, left_out = able(asked or default_workers(machine.cores), work.items)
    with show_briefly("sweep") as show:
        tracks = run_rounds(
            work, _ways(numbers, backend, options), repeats=repeats, budget_s=budget_s, told=_stop_at_failure, show=show
        )
    points = _points(tracks)
    found = judge(points, work.items, machine.cores)
    return Sweep(
        function=work.call.name,
        items=work.items,
        backend=cast("BackendName", backend),
        cores=machine.cores,
        repeats=repeats,
        budget_s=float(budget_s),
        points=points,
        left_out=left_out,
        fit=found.fit,
        no_fit=found.no_fit,
        noise=found.noise,
        best=found.best,
        knee=found.knee,
        worth=found.worth,
        dropoff=found.dropoff,
        causes=found.causes,
        wall_s=time.monotonic() - begun,
        machine=machine,
        begun=begun_at.isoformat(timespec="seconds"),
        poolwise=version(),
    )


def default_workers(cores: int) -> tuple[int, ...]:
    """Choose the numbers of workers for a machine: doubled from one on, to well beyond the cores."""
    most = TIMES_CORES * cores
    doubled = {1 << power for power in range(most.bit_length()) if 1 << power <= most}
    each = range(1, EACH_UP_TO + 1) if cores <= EACH_UP_TO else ()
    return tuple(sorted({*doubled, *each, cores, most}))


def able(asked: Sequence[int], items: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Part the numbers of workers that so many items can keep busy from those that they cannot.

    :raises InputError: none of them can.
    """
    numbers = tuple(each for each in asked if each <= items)
    if not numbers:
        raise InputError(
            f"sweep() was asked for {counted(min(asked), 'worker')} or more, and there {'is' if items == 1 else 'are'} "
            f"but {counted(items, 'item')}, one for "
            "each worker at most: give more items, or fewer workers"
        )
    return numbers, tuple(each for each in asked if each > items)


def _ways(numbers: Sequence[int], backend: str, options: RaceKeywords) -> list[Way]:
    # The many first: they are quick, and what they leave of their share of the time goes to the slow ones behind them.
    return [
        Way(name=f"{backend}:{number}", options={**options, "backend": backend, "max_workers": number})
        for number in reversed(numbers)
    ]


def _stop_at_failure(_: Track, results: Results[Any]) -> None:
    """Raise what the function raised: a lap with failures is no measurement of the work."""
    if results.failures:
        error = results.failures[0].error
        # It has a note of its item already, and some errors (frozen dataclasses) take none.
        with contextlib.suppress(Exception):
            error.add_note("poolwise: it ended the sweep, which needs items that do not fail")
        raise error


def _points(tracks: Sequence[Track]) -> tuple[Point, ...]:
    for track in tracks:
        if track.error is not None:
            raise track.error
    points = [Point(workers=track.way.options["max_workers"], warmup=track.warmup, laps=track.laps) for track in tracks]
    return tuple(sorted(points, key=lambda point: point.workers))


# --- Checks ------------------------------------------------------------------------------------------------------


def _check(backend: object, repeats: object, budget_s: object, options: RaceKeywords) -> None:
    if backend not in SWEPT:
        raise OptionError(f"backend={backend!r}: a sweep is over the workers of one of {', '.join(map(repr, SWEPT))}")
    check_rounds("sweep", repeats, budget_s, {**options, "backend": backend}, OURS)


def _checked(workers: object) -> tuple[int, ...]:
    """Give the numbers of workers that were asked for, each once and in order; none where it is left to us."""
    if workers is None:
        return ()
    if isinstance(workers, (str, bytes)) or not isinstance(workers, Iterable):
        raise OptionError(f"workers={workers!r}: write a list, such as [1, 2, 4, 8]")
    numbers = [each if isinstance(each, bool) else _whole(each) for each in workers]
    wrong = [each for each in numbers if not _is_count(each) or each > MOST_WORKERS]
    if wrong:
        raise OptionError(f"workers: {wrong[0]!r} is no number of workers; write whole numbers, 1 to {MOST_WORKERS:,}")
    if not numbers:
        raise OptionError("workers is empty; name numbers of workers, such as [1, 2, 4, 8], or leave it out")
    return tuple(sorted(set(numbers)))


def _whole(value: Any) -> Any:  # noqa: ANN401 - whatever was given
    """Take a whole number of another library (NumPy's) for what it is; leave what is none."""
    try:
        return operator.index(value)
    except TypeError:
        return value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
