"""What kind of work a stretch of a program was, and what would make it faster: a pure function of its figures."""

from __future__ import annotations

from typing import NamedTuple

from poolwise.model.timing import Gain, Hindrance, Kind, Verdict
from poolwise.model.units import Seconds
from poolwise.model.usage import Usage

# To start workers takes as long as this: shorter work gains nothing from company, whatever kind it is. And the clocks
# of short stretches tell more of the measuring, and of who else was ready just then, than of the work.
SHORT_S: Seconds = 0.01
# Below the one, work waits; above the other, it computes; between the two it does now this, now that.
WAITS_BELOW = 0.2
COMPUTES_ABOVE = 0.8
# One thread never uses more than one core; this much more is no error of the clocks.
SEVERAL_CORES = 1.25
# Who holds the GIL for half of the time of one core gains less than twice from threads.
HOLDS_GIL = 0.5
# From this share of the cores on, there is nothing left that would be worth the trouble.
ALL_CORES = 0.85
# What kept the work from its cores for a tenth of the time is worth a word; a tenth of what it lost, not.
HINDERS = 0.1


class _Times(NamedTuple):
    """The figures as shares of the wall time."""

    own: float
    children: float
    queued: float
    gil: float | None

    @property
    def used(self) -> float:
        return self.own + self.children


def judge(usage: Usage, *, gil_share: float | None, queued_s: Seconds, cores: int, gil: bool = True) -> Verdict:
    """Say what the figures mean, on a machine with so many usable ``cores``; ``gil``: the interpreter has one.

    What is at most to be gained is what the cores that were not used would give, if all of the work could be cut into
    parts that need nothing of each other. Nobody knows that from outside, so that it is an upper bound.
    """
    if usage.wall_s < SHORT_S:
        return Verdict(kind="short", gain="longer")
    wall_s = usage.wall_s
    times = _Times(usage.cpu_own_s / wall_s, usage.cpu_children_s / wall_s, queued_s / wall_s, gil_share)
    kind = _kind(times, gil=gil)
    gain = _gain(kind, times.used, cores, gil=gil)
    return Verdict(kind=kind, gain=gain, factor=_factor(gain, times.used, cores), hindrance=_hindrance(usage, times))


def _kind(times: _Times, *, gil: bool) -> Kind:
    # Who is ready to compute and has no core does not wait for anything that more company would bring.
    busy = times.used + times.queued
    if busy < WAITS_BELOW:
        return "waited"
    if times.children > times.own:
        return "processes"
    if busy < COMPUTES_ABOVE:
        return "mixed"
    if times.used > SEVERAL_CORES:
        return "threads"
    if times.gil is None or not gil:
        return "one_core"
    return "python" if times.gil >= HOLDS_GIL else "native"


def _gain(kind: Kind, used: float, cores: int, *, gil: bool) -> Gain:
    if kind in ("waited", "mixed"):
        return "overlap"
    if cores == 1:
        return "one_core_only"
    if used >= ALL_CORES * cores:
        return "all_cores"
    if kind in ("threads", "processes"):
        return "more"
    if kind == "python":
        return "processes"
    return "threads" if kind == "native" or not gil else "parallel"


def _factor(gain: Gain, used: float, cores: int) -> float | None:
    if gain == "overlap":
        # While one waits, another computes; how many can wait at once only the far side knows.
        return max(1.0, 1 / used) if used >= WAITS_BELOW else None
    if gain in ("all_cores", "one_core_only") or used <= 0:
        return None
    # Less than one core was in use where something kept it from the core, which company would not mend.
    return max(1.0, cores / max(1.0, used))


def _hindrance(usage: Usage, times: _Times) -> Hindrance | None:
    if (usage.throttled_s or 0.0) > HINDERS * usage.wall_s:
        return "throttled"
    if (usage.stolen_s or 0.0) > HINDERS * max(usage.wall_s, usage.cpu_s):
        return "stolen"
    # Its own workers may have had the cores as well; others are to blame only where they have used some.
    others = usage.others_s is None or usage.others_s > HINDERS * usage.wall_s
    return "queued" if times.queued > HINDERS and others else None
