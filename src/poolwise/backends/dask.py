"""Dask: the way to a Dask cluster; the only file that imports ``distributed``, when it is first used.

How messages travel stands in ``dask_link.py``, who is there in ``dask_news.py``.
"""

from __future__ import annotations

import queue
import sys
import weakref
from importlib import import_module
from types import ModuleType
from typing import Any

from poolwise.backends.cluster import TRIP_PATIENCE_S, own_addresses, shortest_trip_s
from poolwise.backends.dask_link import DaskLink
from poolwise.backends.dask_news import Client, threads_of, workers_of
from poolwise.errors import MissingExtraError, OptionError, WorkerStartError
from poolwise.model.units import Seconds
from poolwise.work import resident
from poolwise.work.call import show_error


def connected_client() -> Client | None:
    """Give the client that this program is connected by, if it has one; imports nothing."""
    module = sys.modules.get("distributed.client")
    return None if module is None else module._get_global_client()  # noqa: SLF001 - what default_client() asks, without its error


def find_client(cluster: object) -> tuple[Client, bool]:
    """Give the client that is meant by the option ``cluster``, and whether it is ours to close.

    Raises OptionError, MissingExtraError, WorkerStartError.
    """
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise MissingExtraError("backend='dask' needs distributed: pip install 'poolwise[dask]' brings it") from error
    client: Client
    if cluster is None:
        client = connected_client()
        if client is None:
            raise OptionError(
                "backend='dask' has no cluster: make a client first (client = distributed.Client(...)), or name the "
                "scheduler's address, as in cluster='tcp://127.0.0.1:8786'"
            )
    elif isinstance(cluster, str):
        return _connect(distributed, cluster), True
    elif isinstance(cluster, distributed.Client):
        client = cluster
    else:
        raise OptionError(f"cluster={cluster!r}: write a scheduler's address, or give a distributed.Client")
    if client._asynchronous:  # noqa: SLF001 - the public property is true for any client in the event loop's thread
        # Its calls are coroutines of the program's event loop: beside that, another client is needed.
        return _connect(distributed, client.scheduler.address), True
    return client, False


def _connect(distributed: ModuleType, address: str) -> Client:
    try:
        return distributed.Client(address, set_as_default=False, name="poolwise")
    except (OSError, ValueError) as error:
        raise WorkerStartError(
            f"no Dask scheduler answers at cluster={address!r} ({show_error(error)}); is it running, and is the "
            "address what it says when it starts?"
        ) from error


class DaskConnection:
    """The way to a Dask cluster."""

    def __init__(self, client: Client, *, ours: bool) -> None:
        """Use this client, which is ``ours`` to close, or the caller's."""
        self._client, self._ours = client, ours

    def seats(self) -> int:
        """Count the threads of all processes."""
        return sum(threads_of(self._client).values())

    def round_trip_s(self) -> Seconds:
        """Measure it once for a client."""
        if self._client not in _round_trips:
            _round_trips[self._client] = shortest_trip_s(
                lambda: self._client.submit(resident.clock, pure=False).result(timeout=TRIP_PATIENCE_S)
            )
        return _round_trips[self._client]

    @property
    def here(self) -> bool:
        """Compare the processes' addresses with our own."""
        ours = own_addresses()
        return all(each["host"] in ours for each in workers_of(self._client).values())

    def link(self, outbox: queue.SimpleQueue[Any]) -> DaskLink:
        """Make a link for a run."""
        return DaskLink(self._client, outbox, ours=self._ours)

    def close(self) -> None:
        """Close the client if it is ours."""
        if self._ours:
            self._client.close()


_round_trips: weakref.WeakKeyDictionary[Client, Seconds] = weakref.WeakKeyDictionary()


def connect(cluster: object) -> DaskConnection:
    """Connect to the cluster that is meant; see ``find_client`` for what it raises."""
    client, ours = find_client(cluster)
    return DaskConnection(client, ours=ours)
