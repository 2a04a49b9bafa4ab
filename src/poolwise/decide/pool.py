"""Which workers of a pool that has threads and processes should take a function's tasks."""

from __future__ import annotations

from poolwise.decide.choose import describe
from poolwise.decide.cost import PROCESS_CHUNK_S, Work, processes_cost, threads_cost
from poolwise.model.choice import Choice
from poolwise.model.classes import replace
from poolwise.model.machine import Machine
from poolwise.model.plan import CannotShip
from poolwise.model.profile import Payload, Profile

# What is compared is work without end, on workers that are there: what starts and tails cost is no matter.
MANY = 1000
# Processes have to be so much quicker: what is measured of one task or two is not known better than that, and threads
# have the caller's own objects.
MARGIN = 0.9


def choose_workers(function: str, profile: Profile, machine: Machine, *, threads: int, processes: int) -> Choice:
    """Compare so many threads and processes, all of them warm, for a function's tasks."""
    side_by_side = threads_cost(Work(items=MANY, profile=profile, machine=machine), threads).work_s / MANY
    problem = _problem(profile)
    nature = tuple(describe(profile, machine))
    if problem is not None:
        return Choice(
            function=function,
            backend="threads",
            profile=profile,
            reasons=(*nature, problem),
            threads_s=side_by_side,
            processes_s=None,
        )
    shipped = processes_cost(Work(items=MANY, profile=_alone(profile), machine=machine), processes).work_s / MANY
    return Choice(
        function=function,
        backend="processes" if shipped < MARGIN * side_by_side else "threads",
        profile=profile,
        reasons=nature,
        threads_s=side_by_side,
        processes_s=shipped,
    )


def _problem(profile: Profile) -> CannotShip | None:
    parts = {"the function": profile.function, "the arguments": profile.argument, "the result": profile.result}
    for what, payload in parts.items():
        if payload is not None and payload.problem is not None:
            return CannotShip(what, payload.problem)
    return None


def _alone(profile: Profile) -> Profile:
    """A task travels alone as a rule: the whole of a message's price is part of what its arguments cost."""
    argument = profile.argument or Payload(0, 0.0)
    return replace(profile, argument=Payload(argument.bytes, argument.seconds + PROCESS_CHUNK_S))
