"""Is a Plan still right? Golden cases, and what holds whatever comes back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.decide.revise import MUCH_LESS, WORTH_IT_S, revised
from poolwise.model.machine import Machine
from poolwise.model.options import BackendName
from poolwise.model.plan import Plan
from poolwise.model.profile import Profile
from poolwise.model.recent import Recent
from tests.unit.decide.facts import make_machine, make_profile, profiles


def make_recent(kind: BackendName, *, wall_s: float, cpu_s: float, busy: float, **more: Any) -> Recent:
    """Make what items say that took so long and computed for so much of it, each."""
    fields: dict[str, Any] = {
        "seconds": 0.1,
        "items": 50,
        "typical_s": wall_s,
        "wait_s": max(0.0, wall_s - cpu_s),
    }
    return Recent(kind=kind, wall_s=wall_s, cpu_s=cpu_s, busy=busy, **{**fields, **more})


THREADS = Plan(backend="threads", workers=64)
FOUR_THREADS = Plan(backend="threads", workers=4)
PROCESSES = Plan(backend="processes", workers=4)
WAITS = make_profile(0.02, cpu=0.05)
COMPUTES = make_profile(0.02, cpu=1.0)
RELEASES = make_profile(0.02, cpu=1.0, gil=0.05)


@pytest.mark.parametrize(
    ("plan", "profile", "recent", "machine", "is_other"),
    [
        # Threads that were to wait, and do, even where each takes longer than alone.
        (THREADS, WAITS, make_recent("threads", wall_s=0.021, cpu_s=0.001, busy=0.9), {}, False),
        (THREADS, WAITS, make_recent("threads", wall_s=0.2, cpu_s=0.001, busy=0.2), {}, False),
        # They compute now, and the GIL is busy all the time.
        (
            THREADS,
            WAITS,
            make_recent("threads", wall_s=1.2, cpu_s=0.02, busy=1.0, wait_s=0.001),
            {},
            True,
        ),
        # ... on an interpreter without a GIL that is no reason, as long as there are cores.
        (
            THREADS,
            WAITS,
            make_recent("threads", wall_s=0.02, cpu_s=0.02, busy=1.0, wait_s=0.0),
            {"gil": False},
            False,
        ),
        # There is hardly anything to them any more.
        (THREADS, WAITS, make_recent("threads", wall_s=0.001, cpu_s=0.0005, busy=0.5, wait_s=0.0005), {}, True),
        # Threads that were to compute side by side, and do.
        (FOUR_THREADS, RELEASES, make_recent("threads", wall_s=0.02, cpu_s=0.02, busy=3.8), {}, False),
        # ... and take turns after all.
        (
            FOUR_THREADS,
            RELEASES,
            make_recent("threads", wall_s=0.08, cpu_s=0.02, busy=1.0, wait_s=0.0),
            {},
            True,
        ),
        # ... which shows before any of them has brought anything; more than one core says that they do not.
        (FOUR_THREADS, RELEASES, make_recent("threads", wall_s=0.02, cpu_s=0.005, busy=1.0, items=0), {}, True),
        (FOUR_THREADS, RELEASES, make_recent("threads", wall_s=0.02, cpu_s=0.02, busy=3.0, items=0), {}, False),
        (FOUR_THREADS, WAITS, make_recent("threads", wall_s=0.02, cpu_s=0.005, busy=1.0, items=0), {}, False),
        (
            FOUR_THREADS,
            RELEASES,
            make_recent("threads", wall_s=0.02, cpu_s=0.005, busy=1.0, items=0),
            {"gil": False},
            False,
        ),
        # ... and wait now.
        (FOUR_THREADS, RELEASES, make_recent("threads", wall_s=0.02, cpu_s=0.001, busy=0.2), {}, True),
        # Processes that compute, and do.
        (PROCESSES, COMPUTES, make_recent("processes", wall_s=0.02, cpu_s=0.02, busy=3.9), {}, False),
        (PROCESSES, COMPUTES, make_recent("processes", wall_s=0.1, cpu_s=0.09, busy=3.9), {}, False),
        # ... have less to do than could be: what there is, is computing.
        (PROCESSES, COMPUTES, make_recent("processes", wall_s=0.02, cpu_s=0.02, busy=0.1), {}, False),
        # ... stand still, and have brought nothing that says otherwise.
        (PROCESSES, COMPUTES, make_recent("processes", wall_s=0.1, cpu_s=0.01, busy=0.4, items=0), {}, True),
        (PROCESSES, COMPUTES, make_recent("processes", wall_s=0.1, cpu_s=0.09, busy=3.6, items=0), {}, False),
        # ... wait now, or have next to nothing to do any more.
        (PROCESSES, COMPUTES, make_recent("processes", wall_s=0.02, cpu_s=0.001, busy=0.1), {}, True),
        (PROCESSES, COMPUTES, make_recent("processes", wall_s=0.003, cpu_s=0.003, busy=0.1), {}, True),
    ],
)
def test_golden_cases(
    plan: Plan,
    profile: Profile,
    recent: Recent,
    machine: dict[str, Any],
    is_other: bool,  # noqa: FBT001 - a table
) -> None:
    """Named cases: the Plan will do, or has to be made anew."""
    assert (revised(plan, profile, recent, make_machine(**machine), 1000) is not None) is is_other


def test_the_work_as_it_is_now() -> None:
    """Threads that took turns: what an item is like alone, and the GIL is held for all that it computes."""
    recent = make_recent("threads", wall_s=0.08, cpu_s=0.02, busy=1.0, wait_s=0.0)
    now = revised(FOUR_THREADS, RELEASES, recent, make_machine(), 1000)
    assert now is not None
    assert (now.wall_s, now.thread_cpu_s, now.gil_held, now.items) == (0.02, 0.02, 1.0, 50)


def test_what_is_left_must_be_worth_it() -> None:
    """The last few items are not worth another start of workers."""
    recent = make_recent("processes", wall_s=0.001, cpu_s=0.0001, busy=0.1)
    few = int(WORTH_IT_S / 0.001) - 1
    assert revised(PROCESSES, COMPUTES, recent, make_machine(), few) is None
    assert revised(PROCESSES, COMPUTES, recent, make_machine(), 2 * few) is not None


recents = st.builds(
    lambda kind, wall_s, share, busy, least: make_recent(
        kind, wall_s=wall_s, cpu_s=share * wall_s, busy=busy, wait_s=least * (1 - share) * wall_s
    ),
    st.sampled_from(["threads", "processes", "asyncio"]),
    st.floats(1e-6, 10),
    st.floats(0, 1),
    st.floats(0, 64),
    st.floats(0, 1),
)


@given(
    profile=profiles(),
    recent=recents,
    workers=st.integers(1, 128),
    machine=st.builds(make_machine, st.integers(1, 64), gil=st.booleans()),
    left=st.integers(0, 10**6),
)
def test_whatever_comes_the_new_profile_is_possible(
    profile: Profile,
    recent: Recent,
    workers: int,
    machine: Machine,
    left: int,
) -> None:
    """No item computes for longer than it takes, no share is out of bounds, and nothing that was shipped is lost."""
    plan = Plan(backend=recent.kind, workers=workers)
    now = revised(plan, profile, recent, machine, left)
    if now is None:
        return
    assert 0 <= now.thread_cpu_s <= now.wall_s * (1 + 1e-9)
    assert now.thread_cpu_s <= now.process_cpu_s * (1 + 1e-9)
    assert now.gil_held is None or 0 <= now.gil_held <= 1
    assert 0 <= now.waiting <= 1
    assert (now.argument, now.result, now.function) == (profile.argument, profile.result, profile.function)
    assert left * now.wall_s >= WORTH_IT_S


@given(wall_s=st.floats(1e-4, 1), cpu=st.floats(0, 1), gil=st.floats(0, 1))
def test_what_was_predicted_is_no_surprise(wall_s: float, cpu: float, gil: float) -> None:
    """Processes whose items are as they were are left alone."""
    profile = make_profile(wall_s, cpu=cpu, gil=gil)
    recent = make_recent("processes", wall_s=wall_s, cpu_s=cpu * wall_s, busy=4 * cpu)
    assert revised(PROCESSES, profile, recent, make_machine(), 10**6) is None
    less = make_recent("processes", wall_s=wall_s / (2 * MUCH_LESS), cpu_s=cpu * wall_s / (2 * MUCH_LESS), busy=0.1)
    assert revised(PROCESSES, profile, less, make_machine(), 10**6) is not None
