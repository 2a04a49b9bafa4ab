"""The limit: what a few hand-written lines can do, with fork and a pair of sockets for each worker.

Nothing of a library's duties is here: no errors, no deaths, no timeouts, nothing that cannot be marshalled, one caller.
The forms that fit the parts are in ``floor_worker.py`` (what the workers do) and below (what the parent does):

* many small tasks: workers draw the next range from a pipe of tickets, which is filled before they begin, and send
  results back by the thousand. Nobody waits for the parent, and the schedule is that of one ticket at a time;
* streams and single tasks: slices to each worker in turn, two under way for each;
* big arrays: two slots of shared memory for each worker, made before the fork and used again and again; one copy in,
  received as a view.
"""

from __future__ import annotations

import collections
import itertools
import marshal
import mmap
import os
import pickle
import select
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from benchmarks.peers.ways import floor_worker as wire
from benchmarks.peers.ways.way import Way

SUBMITTED_TOGETHER = 64
SLOTS_EACH = 2
# A list of more items is not sent to every worker, but in slices.
SENT_TWICE = 10_000
# Larger slices could fill both directions of a socket at once, and then both ends would wait for each other.
LARGEST_SLICE = 4_000
# Numbers are ordered from the start, so the pipe holds all tickets of the largest part: 250,000 of 4 bytes.
TICKETS_SIZE = 1 << 20


