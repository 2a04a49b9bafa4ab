"""What other threads of this process compute, before anything of the work has begun."""

from __future__ import annotations

import hashlib
import threading
import time

from poolwise.measure import cpu
from poolwise.measure.cpu import LONG_ENOUGH_S, Background

PATIENCE_S = 10.0


def hash_until(over: threading.Event) -> None:
    """Compute without the GIL."""
    while not over.is_set():
        hashlib.pbkdf2_hmac("sha256", b"", b"", 20_000)


def test_a_thread_that_computes_is_seen() -> None:
    """It keeps a good part of a core busy, whoever else there is; the thread that asks does not count."""
    over = threading.Event()
    thread = threading.Thread(target=hash_until, args=(over,))
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        cores = 0.0
        while cores < 0.3 and time.monotonic() < deadline:
            background = Background()
            time.sleep(0.02)
            cores = background.cores()
    finally:
        over.set()
        thread.join()
    assert 0.3 <= cores <= 1.5


def test_the_one_that_asks_does_not_count(monkeypatch) -> None:
    """What it computes itself is no background; a look that was too short says nothing."""
    clocks = {"perf_counter": 10.0, "process_time": 3.0, "thread_time": 2.0}
    fake = type("Clocks", (), {name: staticmethod(lambda name=name: clocks[name]) for name in clocks})
    monkeypatch.setattr(cpu, "time", fake)
    background = Background()
    clocks.update(perf_counter=10.0 + LONG_ENOUGH_S / 2, process_time=3.1)
    assert background.cores() == 0.0
    clocks.update(perf_counter=12.0, process_time=5.0, thread_time=3.0)
    assert background.cores() == 0.5


def test_another_thread_knows_nothing() -> None:
    """A generator may be resumed by another: its clock is another, too."""
    background, found = Background(), []
    time.sleep(2 * LONG_ENOUGH_S)
    thread = threading.Thread(target=lambda: found.append(background.cores()))
    thread.start()
    thread.join()
    assert found == [0.0]
