"""The table of a race: one row for each way, in the words and figures that the terminal and the page share."""

from __future__ import annotations

from poolwise.model.race import Entrant, Race
from poolwise.report.figures import duration, number, share, size
from poolwise.report.laps import cpu_share, middle, range_text, times, wall_text
from poolwise.report.table import Column, Table, table_of

COLUMNS = (
    Column("way"),
    Column("workers", figures=True),
    Column("wall", figures=True),
    Column("least – most", figures=True),
    Column("speed-up", figures=True),
    Column("CPU used", figures=True),
    Column("memory", figures=True),
    Column("starting", figures=True),
    Column("shipping", figures=True),
    Column("idling", figures=True),
    Column(""),
)


def race_table(race: Race) -> Table:
    """Give the table of a race: columns that nobody has figures for are left out; the last one says who won."""
    winner = race.winner
    strong = race.entrants.index(winner) if winner is not None else None
    return table_of(COLUMNS, [_row(race, each) for each in race.entrants], strong)


def way_name(entrant: Entrant) -> str:
    """Name a way; the choice says what it chose: ``auto: threads``."""
    return f"{entrant.name}: {entrant.backend}" if entrant.chosen and entrant.error is None else entrant.name


def way_text(entrant: Entrant) -> str:
    """Say how long a way took: ``1.20 s``, ``> 12.0 s``, ``cannot run it``."""
    return "cannot run it" if entrant.verdict == "failed" else wall_text(entrant)


def standing(race: Race, entrant: Entrant) -> str:
    """Say in words how a way came out: ``fastest``, ``tie`` (within the noise), ``1.08 × the fastest``."""
    if entrant is race.winner:
        return "fastest"
    if any(entrant is each for each in race.tied):
        return "tie"
    if entrant.chosen and race.regret is not None:
        return regret_text(race.regret)
    return "stopped" if entrant.verdict == "stopped" else ""


def regret_text(regret: float) -> str:
    """Say how the time of the choice compares with that of the fastest way by hand: ``1.08 × the fastest``."""
    return f"{regret:.2f} × the fastest"


def _row(race: Race, entrant: Entrant) -> tuple[str, ...]:
    speedup, cpu = race.speedup(entrant), cpu_share(entrant.laps, race.cores)
    memory = middle(entrant.laps, lambda lap: lap.memory_bytes)
    lost = (
        middle(entrant.laps, told) for told in (lambda lap: lap.start_s, lambda lap: lap.ship_s, lambda lap: lap.idle_s)
    )
    return (
        way_name(entrant),
        workers_text(entrant),
        way_text(entrant),
        range_text(entrant.spread),
        times(speedup) if speedup is not None else "",
        share(cpu) if cpu is not None else "",
        size(round(memory)) if memory is not None else "",
        *(duration(seconds) if seconds is not None else "" for seconds in lost),
        standing(race, entrant),
    )


def workers_text(entrant: Entrant) -> str:
    """Say how many work at a time: ``8``; ``2 × 8`` where each of two has eight threads; nothing where it fails."""
    if entrant.error is not None:
        return ""
    tasks = f" × {number(entrant.tasks_per_worker)}" if entrant.tasks_per_worker > 1 else ""
    return f"{number(entrant.workers)}{tasks}"
