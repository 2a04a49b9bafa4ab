"""The demo's story: each chapter's work in every way, one after another, then what the figures say."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import poolwise
from poolwise.cli import exits
from poolwise.cli.demo_chapters import Chapter, DemoError, computing, waiting
from poolwise.cli.demo_measure import measure, rows_of
from poolwise.cli.demo_show import Screen
from poolwise.cli.demo_site import local_site
from poolwise.cli.demo_words import Told
from poolwise.cli.terminal import tell_error


def tell(chapter: str | None, *, quick: bool) -> int:
    """Tell one chapter, ``"waiting"`` or ``"computing"``, or both; return the exit code."""
    screen = Screen()
    try:
        # Closing ends the web server, at once and not when Python gets to it, on Ctrl-C as well.
        with contextlib.closing(_chapters(chapter, quick=quick)) as chapters:
            told = [_tell_one(each, screen) for each in chapters]
    except DemoError as error:
        tell_error(str(error))
        return exits.FAILED
    screen.end(told)
    return exits.DONE


def _chapters(wanted: str | None, *, quick: bool) -> Generator[Chapter, None, None]:
    """Give the chapters that are wanted; the web server lives for as long as its chapter is being told."""
    machine = poolwise.machine()
    if wanted in (None, "waiting"):
        with local_site() as address:
            yield waiting(address, machine, quick=quick)
    if wanted in (None, "computing"):
        yield computing(machine, quick=quick)


def _tell_one(chapter: Chapter, screen: Screen) -> Told:
    """Measure every way of a chapter, and show what came of it."""
    screen.begin(chapter)
    race = measure(chapter, repeats=1)
    told = Told(
        title=chapter.title,
        rows=rows_of(race),
        cores=race.machine.cores,
        gil=race.machine.gil,
        whole_machine=race.machine.cores == race.machine.cores_installed,
    )
    screen.show(told, chapter)
    return told
