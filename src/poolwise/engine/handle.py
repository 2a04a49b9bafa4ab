"""What the supervisor knows of one worker."""

from __future__ import annotations

from collections import deque

from poolwise.engine.channel import ParentEnd
from poolwise.engine.memory import WorkerMemory
from poolwise.engine.process import Process
from poolwise.model.classes import field, frozen, mutable
from poolwise.model.events import NOTHING_BEGUN
from poolwise.model.units import Seconds
from poolwise.work.packing import Packer, Unpacker


@frozen
class Sent:
    """A chunk that was sent to a worker: items ``start`` to ``stop - 1``, the first of them at ``place``."""

    id: int
    start: int
    stop: int
    place: int
    item_bytes: float

    def item_at(self, place: int) -> int:
        """Give the item at a place, or the nearest of this chunk."""
        return min(self.stop, max(self.start, self.start + place - self.place))


@mutable
class Handle:
    """What the supervisor knows of a worker."""

    worker: int
    process: Process
    channel: ParentEnd
    memory: WorkerMemory
    packer: Packer
    unpacker: Unpacker
    by_fork: bool = False
    """It is a copy of this process; another worker of the same pool may not be."""
    tasks: int = 1
    """Items that it runs at a time."""
    chunks: deque[Sent] = field(default_factory=deque)
    """Chunks sent and not come back, in order."""
    places: int = 0
    """How many items it was ever sent."""
    ready: bool = False
    answers: int = 0
    """Chunks that have come back, and parts of chunks."""
    retired_at_s: Seconds | None = None
    """When it said that it ends by itself, between two chunks."""
    watched_writing: bool = False
    """The selector tells when there is room to send."""
    sentinel: int | None = None
    """The descriptor by which its process is watched, once there is one."""

    def suspects(self) -> tuple[int | None, tuple[int, int] | None]:
        """Give the item that it is on, or else the items one of which it is on, as far as its marks say."""
        marks = self.memory.marks
        index, begun, claimed = marks.index, marks.begun, marks.claimed
        if index is not None or not self.chunks:
            return index, None
        head = self.chunks[0]
        if marks.chunk != head.id:
            return NOTHING_BEGUN, None
        if head.stop - head.start == 1:
            # Also while it is unpacked, or its result is packed.
            return head.start, None
        if begun is None:
            return None, None
        first, behind = head.item_at(begun), head.item_at(claimed)
        return (first, None) if behind - first == 1 else (None, (first, behind))
