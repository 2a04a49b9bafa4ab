"""A cluster in virtual time: a backend whose chunks are ranges, of which no single item is ever touched.

``poolwise.testing.FakeBackend`` calls the function on each item, which no simulation of a billion can do. This one
knows chunks only, gives ``range`` objects for values, and shares the clock with the other: ``FakeClock``.

The parent is real. It is the scheduler and the driver that every run has; what they take between two waits is measured
(``parent_s``), and virtual time goes on by it: messages that come meanwhile wait, as they would in front of a real
parent. With ``World.message_s`` a fixed time is charged instead, so that a run goes the same way each time.
"""

from __future__ import annotations

import math
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.scale.world import World
from poolwise.backends.protocol import Hear
from poolwise.errors import WorkerDiedError
from poolwise.model.events import Chunk, ChunkDone, Event, Outcome, TakenBack, WorkerLost, WorkerReady
from poolwise.model.units import Seconds
from poolwise.testing import Alarm, FakeClock


@dataclass(slots=True)
class Slot:
    """A worker: one core of some node."""

    worker: int
    slowness: float
    ready: bool = False
    hung: bool = False
    queue: deque[Chunk] = field(default_factory=deque)
    began_s: Seconds = 0.0
    takes_s: Seconds = 0.0
    """What the chunk in work takes, all of it."""
    alarm: Alarm | None = None
    dying: bool = False
    """It dies before the chunk in work is done."""

    def cancel(self) -> None:
        """What was to happen next does not."""
        if self.alarm is not None:
            self.alarm.cancelled = True
            self.alarm = None


