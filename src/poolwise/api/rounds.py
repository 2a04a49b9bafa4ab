"""The same work again and again, in several ways, in turn: what races and sweeps are measured by.

Each way is an ordinary run with forced options: no second engine. A first round warms up, and tells how long each way
takes; by that the rounds that count are shared out, so that a slow way gets fewer laps and not all the time. A lap
that takes too long is stopped.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from poolwise.api.execution import Execution
from poolwise.api.map import collect, make_execution
from poolwise.errors import InputError, OptionError, PoolwiseError
from poolwise.measure.tree import children_of
from poolwise.measure.usage import UsageClock
from poolwise.measure.watcher import Watcher
from poolwise.model.checks import check_count, check_seconds
from poolwise.model.classes import frozen, mutable, replace
from poolwise.model.lap import Lap
from poolwise.model.options import Options
from poolwise.model.progress import Progress
from poolwise.model.report import Report
from poolwise.model.results import Results
from poolwise.model.units import Seconds
from poolwise.model.usage import Usage
from poolwise.work.call import Call, make_call

# What is run again and again is kept; more than this is no list but a stream without an end.
MOST_ITEMS = 10_000_000
# A lap is stopped after so many times what it was expected to take, but not before the budget says so.
SURPRISE = 2.0


@frozen(kw_only=True)
class Work:
    """What is run again and again: a function, and items that stay the same."""

    verb: str
    function: Callable[..., Any]
    call: Call
    """The function as it is called on an item."""
    iterables: tuple[Sequence[Any], ...]
    items: int


@frozen(kw_only=True)
class Way:
    """A way to run it: options of ``poolwise.map``."""

    name: str
    options: Mapping[str, Any]


@mutable
class Track:
    """What one way has done so far."""

    way: Way
    warmup: Lap | None = None
    laps: tuple[Lap, ...] = ()
    report: Report | None = None
    """Of its last lap that came to its end."""
    error: BaseException | None = None
    """Why it cannot do this work; it is asked no more."""


# What rounds say by themselves; ``race`` and ``sweep`` add their own.
OURS = {
    "ordered": "results are taken in order",
    "progress": "what is being measured is shown by itself, in a terminal",
    "timeline": "each lap is recorded by itself",
    "desc": "it has lines of its own",
    "total": "the items are read before the first lap",
    "journal": "each lap has to run all items",
}

Told = Callable[[Track, Results[Any]], None]
"""Told of each lap that has ended, with its results; its time is not the lap's."""


def check_rounds(
    verb: str, repeats: object, budget_s: object, options: Mapping[str, Any], ours: Mapping[str, str]
) -> None:
    """Check what races and sweeps have in common; ``ours`` says what to write in the place of options they do not take.

    :raises OptionError: a value cannot be used, or an option is not taken here.
    """
    check_count("repeats", repeats, least=1)
    check_seconds("budget_s", budget_s)
    for name in options:
        if (instead := {**OURS, **ours}.get(name)) is not None:
            raise OptionError(f"{verb}() takes no {name}=: {instead}")
    Options.from_keywords(verb, options)


def version() -> str:
    """Give our own version, which the measurements keep."""
    # The package's __init__ is no part of a lower layer's import graph.
    return str(sys.modules["poolwise"].__version__)


def keep_items(verb: str, function: Callable[..., Any], iterables: tuple[Iterable[Any], ...]) -> Work:
    """Read all items, once, so that each lap has the same.

    :raises OptionError: there are no iterables. :raises InputError: there are no items, or there is no end of them.
    """
    if not iterables:
        raise OptionError(f"{verb}() needs the items too: poolwise.{verb}(function, items)")
    kept = tuple(_keep(verb, each) for each in iterables)
    count = min(len(each) for each in kept)
    if not count:
        raise InputError(f"{verb}() has no items to run: its iterables are empty")
    call = make_call(function, spread=len(iterables) > 1)
    return Work(verb=verb, function=function, call=call, iterables=kept, items=count)


def _keep(verb: str, iterable: Iterable[Any]) -> Sequence[Any]:
    if isinstance(iterable, list):
        # What the function does to the list itself is not to change what the next lap runs.
        return iterable.copy()
    if isinstance(iterable, Sequence):
        return iterable
    kept = list(islice(iterable, MOST_ITEMS + 1))
    if len(kept) > MOST_ITEMS:
        raise InputError(
            f"{verb}() runs the same items again and again and has to keep them, and {iterable!r} gives more than "
            f"{MOST_ITEMS:,}: give it some of them (itertools.islice)"
        )
    return kept


