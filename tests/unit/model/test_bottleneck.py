"""What kept a run from being faster, by its figures."""

from __future__ import annotations

import pytest

from poolwise.model.bottleneck import Bottleneck, Spent, find_bottleneck
from poolwise.model.machine import Machine
from poolwise.model.plan import Estimate, Plan
from tests.unit.decide.facts import make_profile

MACHINE = Machine(cores=4)
COLD = make_profile(0.01, cpu=0.5, first_s=0.8)
LOOP = Plan(backend="loop", items=10, estimate=Estimate(0.0, 1.0, 0.0, "one worker"))


def pool(backend, limit, *, start_s=0.0, work_s=1.0, workers=4):
    """Plan 100 items on a pool."""
    return Plan(backend=backend, workers=workers, items=100, estimate=Estimate(start_s, work_s, 0.0, limit))


def limit(plan, *, wall_s=1.0, cpu_s=0.1, read_s=0.0, longest_s=0.01, machine=MACHINE, profile=None):
    """Find the limit of a run of a second; items wait for 10 ms, with 5 ms of GIL."""
    profile = profile or make_profile(0.01, cpu=0.5)
    return find_bottleneck(
        plan, profile, machine, Spent(wall_s=wall_s, run_s=wall_s, cpu_s=cpu_s, read_s=read_s, longest_s=longest_s)
    )


@pytest.mark.parametrize(
    ("plan", "spent", "expected"),
    [
        (LOOP, {"read_s": 0.8}, Bottleneck("reading", 0.8)),
        (LOOP, {"read_s": 0.8, "machine": None}, Bottleneck("reading", 0.8)),
        (LOOP, {"cpu_s": 0.1}, Bottleneck("one at a time", 0.9)),
        (LOOP, {"cpu_s": 1.01}, Bottleneck("one core", 1.0)),
        (pool("processes", "cores"), {"cpu_s": 3.6}, Bottleneck("cores", 0.9)),
        (pool("threads", "waiting"), {"cpu_s": 3.6}, Bottleneck("cores", 0.9)),
        (pool("threads", "GIL"), {"cpu_s": 1.0}, Bottleneck("GIL", 0.5)),
        (pool("processes", "shipping", work_s=0.7), {}, Bottleneck("shipping", 0.7)),
        (pool("processes", "cores", start_s=0.6, work_s=0.2), {}, Bottleneck("starting", 0.6)),
        (pool("asyncio", "one event loop"), {}, Bottleneck("one core", 0.5)),
        (pool("threads", "waiting", work_s=0.25), {}, Bottleneck("far side", 0.75)),
        (pool("threads", "waiting", work_s=0.9), {}, Bottleneck("workers", 0.9)),
        (pool("threads", "waiting", work_s=0.9, workers=100), {}, Bottleneck("items", 0.9)),
        (pool("threads", "waiting", work_s=0.25), {"longest_s": 0.8}, Bottleneck("slow item", 0.8)),
        (pool("threads", "waiting", work_s=0.9), {"longest_s": 0.8, "profile": COLD}, Bottleneck("workers", 0.9)),
        (pool("processes", "cores"), {"cpu_s": 3.6, "longest_s": 0.8}, Bottleneck("cores", 0.9)),
        (LOOP, {"longest_s": 0.8}, Bottleneck("one at a time", 0.9)),
        (pool("threads", "waiting", work_s=0.9), {"cpu_s": 3.0}, None),
        (pool("processes", "cores", work_s=0.9), {"cpu_s": 2.0}, None),
        (Plan(backend="threads", workers=4), {}, None),
        (LOOP, {"machine": None}, None),
        (LOOP, {"wall_s": 0.0}, None),
    ],
    ids=str,
)
def test_the_limit_is_what_the_figures_say(plan, spent, expected):
    """From what is certain (who read, who computed) to what is likely (what the estimate names)."""
    assert limit(plan, **spent) == expected
