"""What threads wait for, as the kernel sees real ones."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable

import pytest

from poolwise.measure.locks import FUTEX, Asleep, asleep, waits_alone

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine not in FUTEX, reason="the kernel does not tell"
)
PATIENCE_S = 10.0
NAP_S = 0.2


class Cast:
    """Threads that each wait for something, until the scene is over."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()
        self.mine, self.its = socket.socketpair()
        self.threads: list[threading.Thread] = []
        self.over = False

    def sleep(self) -> None:
        """Sleep by the clock until the scene is over."""
        while not self.over:
            time.sleep(NAP_S)

    def play(self, part: Callable[[], object]) -> int:
        """Start one, and give its number."""
        thread = threading.Thread(target=part, daemon=True)
        thread.start()
        self.threads.append(thread)
        assert thread.native_id is not None
        return thread.native_id

    def end(self) -> None:
        """Send all home: who stays keeps every later test of this process from forking."""
        self.over = True
        self.lock.release()
        self.mine.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        self.mine.close()
        self.its.close()


@pytest.fixture
def cast() -> Cast:
    """Make a cast."""
    cast = Cast()
    yield cast
    cast.end()


def shares(native_ids: list[int], wanted: Asleep) -> Asleep | None:
    """Look until it is as wanted: a thread that was just started is on its way yet."""
    deadline = time.monotonic() + PATIENCE_S
    while (now := asleep(native_ids)) != wanted and time.monotonic() < deadline:
        time.sleep(0.001)
    return now


def test_who_waits_for_a_lock_is_told_from_who_waits_for_the_world(cast: Cast) -> None:
    """Two stand in line at a lock, one sleeps, one reads from a socket."""

    def stand_in_line() -> None:
        with cast.lock:
            pass

    parts = (stand_in_line, stand_in_line, cast.sleep, lambda: cast.its.recv(1))
    wanted = Asleep(locked=0.5, away=0.5, running=0.0)
    assert shares([cast.play(part) for part in parts], wanted) == wanted


def test_who_computes_does_not_sleep(cast: Cast) -> None:
    """Without the GIL, so that it need not wait for that."""
    wanted = Asleep(locked=0.0, away=0.0, running=1.0)
    computing = cast.play(lambda: hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000))
    assert shares([computing], wanted) == wanted


def test_nobody_is_no_news(cast: Cast) -> None:
    """Without threads there are no shares; one that is gone is not known to sleep."""
    assert asleep([]) is None
    assert cast.threads == []


def test_a_clock_is_nobody_else_and_a_socket_is(cast: Cast) -> None:
    """Who sleeps asks nobody for anything."""
    sleeper, reader = cast.play(cast.sleep), cast.play(lambda: cast.its.recv(1))
    wanted = Asleep(locked=0.0, away=1.0, running=0.0)
    assert shares([sleeper, reader], wanted) == wanted
    assert (waits_alone(sleeper), waits_alone(reader)) == (True, False)
