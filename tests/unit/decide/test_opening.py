"""Who keeps the first items company: golden scenes, and what holds in every one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.decide.candidates import MOST_TASKS, MOST_THREADS
from poolwise.decide.opening import (
    COMPUTED_S,
    INNER_THREADS,
    PER_SECOND,
    SNAPSHOT_ITEMS_PER_CORE,
    WAITED_S,
    Scene,
    Wanted,
    company,
    worth_a_snapshot,
)
from poolwise.model.options import Options
from poolwise.model.pace import Pace


def make_pace(*, waited_s: float = 0.0, cpu_s: float = 0.0, waits: float = 0.0, **more: Any) -> Pace:
    """Make the pace of items that have waited and computed for so long, and wait for such a share of the moment."""
    fields: dict[str, Any] = {
        "wall_s": waited_s + cpu_s,
        "busy_s": cpu_s,
        "recent_s": 0.001,
        "recent_busy_s": 0.001 * (1 - waits),
        "cpu_s": cpu_s,
        "process_cpu_s": cpu_s,
        "asleep": waits > 0,
    }
    return Pace(**{**fields, **more})


def make_scene(pace: Pace, **more: Any) -> Scene:
    """Make a scene in which company can come."""
    fields: dict[str, Any] = {"gil_held": 1.0, "waiting": 100, "cores": 4, "snapshot": True, "kind": "loop"}
    return Scene(pace=pace, **{**fields, **more})


WAITS_5_MS = make_pace(waited_s=0.005, waits=1.0)
COMPUTES_5_MS = make_pace(cpu_s=0.005)


@pytest.mark.parametrize(
    ("scene", "options", "wanted"),
    [
        # It waits: threads, the more the longer it has; tasks in an event loop.
        (make_scene(WAITS_5_MS), {}, Wanted("threads", 40)),
        (make_scene(make_pace(waited_s=0.001, waits=1.0)), {}, Wanted("threads", 8)),
        (make_scene(make_pace(waited_s=60.0, waits=1.0)), {}, Wanted("threads", MOST_THREADS - 1)),
        (make_scene(make_pace(waited_s=60.0, waits=1.0), kind="asyncio"), {}, Wanted("asyncio", MOST_TASKS - 1)),
        (make_scene(WAITS_5_MS, cores=1, snapshot=False, gil_held=None), {}, Wanted("threads", 40)),
        # It computes with the GIL: processes, from a copy, where there are cores.
        (make_scene(COMPUTES_5_MS), {}, Wanted("processes", 3)),
        (make_scene(COMPUTES_5_MS, waiting=1), {}, Wanted("processes", 1)),
        (make_scene(COMPUTES_5_MS, snapshot=False), {}, None),
        (make_scene(COMPUTES_5_MS, cores=1), {}, None),
        (make_scene(COMPUTES_5_MS, kind="threads"), {}, None),
        (make_scene(COMPUTES_5_MS, kind="asyncio"), {}, None),
        # ... without the GIL: threads, for which no copy is needed.
        (make_scene(COMPUTES_5_MS, gil_held=0.1), {}, Wanted("threads", 3)),
        (make_scene(COMPUTES_5_MS, gil_held=0.0, snapshot=False), {}, Wanted("threads", 3)),
        # Nobody knows yet whether it holds the GIL, or threads inside of it have the cores.
        (make_scene(COMPUTES_5_MS, gil_held=None), {}, None),
        (make_scene(make_pace(cpu_s=0.005, process_cpu_s=0.005 * INNER_THREADS)), {}, None),
        # Too early, or neither the one nor the other.
        (make_scene(make_pace(waited_s=0.9 * WAITED_S, waits=1.0)), {}, None),
        (make_scene(make_pace(cpu_s=0.9 * COMPUTED_S)), {}, None),
        (make_scene(make_pace(waited_s=0.005, cpu_s=0.005, waits=0.5)), {}, None),
        # It waited once, and computes now; it waits for a core, not for something else.
        (make_scene(make_pace(waited_s=0.005, cpu_s=0.001)), {}, None),
        (make_scene(make_pace(waited_s=0.005, waits=1.0, asleep=False)), {}, None),
        # There is nobody to do anything for, or the caller has said how many there may be.
        (make_scene(WAITS_5_MS, waiting=0), {}, None),
        (make_scene(WAITS_5_MS), {"max_workers": 1}, None),
        (make_scene(WAITS_5_MS), {"max_workers": 3}, Wanted("threads", 2)),
        (make_scene(COMPUTES_5_MS), {"max_workers": 2}, Wanted("processes", 1)),
        (make_scene(COMPUTES_5_MS), {"max_workers": 64}, Wanted("processes", 3)),
    ],
)
def test_golden_scenes(scene: Scene, options: dict[str, Any], wanted: Wanted | None) -> None:
    """Named cases, each with the company that it gets."""
    assert company(scene, Options(**options)) == wanted


seconds = st.sampled_from([0.0, 0.0009, 0.001, 0.003, 0.02, 1.0]) | st.floats(0, 100)
shares = st.floats(0, 1)
paces = st.builds(
    lambda waited_s, cpu_s, waits, inner, asleep: make_pace(
        waited_s=waited_s, cpu_s=cpu_s, waits=waits, process_cpu_s=cpu_s * inner, asleep=asleep
    ),
    seconds,
    seconds,
    st.sampled_from([0.0, 1.0]) | shares,
    st.floats(1, 8),
    st.booleans(),
)
scenes = st.builds(
    Scene,
    pace=paces,
    gil_held=st.none() | st.sampled_from([0.0, 1.0]) | shares,
    waiting=st.integers(0, 300),
    cores=st.integers(1, 64),
    snapshot=st.booleans(),
    kind=st.sampled_from(["loop", "threads", "asyncio"]),
)
options = st.builds(Options, max_workers=st.none() | st.integers(1, 200))


@given(scene=scenes, options=options)
def test_company_is_never_more_than_allowed(scene: Scene, options: Options) -> None:
    """With the first worker, no more than max_workers; computing work gets no more than a core each, nor than items."""
    wanted = company(scene, options)
    if wanted is None:
        return
    assert wanted.workers >= 1
    assert options.max_workers is None or wanted.workers < options.max_workers
    assert wanted.workers < (MOST_TASKS if wanted.kind == "asyncio" else MOST_THREADS)
    if wanted.kind == "processes" or not scene.pace.asleep:
        assert wanted.workers <= min(scene.cores - 1, scene.waiting)


@given(scene=scenes, options=options)
def test_processes_need_a_copy_and_a_calling_thread(scene: Scene, options: Options) -> None:
    """Nothing is ever forked from a process in which an item runs; coroutines stay in their event loop."""
    wanted = company(scene, options)
    kind = wanted.kind if wanted is not None else None
    assert kind != "processes" or (scene.snapshot and scene.kind == "loop")
    assert (kind == "asyncio") <= (scene.kind == "asyncio")
    assert scene.kind != "asyncio" or kind in {None, "asyncio"}


@given(waited_s=st.floats(WAITED_S, 0.015), more_s=st.floats(0, 1))
def test_who_waits_for_longer_never_wants_fewer(waited_s: float, more_s: float) -> None:
    """Company comes at a steady rate."""
    wants = [
        company(make_scene(make_pace(waited_s=each, waits=1.0)), Options()) for each in (waited_s, waited_s + more_s)
    ]
    assert [each.kind for each in wants if each] == ["threads", "threads"]
    assert wants[0].workers == int(PER_SECOND["threads"] * make_pace(waited_s=waited_s).waited_s)
    assert wants[0].workers <= wants[1].workers


@pytest.mark.parametrize(
    ("items", "cores", "options", "worth_it"),
    [
        (2, 2, {}, True),
        (1, 2, {}, False),
        (0, 2, {}, False),
        (2, 1, {}, False),
        (2 * SNAPSHOT_ITEMS_PER_CORE, 2, {}, True),
        (2 * SNAPSHOT_ITEMS_PER_CORE + 1, 2, {}, False),
        (64, 4, {"start_method": "fork"}, True),
        (64, 4, {"start_method": "spawn"}, False),
        (64, 4, {"start_method": "forkserver"}, False),
        (64, 4, {"max_workers": 1}, False),
        (64, 4, {"max_workers": 2}, True),
    ],
)
def test_a_copy_is_made_for_few_items_only(items: int, cores: int, options: dict[str, Any], worth_it: bool) -> None:  # noqa: FBT001 - a table
    """Two items at least, no more than some for each core, and nobody has said that there is to be no fork."""
    assert worth_a_snapshot(items, cores, Options(**options)) is worth_it
