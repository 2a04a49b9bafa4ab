"""What a worker does with a chunk: run it in blocks, send what is done from time to time, leave what was taken back.

A *block* is what runs between two looks at the marks: about 4 ms, one item where items take longer. So the
parent can take back (for a worker that has nothing to do) whatever this one has not begun, at the price of some
microseconds a block; and a death names the block, or the very item. Where several items run at a time, on threads of
the worker, there are no blocks: each thread claims what it begins (``together.py``).
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from poolwise.engine.channel import Message
from poolwise.engine.growth import Growth
from poolwise.engine.memory import WorkerMemory
from poolwise.engine.speech import Voice
from poolwise.model.events import Outcome, TaskError
from poolwise.model.units import Seconds
from poolwise.work import dispatch, streams
from poolwise.work.call import Call
from poolwise.work.chunk import ChunkRules, Mark, run_chunk
from poolwise.work.functions import SINGLES, Learnt
from poolwise.work.job import Job
from poolwise.work.packing import Broken, Packer, Parcel, Unpacker, checked
from poolwise.work.raised import pack_error

if TYPE_CHECKING:
    import asyncio

    from poolwise.engine.prompt import Postman
    from poolwise.engine.together import Lot, Together

# Between two looks at the marks: short enough that a worker that has nothing to do is not kept waiting, long enough
# that a block's price (5 µs: its clocks and its outcome, and as much again for what has left the caches) is far below
# one percent.
BLOCK_S: Seconds = 0.004
# Towards a chunk's end blocks become shorter, so that a long item hidden among the last keeps few others waiting: a
# quarter of what is left of the chunk, but no shorter than twenty times a block's price.
LEAST_BLOCK_S: Seconds = 0.0002
PART_OF_REST = 4
# A first item may be lucky: a block is at most so many times as long as the last.
GROWTH = 16
# What is done is sent at least so often, and so many values at a time at most: the parent unpacks them while we go on.
# Not more often: hearing of it takes the parent 0.2 ms, for which a worker stands still if there is one for each core.
SEND_EVERY_S: Seconds = 0.05
SEND_VALUES = 16_384

# What each item took travels where items take so long on average: the 0.3 µs that a figure costs are no more than half
# a percent then, and of shorter ones the mean tells enough.
TELLING_S: Seconds = 0.00005

Take: TypeAlias = Callable[[int, int], Sequence[Any]]


class Gathered:
    """What has been done of a chunk and not been sent yet."""

    def __init__(
        self, values: list[Any] | None = None, errors: dict[int, TaskError] | None = None, wall_s: Seconds = 0.0
    ) -> None:
        """Begin with nothing, or with what was gathered elsewhere."""
        self.values: list[Any] = values if values is not None else []
        self.errors: dict[int, TaskError] = errors if errors is not None else {}
        self.wall_s: Seconds = wall_s
        self.cpu_s: Seconds = 0.0
        self.ended_s: Seconds = time.perf_counter() if wall_s else 0.0
        self._each_s = array("f")

    def add(self, outcome: Outcome) -> None:
        """Put a block's outcome behind what there is."""
        if outcome.errors:
            behind = len(self.values)
            self.errors |= {behind + offset: error for offset, error in outcome.errors.items()}
        self.values += outcome.values
        self.wall_s += outcome.wall_s
        self.cpu_s += outcome.cpu_s
        self.ended_s = outcome.ended_s
        if outcome.each_s:
            self._each_s.extend(outcome.each_s)

    @property
    def times(self) -> tuple[Seconds, Seconds, Seconds, array[float] | None]:
        """Give the times as they travel: those of items only where they are worth it."""
        timed = len(self._each_s)
        # Of one item too: where others ran beside it, the time of all is not its own.
        telling = timed >= max(1, len(self.values)) and self.wall_s >= TELLING_S * timed
        return self.wall_s, self.cpu_s, self.ended_s, self._each_s if telling else None

    @property
    def is_due(self) -> bool:
        """It is time to send."""
        return self.wall_s >= SEND_EVERY_S or len(self.values) >= SEND_VALUES


