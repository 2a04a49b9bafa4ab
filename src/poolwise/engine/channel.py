"""The one channel between a worker and its parent: frames over a pair of connected sockets.

A frame is its length in eight bytes and a pickled message. The worker's end blocks: it has nothing else to do. The
parent's end never does: what cannot be sent at once waits in ``_unsent``, so that a worker that is busy sending and a
parent that is busy sending cannot wait for each other.
"""

from __future__ import annotations

import pickle
import socket
import struct
import weakref
from collections import deque
from typing import Any

from poolwise.engine.messages import PROTOCOL, Message

HEADER = struct.Struct("<Q")
# As much as the kernel hands over at a time from a full socket buffer.
READ_BYTES = 1 << 18

# Everything that a forked child must close: a channel stays open, and who reads it waits, as long as any process holds
# the other end.
parent_side: weakref.WeakSet[Any] = weakref.WeakSet()


class WorkerEnd:
    """The worker's end: blocking."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over a connected socket."""
        self._socket = connection
        self._socket.settimeout(None)
        # A pool inside this worker forks too, and its workers must not keep our channel open.
        parent_side.add(self)

    def send(self, message: Message) -> None:
        """Send a message; BrokenPipeError says that the parent is gone."""
        body = pickle.dumps(message, PROTOCOL)
        self._socket.sendall(HEADER.pack(len(body)))
        self._socket.sendall(body)

    def receive(self) -> Message:
        """Wait for a message; EOFError says that the parent is gone."""
        (length,) = HEADER.unpack(self._exactly(HEADER.size))
        message: Message = pickle.loads(self._exactly(length))
        return message

    def close(self) -> None:
        """Close; the parent reads an end of file."""
        self._socket.close()

    def _exactly(self, count: int) -> bytearray:
        buffer = bytearray(count)
        view, got = memoryview(buffer), 0
        while got < count:
            received = self._socket.recv_into(view[got:])
            if not received:
                raise EOFError
            got += received
        return buffer


class ParentEnd:
    """The parent's end: never blocks."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over a connected socket."""
        self._socket = connection
        self._socket.settimeout(0)
        self._unsent: deque[memoryview] = deque()
        self._read = bytearray()
        parent_side.add(self)

    def fileno(self) -> int:
        """Give the descriptor, for a selector."""
        return self._socket.fileno()

    @property
    def is_sending(self) -> bool:
        """Something waits to be sent as soon as there is room."""
        return bool(self._unsent)

    def send(self, message: Message) -> None:
        """Send as much as there is room for, and keep the rest."""
        body = pickle.dumps(message, PROTOCOL)
        self._unsent.append(memoryview(HEADER.pack(len(body)) + body))
        self.flush()

    def flush(self) -> None:
        """Send what is kept, as far as there is room. A worker that is gone is noticed by reading, not here."""
        try:
            while self._unsent:
                view = self._unsent[0]
                sent = self._socket.send(view)
                if sent == len(view):
                    self._unsent.popleft()
                else:
                    self._unsent[0] = view[sent:]
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()

    def receive(self) -> tuple[list[Message], bool]:
        """Read whole messages that have come, and say whether the other end is closed."""
        closed = False
        try:
            while chunk := self._socket.recv(READ_BYTES):
                self._read += chunk
                if len(chunk) < READ_BYTES:
                    break
            else:
                closed = True
        except BlockingIOError:
            pass
        except OSError:
            closed = True
        return self._messages(), closed

    def _messages(self) -> list[Message]:
        messages: list[Message] = []
        begin = 0
        with memoryview(self._read) as view:
            while len(view) - begin >= HEADER.size:
                (length,) = HEADER.unpack(view[begin : begin + HEADER.size])
                end = begin + HEADER.size + length
                if len(view) < end:
                    break
                messages.append(pickle.loads(view[begin + HEADER.size : end]))
                begin = end
        if begin:
            del self._read[:begin]
        return messages

    def close(self) -> None:
        """Close; the worker reads an end of file."""
        self._socket.close()
