"""What every test of the contract shares: the way it runs on, and the look for what was left behind."""

from __future__ import annotations

import dataclasses
import functools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from poolwise import backends
from poolwise.api import execution
from poolwise.backends.protocol import Backend
from poolwise.model.classes import replace
from poolwise.model.plan import Plan
from poolwise.run.driver import Driver
from poolwise.testing import FakeClock
from poolwise.work.job import Job
from tests.contract import functions
from tests.contract.ways import ALL, Way


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let some of the ways be chosen by their names: ``pytest tests/contract --ways threads,auto``."""
    parser.addoption(
        "--ways", help="run these ways only, by their names in tests/contract/ways.py, with commas between"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs on none of the chosen ways."""
    if not (names := config.getoption("--ways")):
        return
    wanted = set(names.split(","))
    if unknown := wanted - {way.name for way in ALL}:
        raise pytest.UsageError(
            f"no such way: {', '.join(sorted(unknown))}; there are {', '.join(w.name for w in ALL)}"
        )
    chosen = [item for item in items if _way_of(item) in wanted]
    config.hook.pytest_deselected(items=[item for item in items if _way_of(item) not in wanted])
    items[:] = chosen


def _way_of(item: pytest.Item) -> str | None:
    call = getattr(item, "callspec", None)
    way = call.params.get("way") if call is not None else None
    return way.name if isinstance(way, Way) else None


# A worker that was told to end is gone within a second (engine/supervisor.py); the machine may be busy.
GONE_WITHIN_S = 10.0


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Give the way, fresh; a faked one stands in for every backend meanwhile."""
    fresh: Way = dataclasses.replace(request.param, fakes=[], clock=FakeClock())
    if fresh.faked:
        monkeypatch.setattr(backends, "create", fresh.fake)
        monkeypatch.setattr(execution, "Driver", functools.partial(Driver, clock=fresh.clock.now))
    if fresh.threads_inside > 1:
        create = backends.create

        def with_threads(plan: Plan, job: Job, **more: Any) -> Backend:
            return create(replace(plan, tasks_per_worker=fresh.threads_inside, tasks_are="threads"), job, **more)

        monkeypatch.setattr(backends, "create", with_threads)
    return fresh


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """After each test no worker process and no worker thread is left."""
    functions.released.clear()
    yield
    functions.released.set()
    assert leftovers() == []


def leftovers() -> list[str]:
    """Wait until all workers are gone, and name those that are not."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while (found := _workers()) and time.monotonic() < deadline:
        threading.Event().wait(0.005)
    return found


def _workers() -> list[str]:
    # Other interpreters import test modules, which import this one, and psutil is none that they could load.
    import psutil  # noqa: PLC0415 - see above

    threads = [each.name for each in threading.enumerate() if each.name.startswith("poolwise")]
    return threads + [str(child) for child in psutil.Process().children(recursive=True)]
