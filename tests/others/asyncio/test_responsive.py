"""What plain functions compute keeps no event loop from its other tasks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import poolwise
from tests.others.asyncio.conftest import Run
from tests.others.asyncio.work import burn

ITEM_S = 0.25
"""One item in the loop's own thread would stall it for so long."""


@pytest.mark.parametrize("backend", ["auto", "processes", "threads", "loop"])
def test_the_loop_goes_on(backend: Any) -> None:
    """Not even the first item, which is measured, stalls it: on the way, other tasks have their turn all the time."""

    async def main() -> tuple[int, str]:
        turns, over = 0, asyncio.Event()

        async def tick() -> None:
            nonlocal turns
            while not over.is_set():
                await asyncio.sleep(0.001)
                turns += 1

        ticking = asyncio.create_task(tick())
        results = await poolwise.amap(burn, [ITEM_S] * 4, backend=backend, max_workers=2, progress=False)
        over.set()
        await ticking
        return turns, results.report.plan.backend

    turns, chosen = asyncio.run(main())
    # Were the items run in the loop, it would have a turn or two for each. Two threads that compute take the GIL for
    # 5 ms each, so that it has fifty turns a second at least; a busy machine may take most of them away.
    assert turns > 4 * 4
    assert backend in (chosen, "auto")


def test_the_plan_is_the_one_for_plain_functions(run: Run) -> None:
    """It has its reasons, and never is the event loop; which one it is depends on what else the machine has to do."""

    async def main() -> Any:
        return (await poolwise.amap(burn, [0.02] * 30, progress=False)).report.plan

    plan = run(main)
    assert plan.reasons
    assert plan.backend in {"loop", "threads", "processes", "interpreters"}
