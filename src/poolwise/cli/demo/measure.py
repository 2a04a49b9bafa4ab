"""Measuring a chapter: a race of its ways, whose results must be the right ones, and the rows that are told of it."""

from __future__ import annotations

from statistics import median
from typing import Any

from poolwise.api.race import hold
from poolwise.api.rounds import Track
from poolwise.cli.demo.chapters import Chapter, DemoError
from poolwise.model.classes import frozen
from poolwise.model.failure import Failure
from poolwise.model.lap import Lap
from poolwise.model.race import Entrant, Race
from poolwise.model.report import Report
from poolwise.model.results import Results
from poolwise.model.units import Seconds


@frozen(kw_only=True)
class Row:
    """What one way took."""

    name: str
    workers: int
    wall_s: Seconds
    cpu_s: Seconds
    others_cores: float = 0.0
    """How many of the machine's cores other programs kept busy meanwhile, on average."""
    report: Report | None = None
    """What Poolwise tells of its own choice; None for a way by hand."""


def measure(chapter: Chapter, *, repeats: int) -> Race:
    """Do a chapter's work in every way, in turn.

    :raises DemoError: a result is not what it must be, the web server cannot be reached, or a way does not get along.
    """

    def check(track: Track, results: Results[Any]) -> None:
        if (failure := next((each for each in results if isinstance(each, Failure)), None)) is not None:
            raise DemoError(f"no result by {track.way.name}: {failure.error}") from failure.error
        if (found := chapter.summarise(results)) != chapter.expected:
            raise DemoError(f"wrong result by {track.way.name}: {found}; it must be: {chapter.expected}")

    race = hold(
        chapter.function,
        (chapter.items,),
        chapter.ways,
        {},
        repeats=repeats,
        budget_s=chapter.budget_s,
        heard=check,
    )
    for entrant in race.entrants:
        if entrant.verdict != "finished":
            why = entrant.error or f"it took longer than its part of {chapter.budget_s:g} s"
            raise DemoError(f"no result by {entrant.name}: {why}")
    return race


def rows_of(race: Race) -> tuple[Row, ...]:
    """Give the rows of a race, the loop first and the choice last."""
    return tuple(_row(each, race.report if each.chosen else None) for each in race.entrants)


def _row(entrant: Entrant, report: Report | None) -> Row:
    assert entrant.spread is not None  # noqa: S101 - measure() has refused others; for the type checker
    return Row(
        name="poolwise.map" if entrant.chosen else entrant.backend,
        workers=entrant.workers,
        wall_s=entrant.spread.median_s,
        cpu_s=median(lap.cpu_s for lap in entrant.laps),
        others_cores=median(map(_others_cores, entrant.laps)),
        report=report,
    )


def _others_cores(lap: Lap) -> float:
    return lap.others_s / lap.wall_s if lap.others_s is not None and lap.wall_s else 0.0