class SimulatedCluster:
    """The backend; ``watch`` is called at each wait, when everything that has come is handed over."""

    def __init__(
        self, world: World, workers: int, clock: FakeClock, seed: int, watch: Callable[[], object] = lambda: None
    ) -> None:
        self.world, self.clock, self.rng = world, clock, random.Random(seed)
        self.slots: dict[int, Slot] = {}
        self.parent_s: Seconds = 0.0
        """CPU time that the parent took."""
        self.waits = self.messages = self.deaths = self.twice = 0
        """``twice``: items that were begun by one worker and are run by another."""
        self.wasted_s: Seconds = 0.0
        """Time of workers of which nothing came."""
        self._workers, self._watch = workers, watch
        self._events: list[Event] = []
        self._orders: list[Callable[[], None]] = []
        self._sent = 0
        self._half_s = world.round_trip_s / 2
        self._left_s = time.thread_time()
        for at_s, count in world.node_losses:
            clock.call_in(at_s, lambda count=count: self._lose_node(count))  # type: ignore[misc]

    # --- Orders: they leave together, when the parent has done what it has to do ------------------------------

    def start(self, worker: int) -> None:
        """Begin to start a worker."""
        slow = self.rng.random() < self.world.slow_share
        self.slots[worker] = slot = Slot(worker, self.world.slow_times if slow else 1.0)
        start_s = self.world.start_s if worker < self._workers else self.world.restart_s
        self._orders.append(lambda: self._set(slot, start_s + self._half_s, lambda: self._come_up(slot)))

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Give a worker a chunk; one that has died, not yet heard of, loses it."""
        self._sent += 1
        self._orders.append(lambda: self._receive(worker, chunk))

    def take_back(self, worker: int, *, whole: bool = False) -> None:
        """Ask a worker for half of what it has not begun."""
        self._orders.append(lambda: self.clock.call_in(self._half_s, lambda: self._give_back(worker, whole=whole)))

    def flush(self) -> None:
        """Orders go out when the parent waits."""

    def inherits_items(self, worker: int) -> bool:
        """Items travel: nobody on a cluster has them already."""
        return False

    def end(self, worker: int) -> None:
        """Let a worker go that has nothing to do."""
        self._remove(worker)

    def tell_there(self, hear: Hear) -> bool:
        """Events are told by ``wait``."""
        return False

    def wake(self) -> None:
        """Nobody waits in another thread."""

    def close(self, *, abort: bool) -> None:
        """The run is over: what the parent did since the last wait counts as well."""
        self.parent_s += time.thread_time() - self._left_s

    # --- News -------------------------------------------------------------------------------------------------

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Let the parent's time pass, then jump to the next event."""
        self._charge()
        self._watch()
        deadline = math.inf if timeout_s is None else self.clock.now() + timeout_s
        while not self._events:
            at_s = self.clock.next_at()
            assert at_s is not None, "nothing can ever happen any more"
            if at_s > deadline:
                self.clock.advance(deadline - self.clock.now())
                break
            self.clock.jump()
        while self._events and self.clock.next_at() == self.clock.now():
            self.clock.jump()
        events, self._events = self._events, []
        self.messages += len(events)
        self._left_s = time.thread_time()
        return events

    def _charge(self) -> None:
        took_s = time.thread_time() - self._left_s
        self.parent_s += took_s
        self.waits += 1
        self.messages += len(self._orders)
        if self.world.message_s is not None:
            took_s = self.world.message_s * (self.messages - self._charged)
            self._charged = self.messages
        self.clock.advance(took_s + self._sent * self.world.shipping_s)
        orders, self._orders, self._sent = self._orders, [], 0
        for order in orders:
            order()

    _charged = 0

    def tell(self, event: Event) -> None:
        """An event is at the parent."""
        self._events.append(event)

    # --- Lives ------------------------------------------------------------------------------------------------

    def _set(self, slot: Slot, delay_s: Seconds, act: Callable[[], None]) -> None:
        slot.alarm = self.clock.call_in(delay_s, act)

    def _come_up(self, slot: Slot) -> None:
        slot.ready, slot.alarm = True, None
        self.tell(WorkerReady(slot.worker))
        if slot.queue:
            self.begin(slot, self.clock.now())

    def _receive(self, worker: int, chunk: Chunk) -> None:
        slot = self.slots.get(worker)
        if slot is None:
            return
        slot.queue.append(chunk)
        if len(slot.queue) == 1 and slot.ready:
            self.begin(slot, self.clock.now() + self._half_s)

    def begin(self, slot: Slot, at_s: Seconds) -> None:
        """Begin the next chunk of a worker at this time, and foresee how that ends."""
        world, chunk = self.world, slot.queue[0]
        slot.began_s, slot.takes_s = at_s, world.duration(len(chunk), self.rng) * slot.slowness
        ends_s = at_s + slot.takes_s
        dies_s, hangs_s = at_s + self._until(world.deaths_per_hour), at_s + self._until(world.hangs_per_hour)
        slot.dying, slot.hung = dies_s < ends_s, slot.hung or hangs_s < ends_s
        if slot.hung or slot.dying:
            lost_s = at_s + world.silence_s if slot.hung else dies_s + world.detect_s
            self._set(slot, lost_s - self.clock.now(), lambda: self._lose(slot))
            return
        self._set(slot, ends_s + self._half_s - self.clock.now(), lambda: self.finish(slot))

    def _until(self, per_hour: float) -> Seconds:
        """Draw how long it takes until something happens that happens so often."""
        return self.rng.expovariate(per_hour / 3600) if per_hour else math.inf

    def finish(self, slot: Slot) -> None:
        """The result of the chunk in work is at the parent; the worker has gone on since it sent it."""
        chunk = slot.queue.popleft()
        self.tell(ChunkDone(slot.worker, chunk.id, Outcome(range(len(chunk)), wall_s=slot.takes_s)))
        slot.alarm = None
        if slot.queue:
            self.begin(slot, slot.began_s + slot.takes_s)

    def _lose(self, slot: Slot) -> None:
        self.deaths += 1
        if slot.queue:
            self.wasted_s += min(self.clock.now() - slot.began_s, slot.takes_s)
            self.twice += self._begun(slot)
        self._remove(slot.worker)
        self.tell(WorkerLost(slot.worker, WorkerDiedError(f"worker {slot.worker} was lost")))

    def _lose_node(self, count: int) -> None:
        alive = sorted(self.slots)
        first = self.rng.randrange(max(1, len(alive) - count))
        for worker in alive[first : first + count]:
            slot = self.slots[worker]
            slot.cancel()
            slot.dying = True
            self._set(slot, self.world.detect_s, lambda slot=slot: self._lose(slot))  # type: ignore[misc]

    def _remove(self, worker: int) -> None:
        self.slots.pop(worker).cancel()

    def _begun(self, slot: Slot) -> int:
        """Count the items of the chunk in work that were begun."""
        count = len(slot.queue[0])
        gone_s = self.clock.now() - slot.began_s
        return min(count, int(count * gone_s / slot.takes_s) + 1) if gone_s >= 0 and slot.takes_s else 0

    # --- Taking back ------------------------------------------------------------------------------------------

    def _give_back(self, worker: int, *, whole: bool) -> None:
        """Give up half of what is not begun, from the end; one that is hung or dead does not answer."""
        slot = self.slots.get(worker)
        if slot is None or slot.hung or slot.dying:
            return
        keeps = [len(chunk) if place == 0 else 0 for place, chunk in enumerate(slot.queue)]
        if slot.queue and self.world.cuts:
            keeps[0] = self._begun(slot)
        free = sum(map(len, slot.queue)) - sum(keeps)
        take = free if whole else -(-free // 2)
        kept = []
        for place in reversed(range(len(slot.queue))):
            chunk = slot.queue[place]
            some = min(take, len(chunk) - keeps[place])
            if some:
                take -= some
                slot.queue[place] = chunk.between(chunk.start, chunk.stop - some)
                kept.append((chunk.id, chunk.stop - some))
                if place == 0:
                    self._shorten(slot, len(slot.queue[0]) / len(chunk))
        self.clock.call_in(self._half_s, lambda: self.tell(TakenBack(worker, tuple(kept))))

    def _shorten(self, slot: Slot, part: float) -> None:
        slot.cancel()
        slot.takes_s *= part
        # The answer leaves before the result does.
        at_s = max(slot.began_s + slot.takes_s, self.clock.now()) + self._half_s
        self._set(slot, at_s - self.clock.now(), lambda: self.finish(slot))
