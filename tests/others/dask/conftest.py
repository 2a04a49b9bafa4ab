"""The cluster: a scheduler and two workers of two threads each, as people start them, on 127.0.0.1."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.programs import wait_until
from tests.others.programs import free_port, running

distributed = pytest.importorskip("distributed", reason="comes with the dev extra")

# Each imports pandas' worth of modules; the machine may be busy.
STARTED_WITHIN_S = 60.0
QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}
LOCAL = ("--host", "127.0.0.1", "--no-dashboard")


@pytest.fixture(autouse=True)
def in_a_program_with_dask(errors_travel_as_with_dask: None) -> None:
    """Have all tests of this folder see what Dask does to a program."""


@contextlib.contextmanager
def started(folder: Path, *, workers: int) -> Iterator[str]:
    """Start a cluster of so many workers, and give its address; its nannies start anew what a test has killed."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ("distributed.cli.dask_scheduler", *LOCAL, "--port", str(port), "--no-show")
    worker = ("distributed.cli.dask_worker", address, *LOCAL, "--nthreads", "2", "--local-directory", str(folder))
    with contextlib.ExitStack() as programs:
        programs.enter_context(running(*scheduler, log=folder / "scheduler.log", **QUIET))
        for number in range(workers):
            programs.enter_context(running(*worker, log=folder / f"{number}.log", **QUIET))
        with distributed.Client(address, timeout=STARTED_WITHIN_S, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=STARTED_WITHIN_S)
        yield address


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the cluster once for all tests."""
    with started(tmp_path_factory.mktemp("dask"), workers=2) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[object]:
    """Connect to it, as a program would, once both workers are there."""
    with distributed.Client(address) as client:
        wait_until(
            lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == 2, "a second worker", STARTED_WITHIN_S
        )
        yield client
