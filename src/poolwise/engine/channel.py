"""The one channel between a worker and its parent: frames over a pair of connected sockets.

A frame is two lengths, a pickled message, and the body that belongs to it (a parcel's pickles, as they are). The
worker's end blocks: it has nothing else to do. The parent's end never does: what cannot be sent at once waits in
``_unsent``, so that a worker that is busy sending and a parent that is busy sending cannot wait for each other.
"""

from __future__ import annotations

import pickle
import socket
import struct
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any, TypeAlias

from poolwise.work.shipping import PROTOCOL

Message: TypeAlias = tuple[Any, ...]
Frame: TypeAlias = tuple[Message, memoryview]
"""A message and its body, which lies in the channel's buffer: use it before the next is received."""
Buffer: TypeAlias = "bytes | bytearray | memoryview"

HEADER = struct.Struct("<QQ")
# Twice what the kernel holds for a socket, as a rule; larger frames make it grow.
READ_BYTES = 1 << 17
# A body that is shorter goes out with its head in one call: copying it takes less time (2 µs) than a second call, which
# would also wake the other end twice.
JOINED_BYTES = 1 << 14

# Everything that a forked child must close: a channel stays open, and who reads it waits, as long as any process holds
# the other end.
parent_side: weakref.WeakSet[Any] = weakref.WeakSet()


def frame(message: Message, body: Buffer = b"") -> list[Buffer]:
    """Give the parts of a frame; a large body is not copied for it."""
    head, size = pickle.dumps(message, PROTOCOL), len(body)
    start = HEADER.pack(len(head), size) + head
    if size <= JOINED_BYTES:
        return [b"".join((start, body)) if size else start]
    return [start, body]


class Inflow:
    """What has come over a socket and has not been read yet, in one buffer that is used again and again."""

    def __init__(self, connection: socket.socket) -> None:
        """Read from a socket."""
        self._socket = connection
        self._buffer = bytearray(READ_BYTES)
        self._begin = self._end = 0

    def fill(self) -> int:
        """Receive what there is and say how much; 0 at the end. Frames that were taken before are overwritten."""
        self._make_room()
        with memoryview(self._buffer) as view:
            got = self._socket.recv_into(view[self._end :])
        self._end += got
        return got

    def take(self) -> Frame | None:
        """Give the next whole frame, if it is there."""
        start = self._begin + HEADER.size
        if start > self._end:
            return None
        head, body = HEADER.unpack_from(self._buffer, self._begin)
        if start + head + body > self._end:
            return None
        self._begin = start + head + body
        view = memoryview(self._buffer).toreadonly()
        return pickle.loads(view[start : start + head]), view[start + head : self._begin]

    def _make_room(self) -> None:
        """Put what is left at the front, and have room for all of the frame that it begins."""
        left, buffer = self._end - self._begin, self._buffer
        size = max(READ_BYTES, self._announced())
        if size > len(buffer) or (left == 0 and len(buffer) > READ_BYTES):
            self._buffer = bytearray(size)
            self._buffer[:left] = buffer[self._begin : self._end]
        elif self._begin and left:
            buffer[:left] = buffer[self._begin : self._end]
        self._begin, self._end = 0, left

    def _announced(self) -> int:
        """Say how long the frame is that has begun to come."""
        if self._end - self._begin < HEADER.size:
            return 0
        head, body = HEADER.unpack_from(self._buffer, self._begin)
        return HEADER.size + int(head) + int(body)


def receive_exactly(connection: socket.socket) -> Message:
    """Read one message without a body and not a byte more: what follows on this socket is no frame."""
    head, _ = HEADER.unpack(_exactly(connection, HEADER.size))
    message: Message = pickle.loads(_exactly(connection, head))
    return message


def _exactly(connection: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        more = connection.recv(count - len(got))
        if not more:
            raise EOFError
        got += more
    return got


class WorkerEnd:
    """The worker's end: blocking."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over a connected socket."""
        self._socket = connection
        self._socket.settimeout(None)
        self._inflow = Inflow(connection)
        # A pool inside this worker forks too, and its workers must not keep our channel open.
        parent_side.add(self)

    def send(self, message: Message, body: Buffer = b"") -> None:
        """Send a message; BrokenPipeError says that the parent is gone."""
        for part in frame(message, body):
            self._socket.sendall(part)

    def receive(self) -> Frame:
        """Wait for a message; EOFError says that the parent is gone."""
        while (found := self._inflow.take()) is None:
            if not self._inflow.fill():
                raise EOFError
        return found

    def close(self) -> None:
        """Close; the parent reads an end of file."""
        self._socket.close()


class ParentEnd:
    """The parent's end: never blocks."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over a connected socket."""
        self._socket = connection
        self._socket.settimeout(0)
        self._inflow = Inflow(connection)
        self._unsent: deque[Buffer] = deque()
        self.closed = False
        """The other end is closed, and all that it had sent has been read."""
        parent_side.add(self)

    def fileno(self) -> int:
        """Give the descriptor, for a selector."""
        return self._socket.fileno()

    @property
    def is_sending(self) -> bool:
        """Something waits to be sent as soon as there is room."""
        return bool(self._unsent)

    def send(self, message: Message, body: Buffer = b"") -> None:
        """Send as much as there is room for, and keep the rest."""
        self._unsent.extend(frame(message, body))
        self.flush()

    def flush(self) -> None:
        """Send what is kept, as far as there is room. A worker that is gone is noticed by reading, not here."""
        try:
            while self._unsent:
                part = self._unsent[0]
                sent = self._socket.send(part)
                if sent == len(part):
                    self._unsent.popleft()
                else:
                    self._unsent[0] = memoryview(part)[sent:]
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()

    def receive(self) -> list[Frame]:
        """Read what has come, as far as it goes into the buffer; where there is more, the selector says so again."""
        return [*self._frames()] if self._fill() else []

    def drain(self) -> Iterator[Frame]:
        """Read all that has come."""
        while self._fill():
            yield from self._frames()

    def _fill(self) -> bool:
        try:
            self.closed = not self._inflow.fill()
        except BlockingIOError:
            return False
        except OSError:
            self.closed = True
        return not self.closed

    def _frames(self) -> Iterator[Frame]:
        while (found := self._inflow.take()) is not None:
            yield found

    def close(self) -> None:
        """Close; the worker reads an end of file."""
        self._socket.close()
