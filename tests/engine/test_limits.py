"""Work on a machine that has little of something, in a process of its own whose limits are lowered."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.engine.programs import run_program

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")


@pytest.mark.parametrize("coroutine", [False, True], ids=["threads", "tasks"])
def test_many_items_with_an_open_file_each_stay_below_the_limit(tmp_path: Path, coroutine: bool) -> None:  # noqa: FBT001
    """With 100 files at most, 500 items that wait with one open finish without an error, still side by side."""
    source = f"""
        import asyncio
        import resource
        import time

        import poolwise

        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))


        def wait(item):
            with open(__file__) as file:
                time.sleep(0.02)
                return item, len(file.readline())


        async def wait_async(item):
            with open(__file__) as file:
                await asyncio.sleep(0.02)
                return item, len(file.readline())


        results = poolwise.map(wait_async if {coroutine} else wait, range(500), progress=False)
        assert results == [(item, 1) for item in range(500)]
        plan = results.report.plan
        print(8 < plan.workers * plan.tasks_per_worker <= 100)
    """
    done = run_program(tmp_path, source)
    assert done.stdout == "True\n", done.stderr
