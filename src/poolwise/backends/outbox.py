"""What workers of this process have to tell: one queue that they all write and the driver reads."""

from __future__ import annotations

import queue
from typing import TypeAlias, TypeVar

from poolwise.model.events import Event
from poolwise.model.units import Seconds

T = TypeVar("T")

Outbox: TypeAlias = "queue.SimpleQueue[Event | None]"
"""None wakes the reader and tells nothing."""


def drain(outbox: queue.SimpleQueue[T | None], timeout_s: Seconds | None) -> list[T]:
    """Wait for the first event, at most ``timeout_s`` (0: not at all), and take all that are there."""
    events: list[T] = []
    try:
        event = outbox.get(timeout=timeout_s) if timeout_s != 0 else outbox.get_nowait()
        while True:
            if event is not None:
                events.append(event)
            event = outbox.get_nowait()
    except queue.Empty:
        return events
