"""The parent's side of the pool: starts workers, gives them chunks, hears what came of them, and notices deaths.

One thread owns everything here, the caller's; nothing is shared between workers, so that one may die at any
instruction and harm nobody. ``README.md`` draws it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from poolwise.engine import hearing
from poolwise.engine.channel import ParentEnd, parent_side
from poolwise.engine.deaths import describe_death, describe_failed_start
from poolwise.engine.lifeline import Lifeline
from poolwise.engine.memory import Marks
from poolwise.engine.messages import Message, pack_items, unpack_error, unpack_values
from poolwise.engine.process import Process, Starter, blocked_signals
from poolwise.engine.start import make_starter
from poolwise.engine.worker import WorkerJob
from poolwise.errors import FunctionShippingError, RemoteTraceback
from poolwise.model.events import Chunk, ChunkDone, Event, Outcome, WorkerFailed, WorkerLost, WorkerReady
from poolwise.model.options import StartMethod
from poolwise.model.units import Seconds
from poolwise.work.chunk import late

# A worker that was told to stop, or has closed its channel, gets so long to end before it is killed.
END_PATIENCE_S: Seconds = 1.0
# A late item is noticed within this share of its timeout, and no sooner than after a millisecond.
LATE_SHARE = 0.1


@dataclass(slots=True)
class Handle:
    """What the supervisor knows of a worker."""

    worker: int
    process: Process
    channel: ParentEnd
    marks: Marks
    chunks: list[int] = field(default_factory=list)
    """Chunks sent and not come back, in order."""
    ready: bool = False


class Supervisor:
    """Owns the workers of one pool."""

    def __init__(self, job: WorkerJob, start_method: StartMethod) -> None:
        """Start nothing but what workers start from."""
        self._job = job
        self._method: StartMethod = start_method
        self._owner = os.getpid()
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
        self._starter: Starter | None = None

    @property
    def by_fork(self) -> bool:
        """Workers are copies of this process and find the items in their memory."""
        return self._method == "fork"

    # --- Orders -----------------------------------------------------------------------------------------------

    def start(self, worker: int) -> None:
        """Start a worker; ``wait`` tells when it is ready."""
        try:
            if self._starter is None:
                self._starter = make_starter(self._method, self._job, self._life)
        except FunctionShippingError as error:
            self._events.append(WorkerFailed(error))
            return
        mine, its = socket.socketpair()
        channel, marks = ParentEnd(mine), Marks.create()
        with its, blocked_signals():
            # A Ctrl-C in between would leave a process that nobody knows of.
            process = self._starter.start(its, channel, marks)
            handle = Handle(worker, process, channel, marks)
            self._handles[worker] = handle
        self._selector.register(channel, selectors.EVENT_READ, handle)
        if (sentinel := process.sentinel()) is not None:
            self._selector.register(sentinel, selectors.EVENT_READ, handle)

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Give a worker a chunk; None for items that it has already."""
        handle = self._handles.get(worker)
        if handle is None:
            return
        packed = None if items is None else pack_items(items, by_value=self._job.by_value)
        handle.chunks.append(chunk.id)
        handle.channel.send(("chunk", chunk.id, chunk.start, chunk.stop, chunk.marked, packed))
        self._watch_writing(handle)

    def wake(self) -> None:
        """Make ``wait`` return; from any thread."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_write.send(b"w")

    # --- News -------------------------------------------------------------------------------------------------

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Wait for news, at most ``timeout_s``."""
        limit_s = self._job.job.rules.timeout_s
        if self._events:
            timeout_s = 0
        if limit_s is not None:
            look_s = max(0.001, limit_s * LATE_SHARE)
            timeout_s = look_s if timeout_s is None else min(timeout_s, look_s)
        for key, mask in self._selector.select(timeout_s):
            if isinstance(key.data, Handle):
                self._attend(key.data, mask, is_channel=key.fileobj is key.data.channel)
            else:
                self._hush()
        if limit_s is not None:
            self._end_late(limit_s)
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
        messages, closed = handle.channel.receive()
        for message in messages:
            self._hear(handle, message)
        if closed or not is_channel:
            self._bury(handle)

    def _hear(self, handle: Handle, message: Message) -> None:
        match message:
            case ("ready",):
                handle.ready = True
                self._events.append(WorkerReady(handle.worker))
            case ("failed", packed):
                told = unpack_error(packed)
                told.error.__cause__ = RemoteTraceback(told.traceback)
                self._events.append(WorkerFailed(told.error))
            case ("done", identity, wall_s, cpu_s, packed, told):
                handle.chunks.remove(identity)
                errors = {offset: unpack_error(each) for offset, each in told.items()}
                values = unpack_values(packed, errors)
                self._events.append(ChunkDone(handle.worker, identity, Outcome(values, errors, wall_s, cpu_s)))
            case ("said", kind, what):
                pid = handle.process.pid
                hearing.say_again(kind, what, worker=handle.worker, pid=pid, filtered=self.by_fork)

    def _hush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_read.recv(4096)

    def _watch_writing(self, handle: Handle) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if handle.channel.is_sending else 0)
        if self._selector.get_key(handle.channel).events != events:
            self._selector.modify(handle.channel, events, handle)

    # --- Deaths -----------------------------------------------------------------------------------------------

    def _bury(self, handle: Handle) -> None:
        """A worker is gone, or as good as gone: hear its last words, and tell how it ended and on what."""
        code = handle.process.exit_code(END_PATIENCE_S)
        if code is None:
            # It has closed its channel and lives on: nobody can hear it any more.
            handle.process.kill()
            code = handle.process.exit_code(END_PATIENCE_S)
        messages, _ = handle.channel.receive()
        for message in messages:
            self._hear(handle, message)
        index, pid = handle.marks.index, handle.process.pid
        started = handle.ready
        self._forget(handle)
        if started:
            self._events.append(WorkerLost(handle.worker, describe_death(handle.worker, pid, code, index), index))
        else:
            self._events.append(WorkerLost(handle.worker, describe_failed_start(handle.worker, pid, code)))

    def _end_late(self, limit_s: Seconds) -> None:
        for handle in tuple(self._handles.values()):
            index = handle.marks.index
            if not handle.chunks or index is None or (took := handle.marks.on_for_s()) <= limit_s:
                continue
            handle.process.kill()
            handle.process.exit_code(END_PATIENCE_S)
            messages, _ = handle.channel.receive()
            for message in messages:
                self._hear(handle, message)
            self._forget(handle)
            error = late(limit_s, took, "; its worker was ended")
            if handle.chunks:
                self._events.append(WorkerLost(handle.worker, error, index, guilty=True))
            else:
                self._events.append(WorkerLost(handle.worker, error))

    def _forget(self, handle: Handle) -> None:
        del self._handles[handle.worker]
        self._selector.unregister(handle.channel)
        if (sentinel := handle.process.sentinel()) is not None:
            self._selector.unregister(sentinel)
        handle.channel.close()
        handle.process.close()
        handle.marks.close()

    # --- The end ----------------------------------------------------------------------------------------------

    def close(self, *, abort: bool) -> None:
        """End all workers; with ``abort`` at once, else they are told, and killed only if they do not listen."""
        if os.getpid() != self._owner:
            # A child that the caller has forked drops what it inherited: the workers are not its own.
            return
        # A second Ctrl-C must not leave half of them.
        with blocked_signals():
            self._end_all(abort=abort)

    def _end_all(self, *, abort: bool) -> None:
        for handle in self._handles.values():
            if abort:
                handle.process.kill()
            else:
                handle.channel.send(("stop",))
        deadline = time.monotonic() + END_PATIENCE_S
        last_words: list[tuple[Handle, Message]] = []
        for handle in tuple(self._handles.values()):
            if handle.process.exit_code(max(0.0, deadline - time.monotonic())) is None:
                handle.process.kill()
                handle.process.exit_code(END_PATIENCE_S)
            if not abort:
                last_words += [(handle, message) for message in handle.channel.receive()[0]]
            self._forget(handle)
        self._life.close()
        if self._starter is not None:
            self._starter.close()
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()
        # Only now: saying them again is the caller's code (a stream, a log handler), and may raise.
        for handle, message in last_words:
            self._hear(handle, message)
