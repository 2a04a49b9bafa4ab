"""What each value shows, and how it gets there: to the terminal, a page, a notebook, or matplotlib."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import singledispatch
from typing import TYPE_CHECKING, Final

from poolwise.errors import InternalError
from poolwise.model.classes import frozen
from poolwise.model.prose import say
from poolwise.model.race import Race
from poolwise.model.report import Report
from poolwise.model.sweep import Sweep
from poolwise.report.pictures.chart import Chart
from poolwise.report.pictures.html.page import fragment, page
from poolwise.report.pictures.machine_words import machine_section
from poolwise.report.pictures.race_chart import race_chart
from poolwise.report.pictures.race_page import race_sections, race_title
from poolwise.report.pictures.report_page import report_charts, report_sections, report_title
from poolwise.report.pictures.section import Section
from poolwise.report.pictures.sweep_chart import sweep_chart
from poolwise.report.pictures.sweep_page import sweep_sections, sweep_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@frozen
class Exhibit:
    """What there is to see of a value."""

    title: str
    charts: tuple[Chart, ...]
    """The first is what ``plot`` draws."""
    sections: tuple[Section, ...]
    """Of its page; the first one's heading is the title."""
    machine: Section | None
    """What it was measured on."""


@singledispatch
def exhibit_of(value: object) -> Exhibit:
    """Choose what to show of a value."""
    raise InternalError(f"nobody knows what to draw of {type(value).__name__}")


@exhibit_of.register
def _(race: Race) -> Exhibit:
    machine = machine_section(race.machine, race.poolwise, race.begun)
    return Exhibit(race_title(race), (race_chart(race),), race_sections(race), machine)


@exhibit_of.register
def _(sweep: Sweep) -> Exhibit:
    machine = machine_section(sweep.machine, sweep.poolwise, sweep.begun)
    return Exhibit(sweep_title(sweep), (sweep_chart(sweep),), sweep_sections(sweep), machine)


@exhibit_of.register
def _(report: Report) -> Exhibit:
    # The package's own __init__ is above this room: it is not imported from here.
    version = sys.modules["poolwise"].__version__
    machine = machine_section(report.machine, version, "") if report.machine is not None else None
    return Exhibit(report_title(report), report_charts(report), report_sections(report), machine)


def page_of(title: str, values: Iterable[object], first: Iterable[Section] = ()) -> str:
    """Write one page of several values; ``first`` stands above them, and the machine is told once, at the end."""
    exhibits = [exhibit_of(value) for value in values]
    sections = [*first, *(section for exhibit in exhibits for section in exhibit.sections)]
    machines = [exhibit.machine for exhibit in exhibits if exhibit.machine is not None]
    return page(title, (*sections, *machines[-1:]))


class Ours:
    """Draws our values (``model.pictures.Painter``)."""

    def plot(self, value: object, ax: Axes | None) -> Axes:
        """Draw the first chart with matplotlib."""
        from poolwise.report.pictures.mpl import draw  # noqa: PLC0415 - an extra

        return draw(exhibit_of(value).charts[0], ax)

    def show(self, value: object) -> None:
        """Print words and charts."""
        from poolwise.report.pictures.text.show import show  # noqa: PLC0415 - rich takes long to import

        if sys.stdout is not None:  # as in programs without a console
            show(say(value), exhibit_of(value).charts)

    def page(self, value: object) -> str:
        """Write a page; its title is not said twice."""
        exhibit = exhibit_of(value)
        first, *others = exhibit.sections
        return page(exhibit.title, (Section("", first.parts), *others, *_last(exhibit)))

    def fragment(self, value: object) -> str:
        """Write what a notebook shows."""
        exhibit = exhibit_of(value)
        return fragment((*exhibit.sections, *_last(exhibit)))


def _last(exhibit: Exhibit) -> tuple[Section, ...]:
    return (exhibit.machine,) if exhibit.machine is not None else ()


OURS: Final = Ours()
