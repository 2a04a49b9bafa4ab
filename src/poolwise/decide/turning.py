"""What would change the decision: it is made again with one fact changed at a time, over a grid, and refined between.

What is told is true where it stands, since the decision was made there, and from one told turn to the next as far as
the grid shows: a stretch that is narrower than a step, on which another backend would win, is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Literal

from poolwise.decide.choose import ASSUMED_ITEMS, decide_by
from poolwise.model.classes import frozen, replace
from poolwise.model.facts import Facts
from poolwise.model.options import BackendName
from poolwise.model.plan import Turning
from poolwise.model.profile import Profile

# Machines with more cores than this are rare, and what pays there pays on half of them.
MOST_CORES = 128
# Work that takes a thousand times as long, or has a thousand times as many items, is other work.
FARTHEST = 1000
STEP = 2
# A turn is told to two digits: the estimates are no better than that.
NEAR_ENOUGH = 1.02
DIGITS = 2
# The first turn is what people ask for; the second says how far it holds.
MOST_TURNS = 2


@frozen
class Axis:
    """A fact that may be another, and what would be decided then."""

    fact: Literal["cores", "item_s", "items"]
    now: float
    most: float
    """How far to look up; down as far as one, or in the same proportion."""
    whole: bool
    decided: Callable[[float], BackendName]


def find_turnings(facts: Facts) -> tuple[Turning, ...]:
    """Say from how many cores, seconds an item and items on, or down from how many, another backend would be chosen.

    Nothing for a given backend, which no fact changes, nor where nothing was measured or is left.
    """
    if facts.options.backend != "auto" or facts.profile is None or facts.left == 0 or facts.profile.wall_s <= 0:
        return ()
    found = [
        turn for axis in axes(facts, facts.profile) for below in (True, False) for turn in turns(axis, below=below)
    ]
    # That a single item needs no company is no news.
    return tuple(each for each in found if each.fact != "items" or each.at > 1)


def axes(facts: Facts, profile: Profile) -> list[Axis]:
    """Give the facts that people can change, or meet changed elsewhere."""
    machine, items = facts.machine, facts.left if facts.left is not None else ASSUMED_ITEMS

    def cores(count: float) -> BackendName:
        other = replace(machine, cores=int(count), cores_installed=max(int(count), machine.cores_installed))
        return decide_by(replace(facts, machine=other)).backend

    def item_s(seconds: float) -> BackendName:
        return decide_by(replace(facts, profile=slowed(profile, seconds / profile.wall_s))).backend

    def left(count: float) -> BackendName:
        # To assume a number is not to know it: what is decided now is the first of the row in any case.
        known = int(count) if count != items or facts.left is not None else None
        return decide_by(replace(facts, left=known)).backend

    return [
        Axis("cores", machine.cores, MOST_CORES, True, cores),  # noqa: FBT003 - a field of a value
        Axis("item_s", profile.wall_s, profile.wall_s * FARTHEST, False, item_s),  # noqa: FBT003
        Axis("items", items, items * FARTHEST, True, left),  # noqa: FBT003
    ]


def slowed(profile: Profile, factor: float) -> Profile:
    """Give the Profile of items that take ``factor`` times as long and are the same otherwise; so is their shipping."""
    times = ("wall_s", "first_s", "thread_cpu_s", "process_cpu_s", "queued_s")
    return replace(profile, **{name: factor * getattr(profile, name) for name in times})


def turns(axis: Axis, *, below: bool) -> list[Turning]:
    """Walk away from what is now and note where the decision changes."""
    found: list[Turning] = []
    near, before = axis.now, axis.decided(axis.now)
    for far in _grid(axis, below=below):
        backend = axis.decided(far)
        if backend != before:
            at = _round(axis, _refine(axis, near, far, backend), backend, below=below)
            found.append(Turning(axis.fact, at, below, backend, at / axis.now))
            if len(found) == MOST_TURNS:
                break
        near, before = far, backend
    return found


def _grid(axis: Axis, *, below: bool) -> Iterator[float]:
    """Give the steps from now, doubling or halving, and the last value at the end of the axis."""
    least = 1 if axis.whole else axis.now / (axis.most / axis.now)
    at = axis.now
    while (at > least) if below else (at < axis.most):
        at = max(at / STEP, least) if below else min(at * STEP, axis.most)
        at = math.floor(at) if axis.whole else at
        yield at


def _refine(axis: Axis, near: float, far: float, backend: BackendName) -> float:
    """Find between two steps where the far one's decision begins."""
    while max(near, far) > NEAR_ENOUGH * min(near, far) and (not axis.whole or abs(far - near) > 1):
        middle = math.sqrt(near * far)
        if axis.whole:
            middle = min(max(round(middle), min(near, far) + 1), max(near, far) - 1)
        if axis.decided(middle) == backend:
            far = middle
        else:
            near = middle
    return far


def _round(axis: Axis, at: float, backend: BackendName, *, below: bool) -> float:
    """Write it in two digits, away from where the decision turns; as it is where that would be another decision."""
    unit = 10.0 ** (math.floor(math.log10(at)) - DIGITS + 1)
    if axis.whole:
        unit = max(1.0, unit)
    rounded = float(f"{(math.floor if below else math.ceil)(at / unit) * unit:.12g}")
    return rounded if rounded > 0 and axis.decided(rounded) == backend else at
