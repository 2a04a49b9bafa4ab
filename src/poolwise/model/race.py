"""Every way to run the same work, side by side: what a race has measured."""

from __future__ import annotations

from typing import Literal, TypeAlias

from poolwise.model.classes import frozen
from poolwise.model.document import Document
from poolwise.model.lap import Lap, Spread, spread_of, stopped_after_s
from poolwise.model.machine import Machine
from poolwise.model.options import BackendName
from poolwise.model.prose import pretty
from poolwise.model.report import Report
from poolwise.model.units import Seconds

Verdict: TypeAlias = Literal["finished", "stopped", "failed"]
"""How a way came out: all its laps ended, the time budget stopped it, or it could not do the work."""


@frozen(kw_only=True)
class Entrant:
    """One way, and what each of its laps took."""

    name: str
    """For people: ``threads``, ``processes × 8``; that of the choice is ``auto``."""
    backend: BackendName
    """What ran; for the choice, what it chose."""
    workers: int
    """So many workers; where each of them has several threads, ``tasks_per_worker`` says how many."""
    tasks_per_worker: int = 1
    chosen: bool = False
    """``backend="auto"``: it had to find out by itself."""
    warmup: Lap | None = None
    """The first lap, which found caches cold; it counts for nothing. None: there was none."""
    laps: tuple[Lap, ...] = ()
    """Those that count, in the order of the rounds; the last may have been stopped."""
    error: str | None = None
    """Why it cannot do this work, in words; it has no laps that count then."""

    @property
    def spread(self) -> Spread | None:
        """Median, least and most wall time of the laps that ended; None where none did."""
        return spread_of(self.laps)

    @property
    def verdict(self) -> Verdict:
        """Say how it came out; a way that ended a lap has finished, whatever the budget did to a later one."""
        if self.error is not None:
            return "failed"
        return "finished" if self.spread is not None else "stopped"

    @property
    def at_least_s(self) -> Seconds | None:
        """How long it ran when it was stopped: it takes longer than that. None where it has finished or failed."""
        return stopped_after_s(self.laps, self.warmup) if self.error is None else None


@frozen(kw_only=True)
class Difference:
    """An item for which two ways gave different results."""

    index: int
    item: str
    """Its repr, cut short, as all texts here."""
    name: str
    """The way whose result differs from that of ``reference``."""
    result: str
    reference: str
    """The way that it is compared with: the first one that finished; a plain loop as a rule."""
    expected: str
    """What that one gave."""
    wobbles: bool = False
    """``reference`` itself gave different results for this item in different rounds: the function may be like that."""


@frozen(kw_only=True)
class Race(Document):
    """What ``poolwise.race`` measured. ``print`` shows the table; ``show``, ``plot`` and ``to_html`` draw it."""

    function: str
    """The function's name."""
    items: int
    cores: int
    """Usable cores."""
    repeats: int
    """Rounds that count."""
    budget_s: Seconds
    """The time for all laps of all ways together, beyond which ways were stopped."""
    entrants: tuple[Entrant, ...]
    """In the order in which they were asked for; the choice comes last."""
    differences: tuple[Difference, ...] = ()
    """The first ten items with different results of each way."""
    differing: int = 0
    """Items with different results, all ways together."""
    uncompared: int = 0
    """Items whose results say of themselves neither that they are equal nor that they are not."""
    failed: int = 0
    """Items that failed in the way that the others are compared with."""
    wall_s: Seconds = 0.0
    """What the race took in all."""
    report: Report | None = None
    """What the choice told of its last lap; None where it did not run."""
    machine: Machine
    begun: str = ""
    """When it began: date and time with the zone, by ISO 8601."""
    poolwise: str = ""
    """The version."""

    def __post_init__(self) -> None:
        """Refuse what no race can be, as in a file that somebody has changed: figures are divided by these."""
        if self.cores < 1 or self.items < 1 or not self.entrants:
            raise ValueError("a race has one core, one item and one way at least")

    @property
    def ranking(self) -> tuple[Entrant, ...]:
        """The ways that finished, the fastest first, the choice among them."""
        finished = [each for each in self.entrants if each.spread is not None]
        return tuple(sorted(finished, key=_median_s))

    @property
    def winner(self) -> Entrant | None:
        """The fastest of the ways that were given by hand; None where none finished."""
        return next((each for each in self.ranking if not each.chosen), None)

    @property
    def auto(self) -> Entrant | None:
        """The way that Poolwise chose by itself; None where it did not take part."""
        return next((each for each in self.entrants if each.chosen), None)

    @property
    def regret(self) -> float | None:
        """The wall time of the choice, in that of the winner: 1.0 is as fast. None where one of them has none."""
        auto, winner = self.auto, self.winner
        if auto is None or winner is None or auto.spread is None or winner.spread is None:
            return None
        return auto.spread.median_s / winner.spread.median_s if winner.spread.median_s else None

    @property
    def tied(self) -> tuple[Entrant, ...]:
        """The ways by hand whose laps overlap the winner's: noise could have made each of them the winner."""
        winner = self.winner
        if winner is None or winner.spread is None:
            return ()
        others = [each for each in self.ranking if each is not winner and not each.chosen]
        return tuple(each for each in others if each.spread and each.spread.least_s <= winner.spread.most_s)

    def speedup(self, entrant: Entrant) -> float | None:
        """Say how many times as fast as the plain loop a way was; None where either has no time."""
        loop = next((each for each in self.entrants if each.backend == "loop" and not each.chosen), None)
        if loop is None or loop.spread is None or entrant.spread is None or not entrant.spread.median_s:
            return None
        return loop.spread.median_s / entrant.spread.median_s

    _repr_pretty_ = pretty


def _median_s(entrant: Entrant) -> Seconds:
    return entrant.spread.median_s if entrant.spread is not None else float("inf")
