"""Which Ray is meant, and what is said where there is none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

import poolwise
from poolwise.errors import OptionError
from tests.contract.functions import double

pytestmark = pytest.mark.timeout(240)

NOT_INSTALLED = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "ray":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
import poolwise
assert "ray" not in sys.modules
try:
    poolwise.map(abs, range(3), backend="ray", progress=False)
except poolwise.errors.MissingExtraError as error:
    print(error)
"""
NOT_CONNECTED = """
import poolwise
from poolwise.backends import ray as link
assert not link.connected()
for cluster, error in ((None, poolwise.errors.OptionError), ("127.0.0.1:{port}", poolwise.errors.WorkerStartError)):
    try:
        poolwise.map(abs, range(3), backend="ray", cluster=cluster, progress=False)
    except error as problem:
        print(problem)
assert not link.connected()
"""
NOT_ON_WORKERS = """
import sys
import ray
import poolwise
from poolwise.backends import ray as link

def hide():
    class Hide:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "poolwise":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    sys.meta_path.insert(0, Hide())

ray.init("{address}", runtime_env={"worker_process_setup_hook": hide}, log_to_driver=False, logging_level="ERROR")
for ask in (lambda: poolwise.map(abs, range(3), backend="ray", max_workers=1, progress=False), link.round_trip_s):
    try:
        ask()
    except poolwise.errors.WorkerStartError as error:
        print(error)
ray.shutdown()
"""


def output_of(program: str) -> str:
    """Run a program, and give what it prints."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=200
    )
    return ran.stdout


def test_without_ray_the_extra_is_named():
    """Where Ray is not installed, the error names the extra that brings it."""
    assert output_of(NOT_INSTALLED) == "backend='ray' needs Ray: pip install 'poolwise[ray]' brings it\n"


@pytest.mark.slow
def test_without_a_cluster_it_says_what_to_write():
    """Not connected, and no address: an option is missing. Where nobody listens, that is told, within seconds."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        told = output_of(NOT_CONNECTED.replace("{port}", str(nobody.getsockname()[1])))
    first, second = told.splitlines()
    assert first.startswith("backend='ray' has no cluster: connect first (ray.init()")
    assert second.startswith("no Ray cluster answers at cluster='127.0.0.1:")


def test_the_connected_cluster_may_be_named(cluster: str):
    """Its address and "auto" mean the connected one, which stays connected; another address is refused."""
    for named in (cluster, "auto"):
        results = poolwise.map(double, range(3), backend="ray", cluster=named, max_workers=1, progress=False)
        assert results == [0, 2, 4]
    for wrong, words in (
        ("127.0.0.1:1", "is connected to the Ray cluster at 127.0.0.1:"),
        (object(), "write the address"),
    ):
        with pytest.raises(OptionError, match=words):
            poolwise.map(double, range(3), backend="ray", cluster=wrong, progress=False)


@pytest.mark.slow
def test_workers_without_poolwise_are_told(cluster: str):
    """Where the workers of the cluster cannot import Poolwise, the error says so and what to do."""
    told = output_of(NOT_ON_WORKERS.replace("{address}", cluster))
    words = "nothing can be run on the Ray cluster: its workers cannot import poolwise: install it there, or name it in"
    assert told.splitlines() == [f"{words} the runtime_env of ray.init"] * 2
