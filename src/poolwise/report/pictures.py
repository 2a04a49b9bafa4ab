"""What each value shows, and how it gets there: to the terminal, a page, a notebook, or matplotlib."""

from __future__ import annotations

import sys
from functools import singledispatch
from typing import TYPE_CHECKING, Final

from poolwise.errors import InternalError
from poolwise.model.classes import frozen
from poolwise.model.prose import say
from poolwise.model.race import Race
from poolwise.model.report import Report
from poolwise.report.chart import Chart
from poolwise.report.html.page import fragment, page
from poolwise.report.race_chart import race_chart
from poolwise.report.race_page import race_sections, race_title
from poolwise.report.report_page import report_charts, report_sections, report_title
from poolwise.report.section import Section

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


@singledispatch
def exhibit_of(value: object) -> Exhibit:
    """Choose what to show of a value."""
    raise InternalError(f"nobody knows what to draw of {type(value).__name__}")


@exhibit_of.register
def _(race: Race) -> Exhibit:
    return Exhibit(race_title(race), (race_chart(race),), race_sections(race))


@exhibit_of.register
def _(report: Report) -> Exhibit:
    return Exhibit(report_title(report), report_charts(report), report_sections(report))


class Ours:
    """Draws our values (``model.pictures.Painter``)."""

    def plot(self, value: object, ax: Axes | None) -> Axes:
        """Draw the first chart with matplotlib."""
        from poolwise.report.mpl import draw  # noqa: PLC0415 - an extra

        return draw(exhibit_of(value).charts[0], ax)

    def show(self, value: object) -> None:
        """Print words and charts."""
        from poolwise.report.text.show import show  # noqa: PLC0415 - rich takes long to import

        if sys.stdout is not None:  # as in programs without a console
            show(say(value), exhibit_of(value).charts)

    def page(self, value: object) -> str:
        """Write a page; its title is not said twice."""
        exhibit = exhibit_of(value)
        first, *others = exhibit.sections
        return page(exhibit.title, (Section("", first.parts), *others))

    def fragment(self, value: object) -> str:
        """Write what a notebook shows."""
        return fragment(exhibit_of(value).sections)


OURS: Final = Ours()