class Shift:
    """A worker's work, from its first chunk to its last."""

    def __init__(
        self, job: Job, voice: Voice, memory: WorkerMemory, growth: Growth, *, tasks: int, by_value: bool
    ) -> None:
        """Be ready for chunks of ``job``, ``tasks`` items at a time."""
        self._items = job.items
        self._functions = Learnt(job.call, job.rules)
        self._tasks = tasks
        self._seed = job.seed
        self._voice = voice
        self._memory = memory
        self._marks = memory.marks
        self._packer = Packer(memory.writer, by_value=by_value)
        self._unpacker = Unpacker(memory.reader)
        self._growth = growth
        self._postman: Postman | None = None
        self._loop: asyncio.Runner | None = None
        self._together: Together | None = None
        self._home = os.getpid()

    def serve(self) -> None:
        """Run chunks until told to stop."""
        try:
            while self._obey(*self._voice.receive()):
                if os.getpid() != self._home:
                    # A child that the function has forked and that came back from it: what is sent is not for it.
                    raise SystemExit(0)
        finally:
            if self._loop is not None:
                self._loop.close()

    def _obey(self, message: Message, body: memoryview) -> bool:
        """Do what the parent says; say whether to go on."""
        match message[0]:
            case "chunk":
                self._run(message, body)
                if self._growth.is_over():
                    # What was sent ahead is not read any more, and goes to another worker.
                    self._voice.send(("retired",))
                    return False
            case "call":
                self._functions.learn(*message[1:])
            case "tasks":
                self._tasks = message[1]
            case "retire":
                self._voice.send(("retired",))
                return False
            case _:
                return False
        return True

    def _run_singles(self, identity: int, place: int, parcel: Parcel, body: memoryview) -> None:
        """Run tasks that were submitted one by one: each names its function."""

        def send(values: list[Any], errors: dict[int, TaskError], wall_s: Seconds, *, more: bool, cut: bool) -> None:
            # The postman's: another task is in work, and a death is to be laid on that one again.
            on = self._marks.begun if more else None
            self._send(identity, Gathered(values, errors, wall_s), None, more=more, cut=cut, on=on)

        def may_begin(at: int) -> bool:
            return self._marks.claim(place + at, place + at + 1) - place > at

        self._marks.begin(identity)
        tasks = list(self._unpacker.items(parcel, body))
        if self._postman is None:
            from poolwise.engine.prompt import Postman  # noqa: PLC0415 - only a pool's workers need it

            self._postman = Postman()
        self._postman.run(self._functions.run_single, tasks, may_begin, send)

    def _run(self, message: Message, body: memoryview) -> None:
        _, identity, number, start, stop, place, marked, parcel, free = message
        self._memory.release(free)
        if number == SINGLES:
            self._run_singles(identity, place, Parcel(*parcel), body)
            return
        call, rules = self._functions.call(number)
        mark: Mark | None = (lambda offset: self._marks.set(start + offset)) if marked else None
        self._marks.begin(identity)
        take, call = self._items_of(start, parcel, body, call, mark)
        if self._is_for_threads(call, rules, stop - start, marked=marked):
            from poolwise.engine.together import Lot  # noqa: PLC0415 - most workers run one item at a time

            self._run_together(identity, call, rules, Lot(take, stop - start, start, place))
            return
        gathered, at, sent, count, cut = Gathered(), 0, 0, stop - start, False
        block = count if call.coroutine else 1
        while at < count:
            end = min(self._marks.claim(place + at, place + min(count, at + block)) - place, count)
            if cut := end <= at:
                # The rest was taken back.
                break
            outcome = self._run_block(call, take(at, end), rules, start + at, _shifted(mark, at))
            gathered.add(outcome)
            if len(outcome.values) < end - at or (outcome.errors and rules.stop_at_error):
                # The first error ends the run; and a list of items may have been made shorter.
                break
            block = _next_size(end - at, outcome.wall_s, rest=count - end)
            at = end
            if gathered.is_due and at < count:
                self._send(identity, gathered, _shifted(mark, sent), more=True)
                gathered, sent = Gathered(), at
        # Buffers of items that nobody has kept go back with this message.
        del take
        self._send(identity, gathered, _shifted(mark, sent), more=False, cut=cut)

    def _is_for_threads(self, call: Call, rules: ChunkRules, count: int, *, marked: bool) -> bool:
        """Tell whether several items may be in work at a time, on threads.

        Marks can name one item only: who is suspected of a death, or may be killed for being late, runs alone.
        """
        return self._tasks > 1 and count > 1 and not (marked or call.coroutine or rules.timeout_s is not None)

    def _run_together(self, identity: int, call: Call, rules: ChunkRules, lot: Lot) -> None:
        if self._together is None:
            from poolwise.engine.together import Together  # noqa: PLC0415 - see above

            self._together = Together(self._marks, self._seed, SEND_EVERY_S)

        def send(part: Outcome) -> None:
            self._tell(identity, _gather(part), None, more=True)

        rest, cut = self._together.run(call, rules, lot, self._tasks, send)
        # Buffers of items that nobody has kept go back with this message.
        del lot
        self._send(identity, _gather(rest), None, more=False, cut=cut)

    def _items_of(
        self, start: int, parcel: Parcel | None, body: memoryview, call: Call, mark: Mark | None
    ) -> tuple[Take, Call]:
        """Give what takes items out of the chunk, and the call that can be made on them."""
        if parcel is None:
            slices = self._items.slice
            return (lambda begin, end: slices(start + begin, start + end)), call
        parcel = Parcel(*parcel)
        items = self._unpacker.items(parcel, body, mark)
        if parcel.pieces is not None and any(isinstance(item, Broken) for item in items):
            call = checked(call)
        return (lambda begin, end: items if end - begin == len(items) else items[begin:end]), call

    def _run_block(self, call: Call, items: Sequence[Any], rules: ChunkRules, first: int, mark: Mark | None) -> Outcome:
        if not call.coroutine:
            return run_chunk(call, items, rules, mark=streams.seeding(self._seed, first, mark))
        import asyncio  # noqa: PLC0415 - only coroutine functions need it

        from poolwise.work.chunk_async import run_chunk_async  # noqa: PLC0415

        if self._loop is None:
            # One loop for as long as the worker lives: what the function keeps (a session) belongs to it.
            self._loop = asyncio.Runner()
            if self._seed is not None:
                dispatch.begin()
        begin = streams.own_streams(self._seed, first)
        return self._loop.run(run_chunk_async(call, items, rules, self._tasks, mark=mark, begin=begin))

    def _send(
        self,
        identity: int,
        gathered: Gathered,
        mark: Mark | None,
        *,
        more: bool,
        cut: bool = False,
        on: int | None = None,
    ) -> None:
        self._marks.rest()

        def packed() -> None:
            # First: sending waits until the parent reads, and that time must not make the item late.
            self._marks.clear()
            if on is not None:
                self._marks.resume(on)

        self._tell(identity, gathered, mark, more=more, cut=cut, packed=packed)

    def _tell(
        self,
        identity: int,
        gathered: Gathered,
        mark: Mark | None,
        *,
        more: bool,
        cut: bool = False,
        packed: Callable[[], None] | None = None,
    ) -> None:
        """Pack what is done and send it."""
        errors = gathered.errors
        parcel, body = self._packer.values(gathered.values, errors, mark)
        told = {offset: pack_error(error) for offset, error in errors.items()}
        if packed is not None:
            packed()
        free = self._memory.take_dropped()
        self._voice.send(("done", identity, more, cut, gathered.times, parcel, told, free), body)


def _gather(outcome: Outcome) -> Gathered:
    gathered = Gathered()
    gathered.add(outcome)
    return gathered


def _next_size(ran: int, wall_s: Seconds, rest: int) -> int:
    """Size the next block by what the last one took, and by how many items are left in the chunk."""
    item_s = max(wall_s / ran, 1e-9)
    block_s = max(LEAST_BLOCK_S, min(BLOCK_S, rest * item_s / PART_OF_REST))
    return max(1, min(int(block_s / item_s), ran * GROWTH))


def _shifted(mark: Mark | None, by: int) -> Mark | None:
    if mark is None or by == 0:
        return mark
    return lambda offset: mark(by + offset)
