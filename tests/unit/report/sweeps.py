"""Sweeps that nobody has run, for tests of words, pictures and files."""

from __future__ import annotations

from collections.abc import Mapping

from poolwise.decide.law import Law
from poolwise.decide.scaling import judge
from poolwise.model.lap import Lap
from poolwise.model.machine import Machine
from poolwise.model.sweep import Point, Sweep

MACHINE = Machine(cores=4, cores_installed=4, memory_bytes=8 << 30, python="CPython 3.11.9", platform="Linux-x86_64")
ITEMS = 200
LAW = Law(one_s=8.0, sigma=0.05, kappa=0.01)
# How laps of a quiet machine vary.
ROUNDS = (1.0, 1.01, 0.99)


def make_points(walls: Mapping[int, float], told: Mapping[int, dict[str, float]] | None = None) -> tuple[Point, ...]:
    """Make points whose laps vary by a hundredth around these wall times; ``told``: what else their laps tell."""
    return tuple(
        Point(
            workers=workers,
            warmup=Lap(round=0, wall_s=1.2 * wall_s),
            laps=tuple(
                Lap(round=at, wall_s=wall_s * factor, **(told or {}).get(workers, {}))
                for at, factor in enumerate(ROUNDS, 1)
            ),
        )
        for workers, wall_s in walls.items()
    )


def make_sweep(points: tuple[Point, ...] | None = None, **more: object) -> Sweep:
    """Make a sweep, by default of a law with its peak at ten workers, and judge it."""
    if points is None:
        points = make_points({n: LAW.time_s(n) for n in (1, 2, 4, 8, 16)})
    found = judge(points, ITEMS, MACHINE.cores)
    fields: dict[str, object] = {
        "function": "count_primes",
        "items": ITEMS,
        "backend": "processes",
        "cores": MACHINE.cores,
        "repeats": 3,
        "budget_s": 120.0,
        "points": points,
        "fit": found.fit,
        "no_fit": found.no_fit,
        "noise": found.noise,
        "best": found.best,
        "knee": found.knee,
        "worth": found.worth,
        "dropoff": found.dropoff,
        "causes": found.causes,
        "wall_s": 20.0,
        "machine": MACHINE,
        "begun": "2026-01-31T12:00:00+01:00",
        "poolwise": "0.1.0",
    }
    return Sweep(**{**fields, **more})
