"""What was measured of the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poolwise.model.classes import frozen
from poolwise.model.plain import as_dict, from_plain
from poolwise.model.units import Bytes, Seconds


@frozen
class Payload:
    """What it costs to ship one thing to another process and unpack it there."""

    bytes: Bytes
    seconds: Seconds
    """Pickling and unpickling together."""
    problem: str | None = None
    """Why it cannot be shipped at all; None where it can."""


@frozen
class Hot:
    """The line of the user's own code in which the time went, as the looks at its thread saw it."""

    file: str
    line: int
    function: str
    callee: str
    """What the line had called, most of the time: "recv"; "" where it computed by itself."""
    share: float
    """Share of the time that was spent on this line, in all that it calls included, 0 to 1."""
    waiting_share: float
    """Share of the time that was spent waiting on this line, a part of ``share``."""
    samples: int = 0
    """Looks at the thread that this is taken from."""


@frozen(kw_only=True)
class Profile:
    """The work as the probe saw it; every figure is a mean for one item unless its name says otherwise."""

    items: int
    """Items that were measured."""
    wall_s: Seconds
    first_s: Seconds
    """Wall time of the very first item, which often pays for imports and caches."""
    spread: float
    """Standard deviation of the wall time from one measured chunk to the next, as a share of the mean."""
    thread_cpu_s: Seconds
    """CPU of the thread that called the function."""
    process_cpu_s: Seconds
    """CPU of the whole process meanwhile: more than ``thread_cpu_s`` where the function has threads inside."""
    queued_s: Seconds = 0.0
    """Time for which the thread was ready and had to wait for a core that somebody else had; 0 where nobody tells."""
    gil_held: float | None
    """Share of the wall time in which the function held the GIL, 0 to 1; None where it was not measured."""
    gil_samples: int = 0
    serial_s: Seconds = 0.0
    """Time that one process needs for an item, however many threads it has: a lock within. 0: none was seen."""
    coroutine: bool = False
    """The function is a coroutine function."""
    memory_bytes: Bytes = 0
    """What this process grew by while an item ran, at its peak; 0 where it was too little to see."""
    open_files: int | None = None
    """Files and sockets that an item has open while it runs; None where that was not seen."""
    argument: Payload | None = None
    result: Payload | None = None
    function: Payload | None = None
    """Shipping the function itself, once per worker."""
    hot: Hot | None = None
    """Where the time went; None where that was not seen."""

    @property
    def waiting(self) -> float:
        """Share of the wall time in which nothing was computed for the item, nor wanted to be, 0 to 1."""
        if self.wall_s <= 0:
            return 0.0
        return min(1.0, max(0.0, 1 - (self.cpu_s + self.queued_s) / self.wall_s))

    @property
    def cpu_s(self) -> Seconds:
        """CPU time that one item needs, on however many threads."""
        return max(self.thread_cpu_s, self.process_cpu_s)

    @property
    def gil_s(self) -> Seconds:
        """Seconds of GIL that one item needs; where it was not measured, all its thread's CPU (the usual case)."""
        if self.gil_held is None:
            return self.thread_cpu_s
        return self.gil_held * self.wall_s

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data that JSON can carry; see ``model.plain``."""
        return as_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Profile:
        """Read what ``to_dict`` wrote; raises InputError where it is of another form or version."""
        return from_plain(cls, data)
