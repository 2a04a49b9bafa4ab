"""What a page says of a race."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.model.race import Race
from poolwise.report.figures import counted, duration
from poolwise.report.pictures.machine_words import report_pairs
from poolwise.report.pictures.race_chart import race_chart
from poolwise.report.pictures.section import Pairs, Section, Titled, Words
from poolwise.report.pictures.timeline_chart import timeline_chart
from poolwise.report.race import race_findings
from poolwise.report.race_table import race_table


def race_title(race: Race) -> str:
    """Name it: ``Race: count_primes, 200 items``."""
    return f"Race: {race.function}, {counted(race.items, 'item')}"


def race_sections(race: Race) -> tuple[Section, ...]:
    """Give the sections of a race: findings, picture, table; why the choice was made."""
    table = Titled(_caption(race), race_table(race))
    found = Pairs(tuple(race_findings(race)))
    return (Section(race_title(race), (found, race_chart(race), table, Words(_how(race)))), *_more(race))


def _more(race: Race) -> Iterator[Section]:
    if race.report is None:
        return
    timeline = race.report.timeline
    lanes = (timeline_chart(timeline),) if timeline is not None and timeline.lanes else ()
    yield Section("Why Poolwise chose so", (Pairs(report_pairs(race.report)), *lanes), level=3)


def _caption(race: Race) -> str:
    return f"Wall: the median of {counted(race.repeats, 'round')}. CPU: a share of all usable cores."


def _how(race: Race) -> str:
    return (
        f"The ways took turns, in another order in each round, after a warm-up that does not count; "
        f"{duration(race.wall_s)} in all, with a budget of {duration(race.budget_s)}. "
        "Starting, shipping and idling: time of a worker, on average."
    )
