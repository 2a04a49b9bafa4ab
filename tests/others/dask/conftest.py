"""The cluster: a scheduler and two workers of two threads each, as people start them, on 127.0.0.1."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.others.programs import free_port, running, until

distributed = pytest.importorskip("distributed", reason="comes with the dev extra")

# Each imports pandas' worth of modules; the machine may be busy.
STARTED_WITHIN_S = 60.0
QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}
LOCAL = ("--host", "127.0.0.1", "--no-dashboard")


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the cluster once for all tests; its nannies start workers anew that a test has killed."""
    folder = tmp_path_factory.mktemp("dask")
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ("distributed.cli.dask_scheduler", *LOCAL, "--port", str(port), "--no-show")
    worker = ("distributed.cli.dask_worker", address, *LOCAL, "--nthreads", "2", "--local-directory", str(folder))
    with (
        running(*scheduler, log=folder / "scheduler.log", **QUIET),
        running(*worker, log=folder / "first.log", **QUIET),
        running(*worker, log=folder / "second.log", **QUIET),
    ):
        with distributed.Client(address, timeout=STARTED_WITHIN_S, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=STARTED_WITHIN_S)
        yield address


@pytest.fixture
def client(address: str) -> Iterator[object]:
    """Connect to it, as a program would, once both workers are there."""
    with distributed.Client(address) as client:
        until("a second worker", lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == 2, STARTED_WITHIN_S)
        yield client
