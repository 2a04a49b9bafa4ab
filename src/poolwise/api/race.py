"""``race``: every way to run the same work, side by side, in turn, and held against each other."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Unpack

from poolwise.api.compare import differing
from poolwise.api.keywords import RaceKeywords
from poolwise.api.rounds import Told, Track, Way, Work, check_rounds, keep_items, run_rounds, version
from poolwise.decide.choose import BLIND_THREADS
from poolwise.errors import OptionError
from poolwise.measure.machine import find_machine
from poolwise.model.classes import replace
from poolwise.model.failure import Failure
from poolwise.model.machine import Machine
from poolwise.model.options import BACKENDS, HAS_INTERPRETERS, Options
from poolwise.model.race import Difference, Entrant, Race
from poolwise.model.report import Report
from poolwise.model.results import Results
from poolwise.model.units import Seconds
from poolwise.report.progress.brief import show_briefly
from poolwise.work import role
from poolwise.work.call import REPR_LENGTH, one_line, short_repr, show_error

# A minute is what a person waits for an answer of this kind.
BUDGET_S: Seconds = 60.0
# So many of the items with different results are shown of each way.
SHOWN = 10
# Errors of our own say in so many characters what to do; longer ones are the function's.
MOST_WORDS = 5 * REPR_LENGTH
AUTO = "auto"
# A picture of more spans than this shows no more, and makes a page of megabytes.
MOST_SPANS = 5_000
# The race says these itself.
OURS = {
    "backend": "name the ways in backends=[…]",
    "errors": "errors are results here, and are compared",
    "max_workers": "write it behind the way, as in backends=['threads:8']",
}


def race(
    function: Callable[..., object],
    /,
    *iterables: Iterable[object],
    backends: Sequence[str] | None = None,
    repeats: int = 3,
    budget_s: Seconds = BUDGET_S,
    **options: Unpack[RaceKeywords],
) -> Race:
    """Run the same items in every way, in turn, and say which way is the fastest, by how much, and what it costs.

    >>> import poolwise
    >>> found = poolwise.race(abs, [-1, 2, -3], backends=["loop", "threads:2"], repeats=1)
    >>> [entrant.name for entrant in found.entrants], found.differing
    (['loop', 'threads:2', 'auto'], 0)

    **The function is called on each item again and again**, once in each lap: what it does besides giving a result
    (files that it writes, orders that it sends) is done as often.

    ``function``, ``iterables``: as in ``poolwise.map``. The items are read once, before the first lap, and kept.
    ``backends``: the ways, each a backend or a backend and its number of workers: ``["loop", "threads:32",
        "processes"]``. None: all that can run this function here; threads as many as cores, and 32. What ``auto`` would
        choose always runs too, as the last of each list.
    ``repeats``: laps of each way that count. A lap before them warms up, and is told apart.
    ``budget_s``: seconds for all of it. A way that takes too long is stopped in its first lap and shown as
        "> 12 s"; slow ones get fewer laps. A single call is not cut short in a loop, in threads and coroutines.
    ``options``: of ``poolwise.map``: chunksize, timeout, retries, initializer, initargs, start_method, seed, …

    Rounds are interleaved: each round runs every way once, and begins with another one. Results are compared with
    those of the first way that finished (the plain loop, as a rule): a difference is a finding, ``Race.differences``.
    An item that fails does not end the race; a way that cannot run the work at all (a function that cannot travel)
    says why in ``Entrant.error``.

    **Raises** ``poolwise.errors.CallerError`` where the arguments cannot be used, or there are no items.
    """
    return hold(function, iterables, backends, options, repeats=repeats, budget_s=budget_s)


def hold(
    function: Callable[..., object],
    iterables: tuple[Iterable[object], ...],
    backends: Sequence[str] | None,
    options: Mapping[str, Any],
    *,
    repeats: int,
    budget_s: Seconds,
    heard: Told | None = None,
) -> Race:
    """Hold a race; ``heard`` is told of the results of each lap, and may raise to end it."""
    role.refuse_nested_start("race")
    check_rounds("race", repeats, budget_s, options, OURS)
    begun, begun_at = time.monotonic(), dt.datetime.now().astimezone()
    work, machine = keep_items("race", function, iterables), find_machine()
    coroutine = work.call.coroutine
    names = default_ways(machine, work.items, coroutine=coroutine) if backends is None else _checked(backends)
    ways = [Way(name=name, options={**options, **forced(name)}) for name in (*names, AUTO)]
    judge = Judge(work)

    def told(track: Track, results: Results[Any]) -> None:
        judge.hear(track, results)
        if heard is not None:
            heard(track, results)

    with show_briefly("race") as show:
        tracks = run_rounds(work, ways, repeats=repeats, budget_s=budget_s, told=told, show=show)
    return Race(
        function=work.call.name,
        items=work.items,
        cores=machine.cores,
        repeats=repeats,
        budget_s=float(budget_s),
        entrants=tuple(map(_entrant, tracks)),
        differences=judge.differences(),
        differing=judge.differing,
        uncompared=judge.uncompared,
        failed=judge.failed,
        wall_s=time.monotonic() - begun,
        report=_presentable(tracks[-1].report),
        machine=machine,
        begun=begun_at.isoformat(timespec="seconds"),
        poolwise=version(),
    )


def default_ways(machine: Machine, items: int, *, coroutine: bool) -> list[str]:
    """Name the ways that can run this work here: what a person would try by hand."""
    cores = max(2, machine.cores)
    threads = sorted({min(cores, items), min(BLIND_THREADS, items)} - {1})
    names = ["loop", *(f"threads:{count}" for count in threads)]
    if machine.start_methods and not machine.in_worker:
        names.append(f"processes:{min(cores, items)}")
    if machine.interpreters and HAS_INTERPRETERS and not coroutine:
        names.append(f"interpreters:{min(cores, items)}")
    return [*names, "asyncio"] if coroutine else names


def forced(name: str) -> dict[str, Any]:
    """Read a way's name as options: ``threads:8``.

    :raises OptionError: there is no such backend, or what stands behind it is no number of workers.
    """
    backend, colon, workers = name.partition(":")
    if colon and (not workers.isdecimal() or not int(workers)):
        raise OptionError(f"the way {name!r} should be BACKEND or BACKEND:WORKERS, such as 'threads:8'")
    return {"backend": backend, "max_workers": int(workers) if colon else None}


def _checked(backends: object) -> list[str]:
    given = None if isinstance(backends, (str, bytes)) or not isinstance(backends, Iterable) else list(backends)
    if given is None or not all(isinstance(each, str) for each in given):
        raise OptionError(f"backends={backends!r}: write a list, such as ['loop', 'threads:8', 'processes']")
    names = [name for name in dict.fromkeys(given) if name != AUTO]
    if not names:
        raise OptionError(f"backends={backends!r} names nothing to race against: one of {', '.join(BACKENDS)} at least")
    for name in names:
        asked = forced(name)
        Options(backend=asked["backend"], max_workers=asked["max_workers"])
        if asked["backend"] == "loop" and asked["max_workers"] not in (None, 1):
            raise OptionError(f"the way {name!r}: a loop has one worker, the calling thread")
    return names


def _presentable(report: Report | None) -> Report | None:
    """Keep the picture of a lap where it is one; a hundred thousand spans are none."""
    if report is None or report.timeline is None or len(report.timeline.spans) <= MOST_SPANS:
        return report
    return replace(report, timeline=None)


def _entrant(track: Track) -> Entrant:
    options, report = track.way.options, track.report
    backend = options["backend"]
    chosen = backend == AUTO
    workers = options["max_workers"] or 1
    if report is not None:
        backend, workers = report.plan.backend, report.plan.workers + report.plan.here
    return Entrant(
        name=track.way.name,
        backend="loop" if backend == AUTO else backend,
        workers=workers,
        tasks_per_worker=report.plan.tasks_per_worker if report is not None else 1,
        chosen=chosen,
        warmup=track.warmup,
        laps=() if track.error is not None else track.laps,
        error=None if track.error is None else one_line(show_error(track.error), MOST_WORDS),
    )


# --- Comparing ---------------------------------------------------------------------------------------------------


class Judge:
    """Holds the results of the first way that finished, and compares with them what the others bring."""

    def __init__(self, work: Work) -> None:
        """Know nothing yet."""
        self._work = work
        self._reference: tuple[Track, list[Any]] | None = None
        self._found: dict[str, dict[int, tuple[Any, Any]]] = {}
        """For each way, items with different results: what it gave, and what was expected."""
        self._differing: set[int] = set()
        self._uncompared: set[int] = set()
        self._wobbling: set[int] = set()

    def hear(self, track: Track, results: Results[Any]) -> None:
        """Compare what a lap has given; a way in which all items fail, and not in another one, cannot do this work."""
        if self._reference is None:
            self._reference = track, list(results)
            return
        reference, expected = self._reference
        if len(results) != len(expected):
            return
        if _all_failed(expected) and not _all_failed(results):
            reference.error = expected[0].error
            self._reference = track, list(results)
            # What was found until now was found of errors.
            for known in (self._found, self._differing, self._uncompared, self._wobbling):
                known.clear()
        elif _all_failed(results) and not _all_failed(expected):
            track.error = results[0].error
        else:
            self._compare(track, results)

    def _compare(self, track: Track, results: Results[Any]) -> None:
        assert self._reference is not None  # noqa: S101 - for the type checker
        reference, expected = self._reference
        found = self._found.setdefault(track.way.name, {})
        for index, known in differing(expected, results):
            if not known:
                self._uncompared.add(index)
            elif track is reference:
                self._wobbling.add(index)
            else:
                self._differing.add(index)
                if index not in found and len(found) < SHOWN:
                    found[index] = (_text(results[index]), _text(expected[index]))

    @property
    def differing(self) -> int:
        """Count the items with different results."""
        return len(self._differing)

    @property
    def uncompared(self) -> int:
        """Count the items of which it cannot be told."""
        return len(self._uncompared - self._differing)

    @property
    def failed(self) -> int:
        """Count the items that failed in the way that the others are compared with."""
        return sum(isinstance(each, Failure) for each in self._reference[1]) if self._reference is not None else 0

    def differences(self) -> tuple[Difference, ...]:
        """Give what was found, way by way."""
        return tuple(self._differences())

    def _differences(self) -> Iterator[Difference]:
        for name, items in self._found.items():
            for index in sorted(items):
                result, expected = items[index]
                yield Difference(
                    index=index,
                    item=self._item(index),
                    name=name,
                    result=result,
                    reference=self._reference[0].way.name if self._reference is not None else "",
                    expected=expected,
                    wobbles=index in self._wobbling,
                )

    def _item(self, index: int) -> str:
        items = [each[index] for each in self._work.iterables]
        return short_repr(items[0] if len(items) == 1 else tuple(items))


def _all_failed(results: Sequence[Any]) -> bool:
    return all(isinstance(each, Failure) for each in results)


def _text(result: object) -> str:
    if isinstance(result, Failure):
        return one_line(show_error(result.error), 2 * REPR_LENGTH)
    return short_repr(result)
