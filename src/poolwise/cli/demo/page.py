"""The demo as a page that one would send to a colleague."""

from __future__ import annotations

from collections.abc import Sequence

from poolwise.model.race import Race
from poolwise.model.sweep import Sweep
from poolwise.report.pictures.gallery import page_of
from poolwise.report.pictures.section import Section, Words

TITLE = "Loop, threads or processes?"
WORK = (
    "The same work in a loop, in threads and in processes, side by side, on one machine. fetch_page asks a web server "
    "that takes a tenth of a second to answer: it waits, and one can wait for many at a time. is_prime counts in plain "
    "Python: it computes, which takes a core."
)
WITH_GIL = (
    "Threads that compute in plain Python take turns, because one lock, the GIL, lets one of them compute at a time; "
    "processes have a GIL each, and share the cores."
)
WITHOUT_GIL = "This Python has no GIL, so that threads compute side by side, as processes do; they share the cores."
CHOICE = (
    "In the row called auto nothing was said but poolwise.map(function, items): the first items were run and measured "
    "as part of the work, and the rest as that told. Its time contains the measuring."
)


def make_page(found: Sequence[Race | Sweep]) -> str:
    """Write the page of what was measured."""
    lock = WITH_GIL if all(each.machine.gil for each in found) else WITHOUT_GIL
    return page_of(TITLE, found, [Section("", (Words(WORK), Words(lock), Words(CHOICE)))])
