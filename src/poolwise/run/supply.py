"""What waits for a worker: which items go next, in how large chunks, and how far ahead of the consumer.

Items are numbered as they are read. Those from ``next`` to ``known`` have never been sent; *leftovers* have been, and
go first. Some need not be sent at all (*recalled*: an earlier run has told what came of them), and are passed over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from poolwise.model.classes import replace
from poolwise.model.events import Chunk
from poolwise.model.units import Bytes, Seconds
from poolwise.run.adapt import ChunkSizer
from poolwise.run.leftovers import Leftovers
from poolwise.run.terms import Crew, Wishes

if TYPE_CHECKING:
    from poolwise.run.gate import Gate

# A worker is given its next chunk ahead only while chunks are shorter than this: behind a long one the next would wait
# for a busy worker while another is idle, and the 0.1 ms that fetching it takes is nothing beside it.
AHEAD_BELOW_S: Seconds = 0.1
# The calling thread, where it is one of several workers, is back so soon to see what the others need.
BRIEF_S: Seconds = 0.01
# Streaming (imap): items read ahead of the consumer, at least so many for each worker, and more as more is consumed ...
AHEAD_PER_WORKER = 4
# ... up to so many in all, which keeps two workers busy from 1 µs an item on.
MOST_AHEAD = 1024
# ... and no more than this of results that wait for the consumer, if they are as large as those before, but two for
# each worker: memory that is used again at once is warm, and the first use of a page costs ten times its copying.
MOST_AHEAD_BYTES: Bytes = 32 << 20
LEAST_PER_WORKER = 2
# Streaming without order: items that may overtake one that is not done.
MOST_BEHIND = 64 * MOST_AHEAD
# Items that stand at a gate for those who come next: workers by the hundred take no more in the time of one reading.
ENOUGH_HELD = 512
# ... and so many more are looked at a time where none of those may go.
LOOKED_FURTHER = 256
# Who sends without the caller's thread calls for it before there are fewer chunks than this to send, or than one for
# each worker: as many as are sent until it has come.
LOW = 32
# So many items come to the gate at a time, before it is asked whether it wants more.
TO_GATE = 64


class Supply:
    """Cuts chunks, as long as there is anything to cut them of."""

    def __init__(
        self,
        wishes: Wishes,
        total: int | None,
        known: int,
        lowest_needed: Callable[[], int],
        gate: Gate | None = None,
    ) -> None:
        """Begin with ``known`` items that can be taken and ``total`` in all (None: more may come).

        Where there is a ``gate``, all items go through it.
        """
        self.gate = gate
        self.known = known
        self.ended = total is not None
        self.next = 0
        self.leftovers = Leftovers()
        self.crew = Crew(workers=0)
        self.taken = 0
        """What the consumer of a stream has done with."""
        self.value_bytes = 0.0
        """How large results are, by the newest chunk."""
        self.longest_s: Seconds = 0.0
        """What the longest item took at least: of a chunk only the mean is known."""
        self._wishes = wishes
        self._lowest_needed = lowest_needed
        self._sizer = ChunkSizer(self.crew.sizing)
        self._lowest = 0
        """The number below which no item is needed any more, as it was when that was last asked."""
        self._named = 0
        self._closed = False
        self._brief = False
        self._recalled: deque[tuple[int, int]] = deque()
        """Items from ``next`` on that need not be sent: first and behind the last, in order."""
        self._ahead = 0
        """How many these are."""

    def use(self, crew: Crew) -> None:
        """Go on with other workers, of whose chunks nothing is known."""
        if self.gate is not None:
            # Who has to wait for others waits at the gate, and not in a worker's queue.
            crew = replace(crew, depth=1, gives_back=False)
        self.crew, self._sizer = crew, ChunkSizer(crew.sizing)

    def recall(self, start: int, stop: int) -> None:
        """Pass over these items, which lie behind all that were passed over before."""
        self._recalled.append((start, stop))
        self._ahead += stop - start
        self._pass_over()

    def close(self) -> None:
        """Nothing is wanted any more but leftovers."""
        self._closed = True

    def learn(self, start: int, count: int, wall_s: Seconds, item_bytes: float) -> None:
        """``count`` items from this one on took so long together, and so many bytes each to travel."""
        self.longest_s = max(self.longest_s, wall_s / count) if count else self.longest_s
        self._sizer = self._sizer_of(start)
        self._sizer.observe(count, wall_s, item_bytes)

    def doubt(self) -> None:
        """Forget what items took."""
        self._sizer = ChunkSizer(self.crew.sizing)

    @property
    def item_s(self) -> Seconds | None:
        """What an item takes, by the newest chunks."""
        return self._sizer.item_s

    # --- Taking ------------------------------------------------------------------------------------------------

    def takeable(self) -> int:
        """Count what could be sent: leftovers, and items that have been read."""
        if self.gate is not None:
            return self.gate.ready()
        limit = self._send_limit()
        return len(self.leftovers) + max(0, limit - self.next - self._recalled_below(limit))

    @property
    def any_takeable(self) -> bool:
        """Tell whether anything could be sent."""
        return self.gate.any_ready if self.gate is not None else self.takeable() > 0

    @property
    def begun(self) -> int:
        """Count the items that have been sent."""
        return self.next - (self.gate.held if self.gate is not None else 0)

    @property
    def exhausted(self) -> bool:
        """Everything has gone out, and nothing more can come but what fails and is tried again."""
        at_gate = self.gate.held if self.gate is not None else 0
        return self.ended and self.next >= self.known and not (len(self.leftovers) or at_gate)

    def take(self, *, brief: bool = False) -> Chunk | None:
        """Give what goes out next; None where there is nothing. ``brief``: no more than takes ``BRIEF_S``."""
        self._brief = brief
        if self.gate is not None:
            let_through = self.gate.take()
            if let_through is None:
                return None
            index, marked = let_through
            return self.chunk(index, index + 1, marked=marked or self.crew.marked)
        if (left := self.leftovers.take(self._cut)) is not None:
            return left
        stop = self._send_limit()
        if self.next >= stop:
            return None
        if self._recalled:
            stop = min(stop, self._recalled[0][0])
        chunk = self._cut(self.next, stop, self.crew.marked)
        self.next = chunk.stop
        self._pass_over()
        return chunk

    def take_one(self, *, brief: bool = False) -> Chunk | None:
        """Give one item of what goes out next; the others of its chunk are left for later."""
        chunk = self.take(brief=brief)
        if chunk is None or len(chunk) == 1:
            return chunk
        self.leftovers.give_back(chunk.start + 1, chunk.stop, marked=chunk.marked)
        return chunk.between(chunk.start, chunk.start + 1)

    def chunk(self, start: int, stop: int, *, marked: bool) -> Chunk:
        """Name a chunk."""
        self._named += 1
        return Chunk(self._named, start, stop, marked)

    def fill_gate(self, gate: Gate, workers: int) -> Iterator[tuple[int, Exception]]:
        """Bring to the gate what goes out again, and as many others as it wants for so many more workers.

        Those whose key cannot be told are given, each with its error.
        """
        for start, stop, marked in reversed(self.leftovers.drain()):
            for index in reversed(range(start, stop)):
                yield from self._hold(gate, index, marked=marked, first=True)
        while (
            gate.wants(workers) and (stop := min(self._send_limit(), self.next + min(TO_GATE, gate.room))) > self.next
        ):
            if self._recalled:
                stop = min(stop, self._recalled[0][0])
            for index in range(self.next, stop):
                self.next = index + 1
                yield from self._hold(gate, index)
            self._pass_over()

    def _hold(
        self, gate: Gate, index: int, *, marked: bool = False, first: bool = False
    ) -> Iterator[tuple[int, Exception]]:
        try:
            gate.hold(index, marked=marked, first=first)
        except Exception as error:  # noqa: BLE001 - a caller's function has raised it; its item has failed
            yield index, error

    def is_worth_sending_ahead(self) -> bool:
        """Tell whether a worker should have its next chunk before it has finished the last."""
        if self.crew.gives_back:
            # What it has not begun when another has nothing to do is taken back.
            return True
        item_s = self._sizer_of(self.next).item_s
        return item_s is not None and self._size(self.next) * item_s < AHEAD_BELOW_S

    def _cut(self, start: int, stop: int, marked: bool) -> Chunk:  # noqa: FBT001 - as leftovers call it
        """Make a chunk of the first of these items."""
        stop = min(stop, start + self._size(start))
        if self._wishes.lines is not None:
            share = -(-self._waiting() // max(1, self.crew.workers))
            stop = min(stop, self._wishes.lines.end_of(start), start + max(1, share))
        return self.chunk(start, stop, marked=marked or self.crew.marked)

    def _size(self, start: int) -> int:
        """Say how many items from this one on to send next."""
        sizer = self._sizer_of(start)
        size = sizer.size(self._waiting() if self.ended else None, self.crew.workers)
        return min(size, sizer.within(BRIEF_S)) if self._brief else size

    def _sizer_of(self, number: int) -> ChunkSizer:
        return self._sizer if self._wishes.lines is None else self._wishes.lines.sizer_of(number)

    def _waiting(self) -> int:
        """Count the items that are read and with nobody."""
        return self.known - self.next - self._ahead + self.leftovers.items

    # --- What is known -----------------------------------------------------------------------------------------

    @property
    def sent(self) -> int:
        """Count the items that were sent at least once, and those that need not be, wherever they are."""
        return self.next + self._ahead

    def _pass_over(self) -> None:
        while self._recalled and self._recalled[0][0] == self.next:
            start, self.next = self._recalled.popleft()
            self._ahead -= self.next - start

    def _recalled_below(self, limit: int) -> int:
        """Count what lies before this number and need not be sent."""
        return self._ahead if limit >= self.known else sum(self._parts_below(limit))

    def _parts_below(self, limit: int) -> Iterator[int]:
        for start, stop in self._recalled:
            if start >= limit:
                return
            yield min(stop, limit) - start

    # --- How far -----------------------------------------------------------------------------------------------

    def wanted(self, room: int, *, hungry: bool) -> int:
        """Say how many more items to read, with room for so many chunks; ``hungry``: somebody has nothing to do.

        What the workers could take at once, and as much again, so that reading never makes them wait.
        """
        if self.ended or self._wishes.lines is not None or self._closed:
            # Tasks of a pool come by themselves.
            return 0
        if self.gate is not None:
            return self._wanted_at(self.gate, hungry=hungry)
        room = room or self.crew.workers
        size = self._size(self.next)
        waiting = self.known - self.next - self._ahead
        want = 2 * room * size - waiting
        if self._wishes.stream:
            want = min(want, self._read_limit() - self.known)
        return want if want > 0 and (hungry or waiting < room * size) else 0

    def _wanted_at(self, gate: Gate, *, hungry: bool) -> int:
        """Say how many more items to read where all go through a gate: it holds as many as all workers take twice.

        Where none of those may go and somebody has nothing to do, others may: further on in the input, for other keys.
        """
        enough = min(2 * self.crew.workers, ENOUGH_HELD)
        want = enough - gate.held - (self.known - self.next - self._ahead)
        if want <= 0 and hungry and not gate.any_ready:
            want = LOOKED_FURTHER
        elif want < enough // 4 and not hungry:
            return 0
        want = min(want, gate.room)
        if self._wishes.stream:
            want = min(want, self._read_limit() - self.known)
        return max(0, want)

    @property
    def runs_low(self) -> bool:
        """Little is at hand that could go out next, and there may be more than that."""
        enough = min(LOW, self.crew.workers) * self._size(self.next)
        if self.gate is not None:
            # What goes out again is brought to the gate by somebody.
            return len(self.leftovers) > 0 or (self.gate.held < enough and self._may_come)
        return self._may_come and self._send_limit() - self.next + self.leftovers.items < enough

    @property
    def _may_come(self) -> bool:
        """There may be more than can go out as it stands: to be read, to be brought to the gate, to wait for."""
        if self._closed:
            return False
        at_hand = self.next if self.gate is not None else self._send_limit()
        return not self.ended or at_hand < self.known

    @property
    def waits_for_consumer(self) -> bool:
        """Nothing more goes out before results of a stream have been taken."""
        return self._wishes.stream and self.next >= self._read_limit()

    def _send_limit(self) -> int:
        """The number up to which items may be sent: not past a failure, not too far ahead of the consumer."""
        if self._closed:
            return self.next
        return min(self.known, self._read_limit()) if self._wishes.stream else self.known

    def _read_limit(self) -> int:
        wanted = max(AHEAD_PER_WORKER * self.crew.workers, min(self.taken, MOST_AHEAD))
        if self.value_bytes:
            wanted = min(wanted, int(MOST_AHEAD_BYTES / self.value_bytes))
        ahead = self.taken + max(LEAST_PER_WORKER * self.crew.workers, wanted)
        if self.gate is not None and not self._wishes.ordered:
            # What has to wait for its turn at one key must not hold up others behind it: it has no result yet.
            ahead += self.gate.held
        # Where no order is wanted, one item that takes for ever must not keep everything behind it in memory.
        if not self._wishes.ordered and ahead > self._lowest + MOST_BEHIND:
            # It never falls. To find it means to look at every worker, which for each item would cost more than the
            # item itself where there are hundreds.
            self._lowest = self._lowest_needed()
            return min(ahead, self._lowest + MOST_BEHIND)
        return ahead
