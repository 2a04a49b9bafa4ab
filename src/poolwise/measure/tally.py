"""What finished items say while a run goes on: the newest of them, in figures."""

from __future__ import annotations

import time
from collections.abc import Callable

from poolwise.measure.locks import locked_share
from poolwise.model.events import ChunkDone
from poolwise.model.options import BackendName
from poolwise.model.recent import Recent
from poolwise.model.units import Seconds

# So many chunks say enough of the last moment; of more, the newest count.
MOST_CHUNKS = 512


class Tally:
    """Hears of finished chunks, and says what they have in common since the last time that it was asked."""

    def __init__(
        self,
        kind: BackendName,
        queued_s: Callable[[], Seconds] | None = None,
        at_work: Callable[[], list[int]] | None = None,
    ) -> None:
        """Begin with nothing, for workers of one kind.

        ``queued_s`` tells for how long they waited for a core so far, ``at_work`` which threads are at work now.
        """
        self._at_work = at_work
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
        """Say what was heard, and begin anew; None where nothing was."""
        chunks, seconds = self._chunks[-MOST_CHUNKS:], self.seconds
        busy_s = time.process_time() - self._busy_since
        items = sum(count for count, _, _ in self._chunks)
        queued_s = self._queued_s() - self._queued_since if self._queued_s is not None else 0.0
        self._begin()
        seen = sum(count for count, _, _ in chunks)
        wall_s, cpu_s = sum(wall_s for _, wall_s, _ in chunks), sum(cpu_s for _, _, cpu_s in chunks)
        if not seen or seconds <= 0:
            return None
        if self.kind == "asyncio":
            # They run by turns in one thread, and have its clock in common.
            cpu_s = min(wall_s, busy_s * seen / items)
        wall_s = max(cpu_s, wall_s - max(0.0, queued_s))
        if self.kind == "threads":
            # The function may have threads inside, which its own thread's clock does not show.
            cpu_s = max(cpu_s, busy_s * seen / items)
        return Recent(
            kind=self.kind,
            seconds=seconds,
            items=items,
            wall_s=wall_s / seen,
            cpu_s=cpu_s / seen,
            typical_s=sorted(wall / count for count, wall, _ in chunks)[len(chunks) // 2],
            least_wait_s=max(0.0, min((wall - cpu) / count for count, wall, cpu in chunks)),
            busy=busy_s / seconds,
            locked=locked_share(self._at_work()) if self._at_work is not None else 0.0,
        )

    def _begin(self) -> None:
        self._chunks: list[tuple[int, Seconds, Seconds]] = []
        self._since = time.monotonic()
        self._busy_since = time.process_time()
        self._queued_since = self._queued_s() if self._queued_s is not None else 0.0
