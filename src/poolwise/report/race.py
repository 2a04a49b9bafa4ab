"""What a race says: its table, and in sentences who won, how sure that is, and what differed."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.model.prose import say
from poolwise.model.race import Difference, Entrant, Race
from poolwise.report.explain import how
from poolwise.report.figures import counted, duration, number
from poolwise.report.laps import disturbances, times
from poolwise.report.race_table import race_table, way_name
from poolwise.report.table import plain_text, told_lines

# A choice that is off by less than this is as good as the winner, on a machine that others use too.
AS_GOOD = 1.05
DOUBLE = 2.0
HEADING = 13


@say.register
def explain_race(race: Race) -> str:
    """Show the table and what it says."""
    head = f"race of {race.function} over {counted(race.items, 'item')} on {counted(race.cores, 'core')}"
    return "\n".join([head, "", plain_text(race_table(race)), "", *race_lines(race)])


def race_lines(race: Race) -> list[str]:
    """Give the sentences, each with its heading before it."""
    return told_lines(race_findings(race), HEADING)


def race_findings(race: Race) -> Iterator[tuple[str, str]]:
    """Say what a race has shown: a heading and a sentence for each finding."""
    yield from _winner(race)
    yield from _choice(race)
    yield from _differences(race)
    if race.failed:
        yield (
            "failed",
            f"{counted(race.failed, 'item')} of {number(race.items)} failed, which were compared like results",
        )
    if race.uncompared:
        yield "not compared", f"{counted(race.uncompared, 'result')}: they do not say whether they are equal"
    for entrant in race.entrants:
        if entrant.error is not None:
            yield "cannot", f"{entrant.name}: {entrant.error}"
    yield from _stopped(race)
    yield from disturbances(lap for each in race.entrants for lap in each.laps)


def _winner(race: Race) -> Iterator[tuple[str, str]]:
    winner = race.winner
    if winner is None or winner.spread is None:
        yield "winner", "none: no way came to its end"
        return
    speedup = race.speedup(winner)
    than = f", {times(speedup)} as fast as the plain loop" if speedup and winner.backend != "loop" else ""
    yield "winner", f"{winner.name}: {duration(winner.spread.median_s)}{than}"
    if race.tied:
        names = ", ".join(each.name for each in race.tied)
        yield "as fast", f"{names}, within the noise of the rounds"


def _choice(race: Race) -> Iterator[tuple[str, str]]:
    auto, regret = race.auto, race.regret
    if auto is None or race.report is None:
        return
    chose = how(race.report.plan)
    if regret is None:
        yield "auto", f"chose {chose}"
    elif regret <= 1:
        yield "auto", f"chose {chose}: faster than every way by hand ({times(1 / regret)})"
    else:
        verdict = ", as good as the winner" if regret <= AS_GOOD else ""
        # Of twice the time and more, a percentage says less than the factor.
        verdict = f", a regret of {100 * (regret - 1):.0f} %" if AS_GOOD < regret < DOUBLE else verdict
        yield "auto", f"chose {chose}: {times(regret)} the winner's time{verdict}"


def _differences(race: Race) -> Iterator[tuple[str, str]]:
    if not race.differing:
        if race.winner is not None and race.uncompared < race.items:
            but = ", but for those that could not be compared" if race.uncompared else ""
            yield "results", f"the same in every way{but}"
        return
    many = counted(race.differing, "item")
    came = "came" if race.differing > 1 else "comes"
    yield "DIFFERENT", f"{many} of {number(race.items)} {came} out differently:"
    for each in race.differences:
        yield "", difference_text(each)
    if all(each.wobbles for each in race.differences):
        yield "", "the function gives other results each time (random numbers? seed= makes them follow from the item)"


def difference_text(found: Difference) -> str:
    """Say what one way gave for an item, and what was expected."""
    wobbles = f"; {found.reference} itself varies" if found.wobbles else ""
    return (
        f"item {number(found.index)}, {found.item}: {found.result} with {found.name}, "
        f"{found.expected} with {found.reference}{wobbles}"
    )


def _stopped(race: Race) -> Iterator[tuple[str, str]]:
    stopped = [each for each in race.entrants if each.verdict == "stopped"]
    for entrant in stopped:
        told = (
            f"it ran for more than {duration(entrant.at_least_s)}" if entrant.at_least_s else "no time was left for it"
        )
        yield "stopped", f"{way_name(entrant)}: {told} (budget_s={race.budget_s:g} for all)"
    fewer = [each for each in race.entrants if each.spread is not None and each.spread.count < race.repeats]
    if fewer:
        told = ", ".join(f"{each.name} {_laps(each)}" for each in fewer)
        yield "fewer laps", f"{told} instead of {race.repeats}: the time went to quicker ways"


def _laps(entrant: Entrant) -> str:
    return counted(entrant.spread.count, "lap") if entrant.spread is not None else "none"
