"""Connections that are open and nobody uses: whoever asks the same host next takes one."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from poolwise.model.units import Seconds

if TYPE_CHECKING:
    from aiohttp.connector import Connection

# What aiohttp and most clients wait; servers close after 5 s (Apache) to 75 s (nginx).
KEPT_S: Final[Seconds] = 15.0


class Idle:
    """By the origin that they lead to; the one that was used last is used first, so that a few stay warm."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._by_origin: dict[str, deque[tuple[Connection, float]]] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def take(self, origin: str) -> Connection | None:
        """Give one that is still open, and that brought nothing unasked; None where there is none."""
        kept = self._by_origin.get(origin)
        while kept:
            connection, since = kept.pop()
            if self._loop.time() - since < KEPT_S and is_clean(connection):
                return connection
            connection.close()
        return None

    def keep(self, origin: str, connection: Connection) -> None:
        """Keep one whose answer has been read, or close it where it cannot be used again."""
        if not is_clean(connection):
            connection.close()
            return
        kept = self._by_origin.get(origin)
        if kept is None:
            kept = self._by_origin[origin] = deque()
        kept.append((connection, self._loop.time()))
        if self._sweep is None:
            self._sweep = self._loop.call_later(KEPT_S, self._close_old)

    def close(self) -> None:
        """Close them all."""
        if self._sweep is not None:
            self._sweep.cancel()
        for kept in self._by_origin.values():
            for connection, _ in kept:
                connection.close()
        self._by_origin.clear()

    def _close_old(self) -> None:
        """Close those of hosts that nobody asks any more: there may be more hosts than files."""
        before = self._loop.time() - KEPT_S
        for origin, kept in [*self._by_origin.items()]:
            while kept and (kept[0][1] <= before or kept[0][0].closed):
                kept.popleft()[0].close()
            if not kept:
                del self._by_origin[origin]
        self._sweep = self._loop.call_later(KEPT_S / 4, self._close_old) if self._by_origin else None


def is_clean(connection: Connection) -> bool:
    """Tell whether a connection is open, and its last answer was read to its end, with nothing behind it."""
    protocol = connection.protocol
    return protocol is not None and protocol.is_connected() and not protocol.should_close
