"""The worker's side of the hand-written limit, and the few bytes that go over its sockets."""

from __future__ import annotations

import array
import fcntl
import marshal
import os
import pickle
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import mmap

SLOT_BYTES = 8_000_000
NO_MORE = -1
TICKET_BYTES = 4
LENGTH = struct.Struct("=I")
PLACE = struct.Struct("=ii")  # slot, length of the array
ANSWER = struct.Struct("=d")
# So many results are sent together: the parent is woken some dozens of times and not once for each.
TOGETHER = 2_000


def TICKETS(numbers: Sequence[int]) -> bytes:  # noqa: N802 - beside the formats
    """Pack tickets; a read of four bytes from a pipe is whole, whoever else reads."""
    return array.array("i", numbers).tobytes()


def enlarge(pipe: int, size: int) -> None:
    """Let a pipe hold more than the usual 64 KiB, where the system can."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, size)


def send(channel: socket.socket, frame: bytes) -> None:
    """Send a frame, its length first."""
    channel.sendall(LENGTH.pack(len(frame)) + frame)


def receive(channel: socket.socket) -> bytes:
    """Receive a frame; nothing where the other end is gone."""
    length = exactly(channel, LENGTH.size)
    return exactly(channel, *LENGTH.unpack(length)) if length else b""


def exactly(channel: socket.socket, size: int) -> bytes:
    """Receive so many bytes; nothing where the other end is gone."""
    parts = channel.recv(size, socket.MSG_WAITALL)
    while parts and len(parts) < size:  # what is larger than the socket's buffer may come in parts all the same
        parts += channel.recv(size - len(parts), socket.MSG_WAITALL)
    return parts


def view(memory: mmap.mmap, slot: int, length: int) -> Any:
    """Give the array in a slot, without a copy."""
    import numpy as np  # noqa: PLC0415 - only the parts with arrays come here

    return np.frombuffer(memory, dtype=np.float64, count=length, offset=slot * SLOT_BYTES)


class Worker:
    """What a forked child does until its socket ends."""

    def __init__(self, channel: socket.socket, drawn: int, memory: mmap.mmap, first_slot: int) -> None:
        """Take the socket, the reading end of the tickets, and the shared memory with its own slots in it."""
        self._channel = channel
        self._drawn = drawn
        self._memory = memory
        self._first_slot = first_slot

    def serve(self, job: tuple[Any, ...] | None) -> NoReturn:
        """Do the job that was inherited, then every one that is sent."""
        try:
            while job or (frame := receive(self._channel)):
                name, *arguments = job or pickle.loads(frame)
                getattr(self, name)(*arguments)
                job = None
        finally:
            os._exit(0)

    def draw(self, function: Callable[[Any], Any], items: Sequence[Any], chunk: int | None) -> None:
        """Draw tickets until there are no more; tell the time spent in the function with the last results."""
        chunk = chunk or 1
        starts: list[int] = []
        values: list[Any] = []
        busy_s = 0.0
        while (start := int.from_bytes(os.read(self._drawn, TICKET_BYTES), "little", signed=True)) != NO_MORE:
            begun = time.perf_counter()
            values += [function(item) for item in items[start : start + chunk]]
            busy_s += time.perf_counter() - begun
            starts.append(start)
            if len(values) >= TOGETHER:
                send(self._channel, marshal.dumps((starts, values, None)))
                starts, values = [], []
        send(self._channel, marshal.dumps((starts, values, busy_s)))

    def slice(self, function: Callable[[Any], Any], items: bytes) -> None:
        """Send the results of a slice."""
        send(self._channel, marshal.dumps([function(item) for item in marshal.loads(items)]))

    def take(self, function: Callable[[Any], Any]) -> None:
        """Call the function on the views of what is put into the slots, and send each result."""
        while True:
            slot, length = PLACE.unpack(exactly(self._channel, PLACE.size))
            if slot == NO_MORE:
                return
            self._channel.send(ANSWER.pack(function(view(self._memory, slot, length))))

    def give(self, function: Callable[[Any], Any], items: Sequence[Any]) -> None:
        """Copy each result into the slot that is free, and say which."""
        for number, item in enumerate(items):
            result = function(item)
            slot = self._first_slot + number % 2
            if number >= 2:
                self._channel.recv(1)
            view(self._memory, slot, len(result))[:] = result
            self._channel.send(PLACE.pack(slot, len(result)))
        for _ in range(min(2, len(items))):
            self._channel.recv(1)
