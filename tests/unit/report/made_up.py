"""Races (and what belongs to them) that nobody has run, for tests of words and pictures."""

from __future__ import annotations

from collections.abc import Sequence

from poolwise.model.lap import Lap
from poolwise.model.machine import Machine
from poolwise.model.race import Difference, Entrant, Race

MACHINE = Machine(cores=4, cores_installed=4, memory_bytes=8 << 30, python="CPython 3.11.9", platform="Linux-x86_64")


def make_laps(*walls: float, cpu_s: float = 0.0, stopped: bool = False, **more: float) -> tuple[Lap, ...]:
    """Make laps with these wall times, in seconds; ``stopped``: the last one was."""
    return tuple(
        Lap(round=at, wall_s=wall, stopped=stopped and at == len(walls), cpu_s=cpu_s, **more)
        for at, wall in enumerate(walls, 1)
    )


def make_race(entrants: Sequence[Entrant] | None = None, **more: object) -> Race:
    """Make a race: by default with a tie, a way that was stopped, one that fails and the choice."""
    told = {"function": "count_primes", "items": 200, "cores": 4, "repeats": 3, "budget_s": 60.0, "machine": MACHINE}
    ways = ENTRANTS if entrants is None else tuple(entrants)
    return Race(**{**told, "poolwise": "0.1.0", "begun": "2026-01-31T12:00:00+01:00", **more}, entrants=ways)


MIB = 1 << 20
ENTRANTS = (
    Entrant(name="loop", backend="loop", workers=1, laps=make_laps(4.1, 4.0, 4.3, cpu_s=4.0, memory_bytes=0)),
    Entrant(
        name="threads",
        backend="threads",
        workers=8,
        laps=make_laps(4.4, 4.2, 4.9, cpu_s=4.3, memory_bytes=MIB, start_s=0.001, idle_s=3.1),
    ),
    Entrant(
        name="processes",
        backend="processes",
        workers=4,
        laps=make_laps(1.1, 1.2, 1.25, cpu_s=4.4, memory_bytes=90 * MIB, start_s=0.05, ship_s=0.002, idle_s=0.07),
    ),
    Entrant(
        name="processes × 8",
        backend="processes",
        workers=8,
        laps=make_laps(1.3, 1.22, 1.4, cpu_s=4.6, memory_bytes=170 * MIB, start_s=0.09, ship_s=0.004, idle_s=0.12),
    ),
    Entrant(name="slow", backend="threads", workers=100, laps=make_laps(12.0, stopped=True, cpu_s=1.0)),
    Entrant(name="asyncio", backend="asyncio", workers=1, error="it runs coroutine functions (async def) only"),
    Entrant(
        name="auto",
        backend="processes",
        workers=4,
        chosen=True,
        laps=make_laps(1.28, 1.31, 1.36, cpu_s=4.4, memory_bytes=92 * MIB, start_s=0.05, ship_s=0.002, idle_s=0.1),
    ),
)
NASTY = "<script>alert('x')</script>"
NASTIER = '"><img src=x onerror=alert(1)>'


def make_nasty_race() -> Race:
    """Make a race whose names, items, results and errors would run as code in a page that does not escape them."""
    return make_race(
        [
            Entrant(name=NASTY, backend="loop", workers=1, laps=make_laps(1.0, 1.1)),
            Entrant(name=NASTIER, backend="threads", workers=2, laps=make_laps(2.0, 2.1)),
            Entrant(name="</svg>", backend="asyncio", workers=2, error=f"RuntimeError: {NASTIER}"),
        ],
        function=f"<b>{NASTIER}",
        differences=(Difference(index=3, item=NASTY, name=NASTIER, result=NASTIER, reference=NASTY, expected=NASTIER),),
        differing=1,
    )
