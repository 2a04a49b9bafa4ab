"""What finished items say while a run goes on: the newest of them, in figures."""

from __future__ import annotations

import time
from collections.abc import Callable

from poolwise.measure.locks import asleep
from poolwise.model.events import ChunkDone
from poolwise.model.options import BackendName
from poolwise.model.recent import Recent
from poolwise.model.units import Seconds

# So many chunks say enough of the last moment; of more, the newest count.
MOST_CHUNKS = 512
# A process that keeps no more than this share of a core busy has its GIL free, most of the time.
CONTENDED = 0.7


class Tally:
    """Hears of finished chunks, and says what they have in common since the last time that it was asked."""

    def __init__(
        self,
        kind: BackendName,
        queued_s: Callable[[], Seconds] | None = None,
        at_work: Callable[[], list[int]] | None = None,
        used_s: Callable[[], Seconds] | None = None,
        *,
        workers: int = 1,
    ) -> None:
        """Begin with nothing, for so many workers of one kind.

        ``queued_s`` tells for how long they waited for a core so far, ``at_work`` which threads are at work now, and
        ``used_s`` what worker processes have computed.
        """
        self._at_work = at_work
        self._used_s = used_s
        self._away_s: Seconds | None = None
        self._workers = workers
        self.kind: BackendName = kind
        self._queued_s = queued_s
        self._begin()

    def hear(self, event: ChunkDone) -> None:
        """Take in a chunk, or the first part of one."""
        outcome = event.outcome
        count = len(outcome.values)
        if count:
            self._chunks.append((count, outcome.wall_s, outcome.cpu_s))

    @property
    def chunks(self) -> int:
        """Chunks that were heard of since."""
        return len(self._chunks)

    @property
    def seconds(self) -> Seconds:
        """Seconds since."""
        return time.monotonic() - self._since

    def take(self) -> Recent | None:
        """Say what was heard, and begin anew; where nothing was, what the workers computed meanwhile."""
        chunks, seconds = self._chunks[-MOST_CHUNKS:], self.seconds
        items = sum(count for count, _, _ in self._chunks)
        queued_s = max(0.0, self._queued_s() - self._queued_since) if self._queued_s is not None else 0.0
        # Who waits for a core wants to compute.
        busy_s = self._busy_s() - self._busy_since + (queued_s if self._used_s is not None else 0.0)
        self._begin()
        seen = sum(count for count, _, _ in chunks)
        wall_s, cpu_s = sum(wall_s for _, wall_s, _ in chunks), sum(cpu_s for _, _, cpu_s in chunks)
        if seconds <= 0:
            return None
        if not seen:
            return self._from_outside(seconds, busy_s)
        if self.kind == "asyncio":
            # They run by turns in one thread, and have its clock in common.
            cpu_s = min(wall_s, busy_s * seen / items)
        wall_s = max(cpu_s, wall_s - queued_s)
        if self.kind == "threads":
            # The function may have threads inside, which its own thread's clock does not show.
            cpu_s = max(cpu_s, busy_s * seen / items)
        at_work = self._at_work() if self._at_work is not None else []
        now, line_s = asleep(at_work), 0.0
        if now is not None:
            # Little's law, the other way round: who waits for the world, by how many come back in a second. Where the
            # GIL is free, nobody waits for it, and a lock is the world, too (an inner thread's end). One look sees a
            # few threads only, so that the one before counts as well.
            contended = busy_s > CONTENDED * seconds
            each_s = len(at_work) * seconds / items
            newest_s = each_s * (now.away if contended else now.away + now.locked)
            self._away_s = newest_s if self._away_s is None else (self._away_s + newest_s) / 2
            line_s = each_s * now.locked if contended else 0.0
        away_s = self._away_s
        return Recent(
            kind=self.kind,
            seconds=seconds,
            items=items,
            wall_s=wall_s / seen,
            cpu_s=cpu_s / seen,
            typical_s=sorted(wall / count for count, wall, _ in chunks)[len(chunks) // 2],
            wait_s=max(0.0, min((wall - cpu) / count for count, wall, cpu in chunks)) if away_s is None else away_s,
            line_s=line_s,
            busy=busy_s / seconds,
            locked=now.locked if now is not None else 0.0,
        )

    def _from_outside(self, seconds: Seconds, busy_s: Seconds) -> Recent:
        """Say what can be seen of workers none of which has brought anything: what each has computed."""
        busy_s = max(0.0, busy_s)
        cpu_s = min(seconds, busy_s / self._workers)
        return Recent(
            kind=self.kind,
            seconds=seconds,
            items=0,
            wall_s=seconds,
            cpu_s=cpu_s,
            typical_s=seconds,
            wait_s=seconds - cpu_s,
            busy=busy_s / seconds,
        )

    def _busy_s(self) -> Seconds:
        return time.process_time() if self._used_s is None else self._used_s()

    def _begin(self) -> None:
        self._chunks: list[tuple[int, Seconds, Seconds]] = []
        self._since = time.monotonic()
        self._busy_since = self._busy_s()
        self._queued_since = self._queued_s() if self._queued_s is not None else 0.0
