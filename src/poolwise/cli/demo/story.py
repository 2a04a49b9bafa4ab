"""The demo's story: each chapter's work in every way, one after another, then what the figures say."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import poolwise
from poolwise.cli import exits
from poolwise.cli.demo.chapters import Chapter, DemoError, computing, waiting
from poolwise.cli.demo.measure import measure, rows_of
from poolwise.cli.demo.page import make_page
from poolwise.cli.demo.show import Screen
from poolwise.cli.demo.site import local_site
from poolwise.cli.demo.words import Told
from poolwise.cli.measured import check_files
from poolwise.cli.output import write_file
from poolwise.cli.terminal import tell_error
from poolwise.model.race import Race
from poolwise.model.sweep import Sweep
from poolwise.model.units import Seconds

# Rounds of each way: one tells the story, and a page for a colleague shows how far they lie apart.
ROUNDS, REPORTED_ROUNDS = 1, 3
SWEEP_BUDGET_S: Seconds = 120.0


def tell(chapter: str | None, *, quick: bool, report: str | None = None) -> int:
    """Tell one chapter, ``"waiting"`` or ``"computing"``, or both; return the exit code.

    With ``report``, the name of a file, a page of it all is written there, with a sweep of the computing.
    """
    check_files(report)
    screen = Screen()
    found: list[Race | Sweep] = []
    try:
        # Closing ends the web server, at once and not when Python gets to it, on Ctrl-C as well.
        with contextlib.closing(_chapters(chapter, quick=quick)) as chapters:
            told = [_tell_one(each, screen, found, reported=report is not None) for each in chapters]
    except DemoError as error:
        tell_error(str(error))
        return exits.FAILED
    screen.end(told)
    if report is not None:
        write_file(report, make_page(found))
        screen.say(f"The page is in {report}: tables, pictures and reasons in one file.")
    return exits.DONE


def _chapters(wanted: str | None, *, quick: bool) -> Generator[Chapter, None, None]:
    """Give the chapters that are wanted; the web server lives for as long as its chapter is being told."""
    machine = poolwise.machine()
    if wanted in (None, "waiting"):
        with local_site() as address:
            yield waiting(address, machine, quick=quick)
    if wanted in (None, "computing"):
        yield computing(machine, quick=quick)


def _tell_one(chapter: Chapter, screen: Screen, found: list[Race | Sweep], *, reported: bool) -> Told:
    """Measure every way of a chapter, and show what came of it; keep what was ``found`` for the page."""
    screen.begin(chapter)
    race = measure(chapter, repeats=REPORTED_ROUNDS if reported else ROUNDS)
    found.append(race)
    told = Told(
        title=chapter.title,
        rows=rows_of(race),
        cores=race.machine.cores,
        gil=race.machine.gil,
        whole_machine=race.machine.cores == race.machine.cores_installed,
    )
    screen.show(told, chapter)
    if reported and chapter.computes and race.machine.start_methods:
        screen.begin_sweep(chapter)
        swept = poolwise.sweep(chapter.function, chapter.items, budget_s=SWEEP_BUDGET_S)
        found.append(swept)
        screen.show_sweep(swept)
    return told
