"""Speculative copies, beside the scheduler: idle workers run what another is late with; the first result counts.

The scheduler knows nothing of it: a copy's result is told as that of the worker that has the chunk. The rules are those
of the literature: copies only when nothing waits to be sent (Dean and Ghemawat, MapReduce, OSDI 2004), of chunks that
take half as long again as they should (Spark's ``spark.speculation.multiplier``), the latest first (Zaharia and others,
Improving MapReduce Performance in Heterogeneous Environments, OSDI 2008, "LATE").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.scale.cluster import SimulatedCluster, Slot
from poolwise.model.events import Chunk, ChunkDone, Outcome
from poolwise.model.units import Seconds
from poolwise.testing import Alarm

# Spark looks every 100 ms; a chunk of a cluster takes a second and more.
LOOK_EVERY_S: Seconds = 0.5
LATE_TIMES = 1.5


class CopyingCluster(SimulatedCluster):
    """A cluster whose idle workers run copies of what is late."""

    def __init__(self, *args: Any, waiting: Callable[[], bool], **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.copies = 0
        self._waiting = waiting
        self._copied: dict[int, tuple[Slot, Alarm, Seconds]] = {}
        """By the worker that is late: who runs a copy, its end, and when it began."""
        self._copying: dict[int, int] = {}
        self.clock.call_in(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        self.clock.call_in(LOOK_EVERY_S, self._look)
        if self._waiting():
            return
        idle = [slot for slot in self.slots.values() if slot.ready and not slot.queue and not self._is_taken(slot)]
        late = sorted((slot for slot in self.slots.values() if self._is_late(slot)), key=lambda slot: slot.began_s)
        for helper, slot in zip(idle, late, strict=False):
            self._copy(helper, slot)

    def _is_taken(self, slot: Slot) -> bool:
        return slot.worker in self._copying or slot.hung or slot.dying

    def _is_late(self, slot: Slot) -> bool:
        if not slot.queue or slot.worker in self._copied:
            return False
        return self.clock.now() - slot.began_s > LATE_TIMES * self.world.item_s * len(slot.queue[0])

    def _copy(self, helper: Slot, slot: Slot) -> None:
        chunk = slot.queue[0]
        takes_s = self.world.duration(len(chunk), self.rng) * helper.slowness
        alarm = self.clock.call_in(self.world.round_trip_s + takes_s, lambda: self._won(slot, chunk, takes_s))
        self._copied[slot.worker] = helper, alarm, self.clock.now()
        self._copying[helper.worker] = slot.worker
        self.copies += 1
        self.twice += len(chunk)

    def _won(self, slot: Slot, chunk: Chunk, takes_s: Seconds) -> None:
        self._forget(slot.worker)
        slot.cancel()
        self.wasted_s += self.clock.now() - slot.began_s
        left = slot.queue.popleft()
        self.tell(ChunkDone(slot.worker, chunk.id, Outcome(range(len(left)), wall_s=takes_s)))
        if slot.queue:
            self.begin(slot, self.clock.now())

    def _forget(self, worker: int) -> None:
        """The chunk that this worker has in work needs no copy any more."""
        if worker in self._copied:
            helper, alarm, began_s = self._copied.pop(worker)
            if not alarm.cancelled and alarm.at_s > self.clock.now():
                alarm.cancelled = True
                self.wasted_s += self.clock.now() - began_s
            self._copying.pop(helper.worker, None)

    # --- What makes a copy needless ---------------------------------------------------------------------------

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Work that nobody else does comes before copies."""
        if worker in self._copying:
            self._forget(self._copying[worker])
        super().send(worker, chunk, items)

    def finish(self, slot: Slot) -> None:
        """The late one has won after all."""
        self._forget(slot.worker)
        super().finish(slot)

    def _remove(self, worker: int) -> None:
        self._forget(worker)
        if worker in self._copying:
            self._forget(self._copying[worker])
        super()._remove(worker)
