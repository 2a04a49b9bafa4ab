"""Frames over a real pair of sockets: large, small, in pieces, and what an end says about itself."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Iterator

import pytest

from poolwise.engine.channel import (
    HEADER,
    JOINED_BYTES,
    READ_BYTES,
    Message,
    ParentEnd,
    WorkerEnd,
    frame,
    receive_exactly,
)

# More than a socket and the buffer of an end hold together.
LARGE = 20 * READ_BYTES + 3


@pytest.fixture
def ends() -> Iterator[tuple[ParentEnd, WorkerEnd]]:
    """Give both ends of a channel."""
    mine, its = socket.socketpair()
    parent, worker = ParentEnd(mine), WorkerEnd(its)
    yield parent, worker
    parent.close()
    worker.close()


def hear(parent: ParentEnd, count: int) -> list[tuple[Message, bytes]]:
    """Receive so many frames, as a supervisor does; the bodies are copied before more is read."""
    heard: list[tuple[Message, bytes]] = []
    while len(heard) < count and not parent.closed:
        assert select.select([parent], [], [], 20)[0], f"only {len(heard)} frames of {count} came"
        heard += [(message, bytes(body)) for message, body in parent.receive()]
    return heard


def test_frames_larger_than_the_buffer_cross_both_ways(ends: tuple[ParentEnd, WorkerEnd]) -> None:
    """Both send at the same time more than anything holds: the parent never waits, so that nobody waits for ever."""
    parent, worker = ends
    body, answer = os.urandom(LARGE), os.urandom(2 * LARGE)
    got: list[bytes] = []

    def serve() -> None:
        worker.send(("first",), answer)
        got.append(bytes(worker.receive()[1]))
        worker.send(("last", len(got[0])))

    thread = threading.Thread(target=serve)
    thread.start()
    parent.send(("chunk",), body)
    assert parent.is_sending
    heard: list[tuple[Message, bytes]] = []
    while len(heard) < 2:
        readable, writable, _ = select.select([parent], [parent] if parent.is_sending else [], [], 20)
        assert readable or writable
        if writable:
            parent.flush()
        if readable:
            heard += [(message, bytes(each)) for message, each in parent.receive()]
    thread.join(20)
    assert heard == [(("first",), answer), (("last", LARGE), b"")]
    assert got == [body]


def test_many_small_frames_keep_their_order(ends: tuple[ParentEnd, WorkerEnd]) -> None:
    """More of them than fit into the buffer at once, so that one of them lies across its end."""
    parent, worker = ends
    sent = [((number, "x" * (number % 97)), b"y" * (number % 89)) for number in range(5000)]
    thread = threading.Thread(target=lambda: [worker.send(*each) for each in sent])
    thread.start()
    assert hear(parent, len(sent)) == sent
    thread.join(20)


def test_a_small_frame_goes_out_in_one_piece() -> None:
    """Two calls would wake the other end twice; a large body is not copied."""
    assert len(frame(("chunk",))) == 1
    assert len(frame(("chunk",), b"x" * JOINED_BYTES)) == 1
    large = b"x" * (JOINED_BYTES + 1)
    assert frame(("chunk",), large)[1] is large


def test_a_large_frame_between_small_ones(ends: tuple[ParentEnd, WorkerEnd]) -> None:
    """The buffer grows for one frame and is small again behind it."""
    parent, worker = ends
    sent = [(("small", number), b"s" * 10) for number in range(3)]
    sent.insert(1, (("large",), os.urandom(LARGE)))
    sent *= 3
    thread = threading.Thread(target=lambda: [worker.send(*each) for each in sent])
    thread.start()
    assert hear(parent, len(sent)) == sent
    thread.join(20)
    worker.send(("more",))
    assert hear(parent, 1) == [(("more",), b"")]
    assert len(parent._inflow._buffer) == READ_BYTES


@pytest.mark.parametrize("size", [0, 1, 5000])
def test_a_frame_that_comes_byte_by_byte_is_whole(size: int) -> None:
    """Wherever a read ends, in the header, the message or the body: nothing is heard before all is there."""
    mine, its = socket.socketpair()
    parent = ParentEnd(mine)
    body = os.urandom(size)
    whole = b"".join(bytes(part) for part in frame(("said", "x"), body))
    heard: list[tuple[Message, bytes]] = []
    for place in range(len(whole)):
        assert heard == []
        its.sendall(whole[place : place + 1])
        heard += [(message, bytes(each)) for message, each in parent.receive()]
    assert heard == [(("said", "x"), body)]
    parent.close()
    its.close()


def test_nothing_there_is_not_the_end(ends: tuple[ParentEnd, WorkerEnd]) -> None:
    """The parent's end does not wait, and knows an empty channel from a closed one."""
    parent, worker = ends
    assert (list(parent.receive()), parent.closed) == ([], False)
    worker.send(("last",))
    worker.close()
    assert [message for message, _ in parent.drain()] == [("last",)]
    assert parent.closed


def test_the_worker_is_told_that_its_parent_is_gone(ends: tuple[ParentEnd, WorkerEnd]) -> None:
    """Also in the middle of a frame."""
    parent, worker = ends
    parent.send(("whole",))
    parent._socket.send(HEADER.pack(100, 0) + b"half")
    parent.close()
    assert worker.receive()[0] == ("whole",)
    with pytest.raises(EOFError):
        worker.receive()


def test_sending_to_a_worker_that_is_gone_says_nothing(ends: tuple[ParentEnd, WorkerEnd]) -> None:
    """Its death is noticed by reading; what was to be sent is let go."""
    parent, worker = ends
    worker.close()
    parent.send(("chunk",), b"x" * LARGE)
    assert not parent.is_sending
    assert list(parent.receive()) == []
    assert parent.closed


def test_one_message_is_read_and_not_a_byte_more() -> None:
    """What follows on a nursery's socket is no frame."""
    mine, its = socket.socketpair()
    with mine, its:
        mine.sendall(b"".join(bytes(part) for part in frame(("job", 1))) + b"rest")
        assert receive_exactly(its) == ("job", 1)
        assert its.recv(100) == b"rest"
