"""One Ray on this machine for all tests of this folder: two CPUs, on 127.0.0.1 only, gone at the end."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from poolwise.backends import ray as link

# Ray has no wheels for the newest Pythons.
collect_ignore_glob = [] if importlib.util.find_spec("ray") is not None else ["test_*.py"]
CPUS = 2
# A busy machine takes its time to start what a Ray of one machine consists of, and Python processes that import it.
GONE_WITHIN_S = 30.0


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """Start Ray, connected to this process, and give its address; afterwards no process of it is left."""
    # The paths of its sockets may have 107 letters; those of pytest's own folders are long.
    folder = tempfile.mkdtemp(prefix="pw-ray-")
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    with pytest.MonkeyPatch.context() as patch:
        # Read when Ray is imported: all its processes listen on 127.0.0.1.
        assert "ray" not in sys.modules
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Else Ray would write one into the home folder.
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(16))
        ray: Any = importlib.import_module("ray")
        context = ray.init(
            num_cpus=CPUS,
            _node_ip_address="127.0.0.1",
            include_dashboard=False,
            _temp_dir=folder,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=300_000_000,
        )
        yield context.address_info["gcs_address"]
        left = [each for each in psutil.Process().children(recursive=True) if each.pid not in before]
        ray.shutdown()
        _, alive = psutil.wait_procs(left, GONE_WITHIN_S)
    shutil.rmtree(folder, ignore_errors=True)
    assert alive == []


@pytest.fixture
def free(cluster: str) -> Callable[[], float]:
    """Give what waits until all CPUs are free again, and says how many are: actors may take a moment to end."""
    assert cluster
    ray: Any = importlib.import_module("ray")

    def count() -> float:
        deadline = time.monotonic() + GONE_WITHIN_S
        while (cpus := ray.available_resources().get("CPU", 0.0)) < CPUS and time.monotonic() < deadline:
            time.sleep(0.02)
        return float(cpus)

    return count


@pytest.fixture
def nothing_kept(free: Callable[[], float]) -> Iterator[None]:
    """After the test no actor is left, and the link remembers none."""
    yield
    assert free() == CPUS
    assert link.connected()