def run_rounds(
    work: Work, ways: Sequence[Way], *, repeats: int, budget_s: Seconds, told: Told, show: Callable[[str], object]
) -> list[Track]:
    """Run all ways in turn: once to warm up, then ``repeats`` times, as far as the budget goes.

    A function that fails on an item does not end it: failures are results. A way that cannot do the work at all (a
    function that cannot travel) has an ``error`` and takes part no more.
    """
    tracks = [Track(way) for way in ways]
    deadline = time.monotonic() + budget_s

    def left_s() -> Seconds:
        return max(0.0, deadline - time.monotonic())

    # Children that were there before (a server that the function asks) are not part of the work.
    with Watcher(leave_out=children_of(os.getpid())) as watcher:
        course = Course(work, watcher, told)
        for place, track in enumerate(tracks):
            show(track.way.name)
            # An equal share of what is left: what quick ways have not used is there for those behind them.
            course.run_lap(track, 0, left_s() / (len(tracks) - place))
        shares = share_out([_expected(track) for track in tracks], left_s(), repeats)
        for number in range(1, repeats + 1):
            for track, laps in [(tracks[place], shares[place]) for place in fair_order(len(tracks), number)]:
                if number <= laps and track.error is None:
                    show(f"{track.way.name}, round {number} of {repeats}")
                    course.run_lap(track, number, max(left_s(), SURPRISE * (_expected(track) or 0.0)))
    for track in tracks:
        _promote(track)
    return tracks


def share_out(expected_s: Sequence[Seconds | None], left_s: Seconds, repeats: int) -> list[int]:
    """Say how many laps each way gets of a time: the quick ones first.

    So the ways that could win get all their laps, and a slow one as many as there is time for. None in the place of
    an expected time: it gets none.
    """
    laps = [0] * len(expected_s)
    for each_s, place in sorted((each, place) for place, each in enumerate(expected_s) if each is not None):
        laps[place] = min(repeats, int(left_s / each_s)) if each_s > 0 else repeats
        left_s -= laps[place] * each_s
    return laps


def fair_order(count: int, number: int) -> Iterator[int]:
    """Give the order of a round: each begins with another, and every second one goes backwards.

    Whoever ran just before leaves traces (a warm core, a full cache, garbage): nobody should always come after the
    same one.
    """
    places = [(place + number // 2) % count for place in range(count)]
    yield from reversed(places) if number % 2 else places


def _expected(track: Track) -> Seconds | None:
    if track.error is not None or track.warmup is None or track.warmup.stopped:
        return None
    return track.warmup.wall_s


def _promote(track: Track) -> None:
    """A way that has time for one lap only is judged by that, although it was to warm up."""
    if track.warmup is not None and not track.laps and not track.warmup.stopped:
        track.laps, track.warmup = (replace(track.warmup, round=1),), None


# --- One lap -----------------------------------------------------------------------------------------------------


class Course:
    """Where laps are run: the work, who watches, and who is told of the results."""

    def __init__(self, work: Work, watcher: Watcher, told: Told) -> None:
        """Run nothing yet."""
        self._work = work
        self._watcher = watcher
        self._told = told

    def run_lap(self, track: Track, number: int, most_s: Seconds) -> None:
        """Run a way once, no longer than ``most_s``, and note on its track what it took."""
        # What another way has left behind is not this one's to clear away.
        gc.collect()
        stopper = Stopper(most_s)
        try:
            options = {**track.way.options, "errors": "collect", "progress": stopper, "timeline": True}
            work = self._work
            execution = stopper.execution = make_execution(work.verb, work.function, work.iterables, options)
            with UsageClock(watch=self._watcher) as clock:
                results = collect(execution)
        except (PoolwiseError, OSError) as error:
            # What the function raises is a result; the system refuses what a way needs (files, processes).
            track.error = error
            return
        lap = make_lap(number, clock.usage(), results.report, stopped=execution.cancelled)
        if number:
            track.laps = (*track.laps, lap)
        else:
            track.warmup = lap
        if not lap.stopped:
            track.report = results.report
            self._told(track, results)


def make_lap(number: int, usage: Usage, report: Report | None, *, stopped: bool) -> Lap:
    """Put together what the clocks and the run's own record tell of a lap."""
    start_s, ship_s, idle_s = lost(report)
    return Lap(
        round=number,
        wall_s=usage.wall_s,
        stopped=stopped,
        cpu_s=usage.cpu_s,
        memory_bytes=usage.peak_bytes,
        start_s=start_s,
        ship_s=ship_s,
        idle_s=idle_s,
        switches_involuntary=usage.switches_involuntary,
        stolen_s=usage.stolen_s,
        throttled_s=usage.throttled_s,
        others_s=usage.others_s,
    )


class Stopper:
    """Ends a run that takes too long: asked ten times a second, in the thread that runs it.

    No timer's thread: beside that, workers could not be forked any more, and the race would measure something else.
    """

    def __init__(self, most_s: Seconds) -> None:
        """Count from now."""
        self.execution: Execution | None = None
        self._deadline = time.monotonic() + most_s

    def __call__(self, progress: Progress) -> None:
        """Look at the clock; the run calls this."""
        if self.execution is not None and not progress.finished and time.monotonic() > self._deadline:
            self.execution.cancel()


def lost(report: Report | None) -> tuple[Seconds | None, Seconds | None, Seconds | None]:
    """Say what of a worker's time was lost, on average: to starting and ending, to shipping, to idling."""
    timeline = report.timeline if report is not None else None
    insights = timeline.insights if timeline is not None else ()
    if not insights:
        return None, None, None
    return (
        sum((each.start + each.exit) * each.seconds for each in insights) / len(insights),
        sum((each.ship + each.send) * each.seconds for each in insights) / len(insights),
        sum(each.wait * each.seconds for each in insights) / len(insights),
    )