class Floor(Way):
    """Workers by fork; the first job of a cold start is inherited, later ones are sent."""

    def __enter__(self) -> Self:
        """Fork the workers."""
        self._start(None)
        return self

    def __exit__(self, *error: object) -> None:
        """Let the workers see the end of their sockets, and wait for theirs."""
        for channel in self._channels:
            channel.close()
        for pid in self._pids:
            os.waitpid(pid, 0)
        os.close(self._drawn)
        os.close(self._filled)

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Send the job to every worker and let them draw, or send slices where the items are too many to send twice."""
        if len(items) <= self.workers:
            return self._one_each(function, items)
        if len(items) > SENT_TWICE and not isinstance(items, range):
            return list(self.stream(function, items))
        job = pickle.dumps(("draw", function, items, self.chunk), protocol=5)
        for channel in self._channels:
            wire.send(channel, job)
        return self._collect(len(items))

    def map_once(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Fork workers that have the job already."""
        self._start(("draw", function, items, self.chunk))
        results = self._collect(len(items))
        self.__exit__()
        return results

    def stream(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Send slices in turn and give their results in order."""
        turn = itertools.cycle(self._channels)
        under_way: collections.deque[socket.socket] = collections.deque()
        left = iter(items)
        while part := list(itertools.islice(left, min(self.chunk or 1, LARGEST_SLICE))):
            under_way.append(self._send_slice(next(turn), function, part))
            if len(under_way) > 2 * self.workers:
                yield from marshal.loads(wire.receive(under_way.popleft()))
        for channel in under_way:
            yield from marshal.loads(wire.receive(channel))

    def submit(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Put each task into the hand of the next worker, and send when the hand is full."""
        turn = itertools.cycle(self._channels)
        under_way: collections.deque[socket.socket] = collections.deque()
        results: list[Any] = []
        hand: list[Any] = []
        for item in items:
            hand.append(item)
            if len(hand) == SUBMITTED_TOGETHER:
                under_way.append(self._send_slice(next(turn), function, hand))
                hand = []
                if len(under_way) > 8 * self.workers:  # far below what the sockets hold: neither side ever blocks
                    results += marshal.loads(wire.receive(under_way.popleft()))
        under_way.append(self._send_slice(next(turn), function, hand))
        for channel in under_way:
            results += marshal.loads(wire.receive(channel))
        return results

    def take_arrays(self, function: Callable[[Any], Any], arrays: Sequence[Any]) -> list[Any]:
        """Copy each array into the next free slot of the next worker."""
        job = pickle.dumps(("take", function), protocol=5)
        for channel in self._channels:
            wire.send(channel, job)
        return self._feed(iter(arrays))

    def take_arrays_once(self, function: Callable[[Any], Any], arrays: Sequence[Any]) -> list[Any]:
        """Do the same with workers that have the job already."""
        self._start(("take", function))
        results = self._feed(iter(arrays))
        self.__exit__()
        return results

    def give_arrays(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Receive views on the slots; a slot is free again when the next array is asked for."""
        items = list(items)
        for number, channel in enumerate(self._channels):
            wire.send(channel, pickle.dumps(("give", function, items[number :: self.workers]), protocol=5))
        for _, channel in zip(items, itertools.cycle(self._channels), strict=False):
            yield wire.view(self._memory, *wire.PLACE.unpack(wire.exactly(channel, wire.PLACE.size)))
            channel.send(b"x")

    def _start(self, job: tuple[Any, ...] | None) -> None:
        self._drawn, self._filled = os.pipe()
        wire.enlarge(self._filled, TICKETS_SIZE)
        self._memory = mmap.mmap(-1, wire.SLOT_BYTES * SLOTS_EACH * self.workers)
        self._channels: list[socket.socket] = []
        self._pids: list[int] = []
        for number in range(self.workers):
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if pid == 0:
                ours.close()
                for channel in self._channels:
                    channel.close()
                wire.Worker(theirs, self._drawn, self._memory, SLOTS_EACH * number).serve(job)
            theirs.close()
            self._channels.append(ours)
            self._pids.append(pid)

    def _collect(self, count: int) -> list[Any]:
        """Hand out the tickets, then put in place what comes, until every worker has drawn its last."""
        chunk = self.chunk or 1
        tickets = [*range(0, count, chunk), *[wire.NO_MORE] * self.workers]
        os.write(self._filled, wire.TICKETS(tickets))
        results: list[Any] = [None] * count
        busy_s = 0.0
        waiting = select.poll()
        by_number = {channel.fileno(): channel for channel in self._channels}
        for number in by_number:
            waiting.register(number, select.POLLIN)
        while by_number:
            for number, _ in waiting.poll():
                starts, values, spent_s = marshal.loads(wire.receive(by_number[number]))
                for place, start in enumerate(starts):
                    results[start : start + chunk] = values[place * chunk : (place + 1) * chunk]
                if spent_s is not None:
                    busy_s += spent_s
                    waiting.unregister(number)
                    del by_number[number]
        self.figures["busy_s"] = busy_s
        return results

    def _one_each(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        channels = [
            self._send_slice(channel, function, [item]) for channel, item in zip(self._channels, items, strict=False)
        ]
        return [value for channel in channels for value in marshal.loads(wire.receive(channel))]

    @staticmethod
    def _send_slice(channel: socket.socket, function: Callable[[Any], Any], part: list[Any]) -> socket.socket:
        wire.send(channel, pickle.dumps(("slice", function, marshal.dumps(part)), protocol=5))
        return channel

    def _feed(self, arrays: Iterator[Any]) -> list[Any]:
        results: list[Any] = []
        slots = SLOTS_EACH * self.workers
        count = 0
        for count, array in enumerate(arrays, start=1):
            number = count - 1
            channel = self._channels[number % self.workers]
            if number >= slots:  # the worker answers in order, so this answer frees the very slot
                results.append(wire.ANSWER.unpack(wire.exactly(channel, wire.ANSWER.size))[0])
            slot = SLOTS_EACH * (number % self.workers) + number // self.workers % SLOTS_EACH
            wire.view(self._memory, slot, len(array))[:] = array
            channel.send(wire.PLACE.pack(slot, len(array)))
        for number in range(max(0, count - slots), count):
            channel = self._channels[number % self.workers]
            results.append(wire.ANSWER.unpack(wire.exactly(channel, wire.ANSWER.size))[0])
        for channel in self._channels:
            channel.send(wire.PLACE.pack(wire.NO_MORE, 0))
        return results


WAY = Floor
