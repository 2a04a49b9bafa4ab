"""Ray: the way to a Ray cluster; the only file that imports ``ray``, when it is first used.

How messages travel stands in ``ray_link.py``.
"""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import socket
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from poolwise.backends.cluster import TRIP_PATIENCE_S, own_addresses, shortest_trip_s
from poolwise.backends.ray_link import Ray, RayLink, let_go, nothing_runs
from poolwise.errors import MissingExtraError, OptionError, WorkerStartError
from poolwise.model.units import Seconds
from poolwise.work import resident
from poolwise.work.call import show_error

# An address where nobody listens is told as that after so long; Ray itself tries for minutes.
KNOCK_S: Seconds = 5.0


def load() -> Ray:
    """Import Ray; raises MissingExtraError."""
    try:
        return import_module("ray")
    except ImportError as error:
        raise MissingExtraError("backend='ray' needs Ray: pip install 'poolwise[ray]' brings it") from error


def connected() -> bool:
    """Tell whether this program is connected to a Ray cluster; imports nothing."""
    return bool(getattr(sys.modules.get("ray"), "is_initialized", bool)())


# --- What the connected cluster is like ----------------------------------------------------------------------


def seats_of_cluster() -> int:
    """Say how many actors of ours the connected cluster has room for: its free CPUs; 0 where all are taken."""
    ray = load()
    total: float = ray.cluster_resources().get("CPU", 0.0)
    free: float = ray.available_resources().get("CPU", 0.0)
    return math.floor(min(total, free + let_go.count()))


def round_trip_s() -> Seconds:
    """Measure what it takes to have nothing done on the connected cluster: the shortest of some.

    Raises WorkerStartError where nothing can be run there, or nothing comes back for long.
    """
    ray = load()
    ask = ray.remote(num_cpus=0, max_retries=0)(resident.clock)
    try:
        return shortest_trip_s(lambda: ray.get(ask.remote(), timeout=TRIP_PATIENCE_S))
    except ray.exceptions.RayError as error:
        raise nothing_runs(error) from error


# --- The connection ------------------------------------------------------------------------------------------


class Shared:
    """This program's connection to Ray, of which there is one: who made it ends it, after the last run that uses it."""

    def __init__(self) -> None:
        """Have made none."""
        self._lock = threading.Lock()
        self._address: str | None = None
        """Where Poolwise has connected to; None: the connection, if there is one, is the caller's."""
        self._runs = 0

    def join(self, ray: Ray, cluster: object) -> bool:
        """Use the connection that is meant by the option ``cluster``, or make it; say whether to ``leave`` it.

        Raises OptionError, WorkerStartError.
        """
        if cluster is not None and not isinstance(cluster, str):
            raise OptionError(f"cluster={cluster!r}: write the address of a Ray cluster, as in cluster='10.0.0.1:6379'")
        with self._lock:
            if not ray.is_initialized():
                self._address, self._runs = self._connect(ray, cluster), 0
            elif cluster not in (None, "auto", self._address, here := _address_of(ray)):
                raise OptionError(
                    f"cluster={cluster!r}, and this program is connected to the Ray cluster at {here} already: "
                    "leave cluster out, or call ray.shutdown() first"
                )
            self._runs += self._address is not None
            return self._address is not None

    def leave(self, ray: Ray) -> None:
        """End the connection where this was its last run."""
        with self._lock:
            self._runs -= 1
            if self._runs == 0:
                self._address = None
                ray.shutdown()

    def _connect(self, ray: Ray, cluster: str | None) -> str:
        if cluster is None:
            raise OptionError(
                "backend='ray' has no cluster: connect first (ray.init(), which also starts one on this machine), or "
                "name the cluster's address, as in cluster='127.0.0.1:6379' or cluster='auto'"
            )
        try:
            _knock(cluster)
            with _quiet():
                ray.init(address=cluster, configure_logging=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise WorkerStartError(
                f"no Ray cluster answers at cluster={cluster!r} ({show_error(error)}); is it running, and is the "
                "address what 'ray start --head' says?"
            ) from error
        return cluster


_shared = Shared()


class RayConnection:
    """The way to a Ray cluster, for one run."""

    def __init__(self, ray: Ray, *, ours: bool) -> None:
        """Use this program's connection; ``ours``: Poolwise has made it."""
        self._ray, self._ours = ray, ours

    def seats(self) -> int:
        """Count the free CPUs."""
        return seats_of_cluster()

    def round_trip_s(self) -> Seconds:
        """Measure it."""
        return round_trip_s()

    @property
    def here(self) -> bool:
        """Compare the machines' addresses with our own."""
        ours = own_addresses()
        return all(node["NodeManagerAddress"] in ours for node in self._ray.nodes() if node["Alive"])

    def link(self, outbox: queue.SimpleQueue[Any]) -> RayLink:
        """Make a link for a run."""
        return RayLink(self._ray, outbox)

    def close(self) -> None:
        """End this program's connection, if it is ours and this was its last run."""
        if self._ours:
            self._ours = False
            _shared.leave(self._ray)


def connect(cluster: object) -> RayConnection:
    """Connect to the cluster that is meant.

    Raises MissingExtraError, and what ``Shared.join`` raises.
    """
    ray = load()
    return RayConnection(ray, ours=_shared.join(ray, cluster))


def _address_of(ray: Ray) -> str:
    return str(getattr(ray.get_runtime_context(), "gcs_address", "another address"))


def _knock(address: str) -> None:
    """Raise OSError where the address is one of a machine and nobody listens there."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Have Ray say nothing of a connection that its caller did not make."""
    logger = logging.getLogger("ray")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
