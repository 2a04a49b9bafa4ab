"""The parent's side of the pool: starts workers, gives them chunks, hears what came of them, and notices deaths.

One thread owns everything here, the caller's; nothing is shared between workers, so that one may die at any
instruction and harm nobody. ``README.md`` draws it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from poolwise.engine.channel import Message, ParentEnd, parent_side
from poolwise.engine.deaths import describe_death, describe_failed_start
from poolwise.engine.handle import Handle, Sent
from poolwise.engine.lifeline import Lifeline
from poolwise.engine.memory import SETTLE_S, UNLIMITED, WorkerMemory
from poolwise.engine.oom import OomCounters
from poolwise.engine.process import Starter, blocked_signals
from poolwise.engine.start import make_starter
from poolwise.engine.worker import WorkerJob
from poolwise.errors import FunctionShippingError, WorkerStartError
from poolwise.model.events import (
    Chunk,
    ChunkDone,
    Event,
    Outcome,
    TakenBack,
    WorkerFailed,
    WorkerLost,
    WorkerReady,
    WorkerRetired,
)
from poolwise.model.options import StartMethod
from poolwise.model.units import Bytes, Seconds
from poolwise.work.functions import SINGLES
from poolwise.work.packing import Packer, Parcel, Unpacker
from poolwise.work.proc import process_cpu_s, queued_s
from poolwise.work.raised import unpack_error

if TYPE_CHECKING:
    from poolwise.engine.start_snapshot import SnapshotStarter
    from poolwise.engine.watch import Watch

# A worker that was told to stop, or has closed its channel, gets so long to end before it is killed.
END_PATIENCE_S: Seconds = 1.0
# Values of no more than this may be let go together: twice what a worker sends at once of small numbers.
LIGHT_BYTES: Bytes = 1 << 18


class Supervisor:
    """Owns the workers of one pool."""

    def __init__(self, job: WorkerJob, start_method: StartMethod, workers: int) -> None:
        """Start nothing but what workers start from; there will be so many at a time."""
        self._job = job
        self._method: StartMethod = start_method
        self._workers = workers
        self._owner = os.getpid()
        self._closed = False
        self._handles: dict[int, Handle] = {}
        self._events: list[Event] = []
        self._selector = selectors.DefaultSelector()
        parent_side.add(self._selector)
        self._wake_read, self._wake_write = socket.socketpair()
        for end in (self._wake_read, self._wake_write):
            end.settimeout(0)
            parent_side.add(end)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._life = Lifeline()
        self._starters: dict[StartMethod, Starter] = {}
        self._snapshot: SnapshotStarter | None = None
        self._from_snapshot = False
        self._oom: OomCounters | None = None
        self._watch = _make_watch(job)

    @property
    def by_fork(self) -> bool:
        """Workers that are started now are copies of this process and find the items in their memory."""
        return self._method == "fork"

    @property
    def has_snapshot(self) -> bool:
        """A copy of this process, made by ``take_snapshot``, can fork workers."""
        return self._snapshot is not None and not self._snapshot.is_gone()

    def is_forked(self, worker: int) -> bool:
        """Tell whether a worker is a copy of this process; one that is gone, or not started, would be one now."""
        handle = self._handles.get(worker)
        return handle.by_fork if handle is not None else self.by_fork

    # --- Orders -----------------------------------------------------------------------------------------------

    def take_snapshot(self) -> None:
        """Copy this process now: workers that are started later are forked from the copy, until ``start_by``."""
        from poolwise.engine.start_snapshot import SnapshotStarter  # noqa: PLC0415 - few runs need one

        with blocked_signals():
            # A Ctrl-C in between would leave a process that nobody knows of.
            self._snapshot = SnapshotStarter(self._job, self._life)
            self._from_snapshot = True

    def start(self, worker: int) -> None:
        """Start a worker; ``wait`` tells when it is ready."""
        try:
            starter = self._starter()
        except (FunctionShippingError, WorkerStartError) as error:
            self._events.append(WorkerFailed(error))
            return
        mine, its = socket.socketpair()
        channel, memory = ParentEnd(mine), WorkerMemory.create(self._workers)
        with its, blocked_signals():
            # A Ctrl-C in between would leave a process that nobody knows of, or one that cannot be forgotten.
            process = starter.start(its, channel, memory)
            packer = Packer(memory.writer, by_value=self._job.by_value)
            handle = Handle(worker, process, channel, memory, packer, Unpacker(memory.reader), by_fork=starter.by_fork)
            handle.tasks = self._job.tasks
            self._handles[worker] = handle
            self._selector.register(channel, selectors.EVENT_READ, handle)
            self._watch_process(handle)
        if self._oom is None:
            # While the first worker starts, there is time to read them.
            self._oom = OomCounters()

    def _starter(self) -> Starter:
        if self._from_snapshot and self._snapshot is not None:
            return self._snapshot
        starter = self._starters.get(self._method)
        if starter is None:
            starter = self._starters[self._method] = make_starter(self._method, self._job, self._life)
        return starter

    def start_by(self, method: StartMethod, job: WorkerJob) -> None:
        """Start the workers that follow by another method, where what made the first safe is no longer true."""
        self._method, self._job, self._from_snapshot = method, job, False

    def renew(self) -> None:
        """Have all workers replaced, each after what it was sent before, by such that import all anew."""
        for starter in self._starters.values():
            starter.renew()
        for handle in self._handles.values():
            handle.channel.send(("retire",))
            self._watch_writing(handle)

    def teach(self, worker: int, number: int, packed: bytes | None) -> None:
        """Tell a worker a function that chunks name by its number; None: it is not needed any more."""
        if (handle := self._handles.get(worker)) is not None:
            handle.channel.send(("call", number, packed))
            self._watch_writing(handle)

    def set_tasks(self, tasks: int) -> list[int]:
        """Tell all workers how many items of the chunks that follow they run at a time; give those that ran another."""
        told = [handle for handle in self._handles.values() if handle.tasks != tasks]
        for handle in told:
            handle.tasks = tasks
            handle.channel.send(("tasks", tasks))
            self._watch_writing(handle)
        return [handle.worker for handle in told]

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None, call: int = 0) -> None:
        """Give a worker a chunk; None for items that it has already."""
        handle = self._handles.get(worker)
        if handle is None:
            return
        place, marks = handle.places, handle.memory.marks
        if not handle.chunks and marks.limit != UNLIMITED:
            # It has answered for all that was taken back from it.
            marks.limit = UNLIMITED
        handle.places += len(chunk)
        pack = handle.packer.tasks if call == SINGLES else handle.packer.items
        parcel, body = pack(items) if items is not None else (None, b"")
        item_bytes = parcel.size / len(chunk) if parcel is not None else 0.0
        handle.chunks.append(Sent(chunk.id, chunk.start, chunk.stop, place, item_bytes))
        free = handle.memory.take_dropped()
        message = ("chunk", chunk.id, call, chunk.start, chunk.stop, place, chunk.marked, parcel, free)
        handle.channel.send(message, body)
        self._watch_writing(handle)

    def queued_s(self) -> Seconds:
        """Give the seconds for which the workers that live now have waited for a core (Linux tells; elsewhere 0)."""
        return sum(queued_s(f"/proc/{handle.process.pid}/schedstat") for handle in self._handles.values())

    def used_s(self) -> Seconds:
        """Give the CPU seconds of the workers that live now (Linux only)."""
        return sum(process_cpu_s(handle.process.pid) for handle in self._handles.values())

    def take_back(self, worker: int, *, whole: bool = False) -> None:
        """Take back half of what a worker has not begun; ``wait`` tells what came. ``Marks`` says why this is safe.

        With ``whole``, take back all of it.
        """
        handle = self._handles.get(worker)
        if handle is None:
            return
        marks, end = handle.memory.marks, handle.places
        begin = max(marks.claimed, handle.chunks[0].place) if handle.chunks else end
        left = min(end, marks.limit) - begin
        if left <= 0:
            self._events.append(TakenBack(worker, ()))
            return
        marks.limit = begin if whole else begin + left // 2
        time.sleep(SETTLE_S)
        stop = max(marks.limit, marks.claimed)
        lost = [each for each in handle.chunks if each.item_at(stop) < each.stop]
        self._events.append(TakenBack(worker, tuple((each.id, each.item_at(stop)) for each in lost)))

    def wake(self) -> None:
        """Make ``wait`` return; from any thread."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_write.send(b"w")

    # --- News -------------------------------------------------------------------------------------------------

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Wait for news, at most ``timeout_s``."""
        if self._events:
            timeout_s = 0
        if self._watch is not None:
            timeout_s = self._watch.look_s if timeout_s is None else min(timeout_s, self._watch.look_s)
        for key, mask in self._selector.select(timeout_s):
            if isinstance(key.data, Handle):
                self._attend(key.data, mask, is_channel=key.fileobj is key.data.channel)
            else:
                self._hush()
        if self._watch is not None:
            self._end_late(self._watch)
        self._end_retired()
        events, self._events = self._events, []
        return events

    def _attend(self, handle: Handle, mask: int, *, is_channel: bool) -> None:
        if handle.worker not in self._handles:
            # Buried a moment ago, by its other sign of death.
            return
        if mask & selectors.EVENT_WRITE:
            handle.channel.flush()
            self._watch_writing(handle)
        if not mask & selectors.EVENT_READ:
            return
        for message, body in handle.channel.receive():
            self._hear(handle, message, body)
        if handle.channel.closed or not is_channel:
            self._bury(handle)

    def _hear(self, handle: Handle, message: Message, body: memoryview) -> None:
        match message:
            case ("done", *_):
                self._done(handle, message, body)
            case ("ready",):
                handle.ready = True
                # Of a nursery's child, nothing was known before.
                self._watch_process(handle)
                if self._oom is not None:
                    self._oom.note(handle.process.pid)
                self._events.append(WorkerReady(handle.worker))
            case ("retired",):
                handle.retired_at_s = time.monotonic()
            case ("failed", packed):
                self._events.append(WorkerFailed(unpack_error(packed).as_raised()))
            case ("said", kind, what):
                pid = handle.process.pid
                from poolwise.engine import hearing  # noqa: PLC0415 - only where something is said

                hearing.say_again(kind, what, worker=handle.worker, pid=pid, filtered=handle.by_fork)

    def _done(self, handle: Handle, message: Message, body: memoryview) -> None:
        _, identity, more, cut, (wall_s, cpu_s, ended_s, each_s), parcel, told, free = message
        handle.answers += 1
        sent = handle.chunks[0] if more else handle.chunks.popleft()
        errors = {offset: unpack_error(each) for offset, each in told.items()}
        parcel = Parcel(*parcel)
        values = handle.unpacker.values(parcel, body, errors)
        value_bytes, light = parcel.size / max(1, len(values)), parcel.pieces is None and parcel.size <= LIGHT_BYTES
        sizes = (sent.item_bytes, value_bytes, light)
        outcome = Outcome(values, errors, wall_s, cpu_s, *sizes, ended_s, each_s or ())
        self._events.append(ChunkDone(handle.worker, identity, outcome, more, cut))
        handle.memory.release(free)

    def _watch_process(self, handle: Handle) -> None:
        if handle.sentinel is None and (sentinel := handle.process.sentinel()) is not None:
            self._selector.register(sentinel, selectors.EVENT_READ, handle)
            handle.sentinel = sentinel

    def _hush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_read.recv(4096)

    def _watch_writing(self, handle: Handle) -> None:
        if (sending := handle.channel.is_sending) != handle.watched_writing:
            handle.watched_writing = sending
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if sending else 0)
            self._selector.modify(handle.channel, events, handle)

    # --- Deaths -----------------------------------------------------------------------------------------------

    def _bury(self, handle: Handle) -> None:
        """A worker is gone, or as good as gone: hear its last words, and tell how it ended and on what."""
        code = handle.process.exit_code(END_PATIENCE_S)
        if code is None:
            # It has closed its channel and lives on: nobody can hear it any more.
            handle.process.kill()
            code = handle.process.exit_code(END_PATIENCE_S)
        for message, body in handle.channel.drain():
            self._hear(handle, message, body)
        index, span = handle.suspects()
        pid, started = handle.process.pid, handle.ready
        oom = self._oom.find(pid) if self._oom is not None and code == -signal.SIGKILL else None
        self._forget(handle)
        if handle.retired_at_s is not None:
            self._events.append(WorkerRetired(handle.worker))
        elif started:
            error = describe_death(handle.worker, pid, code, index, oom)
            self._events.append(WorkerLost(handle.worker, error, index, span))
        else:
            self._events.append(WorkerLost(handle.worker, describe_failed_start(handle.worker, pid, code, oom)))

    def _end_late(self, watch: Watch) -> None:
        """End workers that will not get on by themselves."""
        watch.tick(time.monotonic())
        for handle, lost in watch.judge_all(self._handles.values()):
            handle.process.kill()
            handle.process.exit_code(END_PATIENCE_S)
            for message, body in handle.channel.drain():
                self._hear(handle, message, body)
            self._forget(handle)
            # It may have finished in the last moment.
            self._events.append(lost if handle.chunks else WorkerLost(handle.worker, lost.error))

    def _end_retired(self) -> None:
        """A worker that has said that it ends, and does not, is ended: its end is the user's code too (streams)."""
        for handle in self._handles.values():
            if handle.retired_at_s is not None and time.monotonic() - handle.retired_at_s > END_PATIENCE_S:
                handle.process.kill()

    def _forget(self, handle: Handle) -> None:
        del self._handles[handle.worker]
        self._selector.unregister(handle.channel)
        if handle.sentinel is not None:
            self._selector.unregister(handle.sentinel)
        if self._watch is not None:
            self._watch.forget(handle.worker)
        handle.channel.close()
        handle.process.close()
        handle.memory.close()

    # --- The end ----------------------------------------------------------------------------------------------

    def close(self, *, abort: bool) -> None:
        """End all workers; with ``abort`` at once, else they are told, and killed only if they do not listen."""
        if os.getpid() != self._owner:
            # A child that the caller has forked drops what it inherited: the workers are not its own.
            return
        # A second Ctrl-C must not leave half of them.
        with blocked_signals():
            if not self._closed:
                self._closed = True
                self._end_all(abort=abort)

    def _end_all(self, *, abort: bool) -> None:
        for handle in self._handles.values():
            if abort:
                handle.process.kill()
            else:
                handle.channel.send(("stop",))
        # While they end, on other cores: letting go of 100 MB takes 10 ms.
        for handle in self._handles.values():
            handle.memory.close()
        deadline = time.monotonic() + END_PATIENCE_S
        last_words: list[tuple[Handle, Message, memoryview]] = []
        for handle in tuple(self._handles.values()):
            if handle.process.exit_code(max(0.0, deadline - time.monotonic())) is None:
                handle.process.kill()
                handle.process.exit_code(END_PATIENCE_S)
            if not abort:
                last_words += [(handle, message, memoryview(bytes(body))) for message, body in handle.channel.drain()]
            self._forget(handle)
        self._life.close()
        for starter in (*self._starters.values(), *([self._snapshot] if self._snapshot is not None else [])):
            starter.close()
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()
        # Only now: saying them again is the caller's code (a stream, a log handler), and may raise.
        for handle, message, body in last_words:
            self._hear(handle, message, body)


def _make_watch(job: WorkerJob) -> Watch | None:
    limit_s = job.job.rules.timeout_s
    if limit_s is None:
        return None
    from poolwise.engine.watch import Watch  # noqa: PLC0415 - 3 ms, and only with a timeout

    return Watch(limit_s, marked=not job.job.call.coroutine)
