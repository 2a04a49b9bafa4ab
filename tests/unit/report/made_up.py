"""Races (and what belongs to them) that nobody has run, for tests of words and pictures."""

from __future__ import annotations

from collections.abc import Sequence

from poolwise.model.classes import replace
from poolwise.model.lap import Lap
from poolwise.model.machine import Machine
from poolwise.model.plan import Candidate, Estimate, Plan, Predicted
from poolwise.model.race import Difference, Entrant, Race
from poolwise.model.report import Report
from poolwise.model.sweep import Expected, Fit, Interval, NoFit, Point, Sweep, Worth
from poolwise.model.timeline import Lane, Mark, SlowItem, Span, Timeline

BEGUN = "2026-01-31T12:00:00+01:00"
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
    return Race(**{**told, "poolwise": "0.1.0", "begun": BEGUN, **more}, entrants=ways)


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


# A law's speed and its interval, as parts of the speed.
BAND = (1.0, 0.93, 1.06)
SWEPT = {1: (4.0, 4.1, 4.2), 2: (2.05, 2.1, 2.3), 4: (1.2, 1.25, 1.4), 8: (1.3, 1.35, 1.5), 16: (1.8, 1.9, 2.4)}


def make_sweep(walls: dict[int, tuple[float, ...]] | None = None, *, fit: bool = True, **more: object) -> Sweep:
    """Make a sweep: by default over 1 to 16 workers on four cores, with a law through it."""
    walls = SWEPT if walls is None else walls
    points = tuple(Point(workers=workers, laps=make_laps(*each, cpu_s=4.0)) for workers, each in walls.items())
    law = Fit(
        rate=Interval(48.5, 46.0, 51.0),
        contention=Interval(0.05, 0.01, 0.09),
        crosstalk=Interval(0.02, 0.015, 0.03),
        peak=Interval(6.9, 5.2, 8.1),
        most_workers=max(walls, default=1),
        misfit=0.06,
        expected=tuple(
            Expected(
                each, Interval(*(48.5 * part * each / (0.95 + 0.05 * each + 0.02 * each * (each - 1)) for part in BAND))
            )
            for each in (1, 2, 4, 8, 16)
        ),
    )
    ended = [point for point in points if point.spread is not None]
    best = min(ended, key=lambda point: point.spread.median_s).workers if ended else None
    told = {
        "function": "count_primes",
        "items": 200,
        "backend": "processes",
        "cores": 4,
        "repeats": 3,
        "budget_s": 60.0,
    }
    told |= {"machine": MACHINE, "best": best, "worth": Worth(best, 1.0) if best else None, "begun": BEGUN}
    judged = {"fit": law} if fit else {"no_fit": NoFit("noise", 0.1, 0.3)}
    return Sweep(**{**told, **judged, **more}, points=points)


def make_timeline(workers: int = 3, chunks: int = 6) -> Timeline:
    """Make a timeline on which each worker starts, works chunk by chunk, and ends; something happens twice."""
    spans: list[Span] = []
    for worker in range(workers):
        at = 0.02
        for kind, took in (("start", 0.3 + 0.05 * worker), *CHUNK * chunks, ("wait", 0.3), ("exit", 0.1)):
            items = {"first": len(spans), "items": 4} if kind == "work" else {}
            spans.append(Span(worker, kind, at, at + took, **items))
            at += took
    return Timeline(
        wall_s=max(span.end_s for span in spans),
        lanes=tuple(Lane(worker, "processes", f"process {worker + 1}") for worker in range(workers)),
        spans=tuple(sorted(spans, key=lambda span: span.begin_s)),
        marks=(
            Mark(1.1, "retry", 1, 17, f"ConnectionError: {NASTY}"),
            Mark(1.9, "revision", text="threads take turns"),
        ),
        slowest=(SlowItem(17, 0.41, 1, NASTIER), SlowItem(3, 0.3, 0, "'three'")),
    )


CHUNK = (("ship", 0.03), ("work", 0.35), ("send", 0.04))


def make_report(timeline: Timeline | None = None) -> Report:
    """Make the report of a run whose backend was chosen by estimates."""
    ways = (("loop", 1, 2.4), ("threads", 4, 2.6))
    plan = Plan(
        backend="processes",
        workers=4,
        chunksize=2,
        items=198,
        reasons=(Predicted(198, 0.7, 2.4),),
        estimate=Estimate(0.1, 0.6, 0.0, "cores"),
        rejected=tuple(
            Candidate(backend, workers, Estimate(0.0, seconds, 0.0, "GIL")) for backend, workers, seconds in ways
        ),
    )
    return Report(plan=plan, profile=None, machine=MACHINE, items=200, wall_s=1.0, run_s=0.8, timeline=timeline)


def make_stopped_sweep() -> Sweep:
    """Make a sweep whose last number of workers was stopped before a lap had ended."""
    whole = make_sweep(fit=False)
    stopped = Point(workers=32, laps=make_laps(3.0, stopped=True))
    return replace(whole, points=(*whole.points, stopped, Point(workers=64)))
