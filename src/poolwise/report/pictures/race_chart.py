"""The chart of a race: a bar for each way."""

from __future__ import annotations

from poolwise.model.race import Entrant, Race
from poolwise.report.figures import counted
from poolwise.report.pictures.chart import Bar, BarKind, Bars
from poolwise.report.pictures.scale import time_axis
from poolwise.report.race_table import standing, way_name, way_text


def race_chart(race: Race) -> Bars:
    """Draw a bar for each way, in the order in which they were asked for; one that was stopped has no end."""
    bars = tuple(_bar(race, each) for each in race.entrants)
    most = max((max(bar.value, bar.high or 0.0) for bar in bars), default=0.0)
    return Bars(
        title=f"{race.function}: {counted(race.items, 'item')}, {counted(race.cores, 'usable core')}",
        about="; ".join(f"{bar.label}: {bar.figure} {bar.note}".rstrip() for bar in bars),
        axis=time_axis("wall time, median", most),
        bars=bars,
    )


def _bar(race: Race, entrant: Entrant) -> Bar:
    spread = entrant.spread
    several = spread is not None and spread.count > 1
    return Bar(
        label=way_name(entrant),
        value=spread.median_s if spread is not None else entrant.at_least_s or 0.0,
        kind=_kind(race, entrant),
        low=spread.least_s if spread is not None and several else None,
        high=spread.most_s if spread is not None and several else None,
        figure=way_text(entrant),
        note=standing(race, entrant),
    )


def _kind(race: Race, entrant: Entrant) -> BarKind:
    if entrant is race.winner:
        return "best"
    if entrant.spread is None:
        return "open" if entrant.at_least_s is not None else "none"
    return "choice" if entrant.chosen else "plain"
