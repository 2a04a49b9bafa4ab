"""What a Dask client tells of its cluster: which processes are there, and which are gone. It imports nothing of Dask's.

That a process is gone is an event of its address, to which every client can listen (``Client.subscribe_topic``). A
client has one listener for each address, and may have several runs.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeAlias

# What distributed defines has no annotations that mypy's strict mode would take.
Client: TypeAlias = Any


def threads_of(client: Client) -> dict[str, int]:
    """Give the addresses of a cluster's processes, and how many threads each has."""
    return {address: each["nthreads"] for address, each in workers_of(client).items()}


def workers_of(client: Client) -> dict[str, dict[str, Any]]:
    """Give the processes of a cluster by their addresses, as Dask describes them."""
    # A client that has lost its scheduler has no such entry.
    workers: dict[str, dict[str, Any]] = client.scheduler_info(n_workers=-1).get("workers", {})
    return workers


class Hub:
    """Listens to what happens to processes, for all runs of a client."""

    def __init__(self, client: Client) -> None:
        """Hear nothing yet."""
        self._client = weakref.ref(client)
        self._lock = threading.Lock()
        self._listeners: dict[str, list[Callable[[], None]]] = {}

    def listen(self, address: str, hear: Callable[[], None]) -> Callable[[], None]:
        """Call ``hear`` once the process is gone, in another thread; give what ends that."""
        with self._lock:
            if address not in self._listeners and (client := self._client()) is not None:
                client.subscribe_topic(address, functools.partial(self._tell, address))
            self._listeners.setdefault(address, []).append(hear)
        return functools.partial(self._stop, address, hear)

    def _stop(self, address: str, hear: Callable[[], None]) -> None:
        with self._lock:
            listeners = self._listeners.get(address, [])
            if hear in listeners:
                listeners.remove(hear)
            if not listeners and self._listeners.pop(address, None) is not None:
                client = self._client()
                if client is not None and client.status == "running":
                    client.unsubscribe_topic(address)

    def _tell(self, address: str, event: tuple[float, Any]) -> None:
        message = event[1]
        if isinstance(message, dict) and message.get("action") == "remove-worker":
            with self._lock:
                listeners = [*self._listeners.get(address, [])]
            for hear in listeners:
                hear()


_hubs: weakref.WeakKeyDictionary[Client, Hub] = weakref.WeakKeyDictionary()
_hubs_lock = threading.Lock()


def hub_of(client: Client) -> Hub:
    """Give the hub of a client."""
    with _hubs_lock:
        if client not in _hubs:
            _hubs[client] = Hub(client)
        return _hubs[client]
