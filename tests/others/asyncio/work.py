"""Functions and async generators that the tests run."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel


def plus(item: int) -> int:
    """Compute next to nothing."""
    return item + 1


async def later(item: int) -> int:
    """Wait next to nothing."""
    await anyio.lowlevel.checkpoint()
    return item + 1


def nap(seconds: float) -> float:
    """Wait, in a thread or process."""
    time.sleep(seconds)
    return seconds


async def anap(seconds: float) -> float:
    """Wait, in an event loop."""
    await anyio.sleep(seconds)
    return seconds


def burn(seconds: float) -> float:
    """Compute."""
    ended = time.perf_counter() + seconds
    while time.perf_counter() < ended:
        pass
    return seconds


class Source:
    """An async generator that counts what was read of it, and says whether it was closed."""

    def __init__(self, count: int | None, *, wait_s: float = 0.0, error: Exception | None = None) -> None:
        self._count = count
        self._wait_s = wait_s
        self._error = error
        self.read = 0
        self.closed = False

    async def items(self) -> AsyncIterator[int]:
        """Give numbers from 0 on."""
        try:
            for number in itertools.count() if self._count is None else range(self._count):
                if self._wait_s:
                    await anyio.sleep(self._wait_s)
                self.read = number + 1
                yield number
            if self._error is not None:
                raise self._error
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            self.closed = True
