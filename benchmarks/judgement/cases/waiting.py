"""Work that waits: for a clock, for another program, for its turn."""

from __future__ import annotations

import fcntl
import functools
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from benchmarks.judgement.case import Case, folder
from benchmarks.judgement.cases.spinning import milliseconds

LOCK, LOGIN = threading.Lock(), threading.Lock()
OF_THREAD = threading.local()
GATE = threading.Semaphore(4)


def nap_2ms(item: int) -> int:
    """Wait for 2 ms."""
    time.sleep(0.002)
    return item + 1


def nap_20ms(item: int) -> int:
    """Wait for 20 ms."""
    time.sleep(0.02)
    return item + 1


def nap_100ms(item: int) -> int:
    """Wait for 100 ms."""
    time.sleep(0.1)
    return item + 1


def nap_1s(item: int) -> int:
    """Wait for a second."""
    time.sleep(1)
    return item + 1


def nap_for(seconds: float) -> float:
    """Wait for as long as the item says."""
    time.sleep(seconds)
    return seconds


def heavy_tailed(count: int) -> list[float]:
    """Give waits of 5 ms and more, a few of them much longer."""
    numbers = random.Random(41)
    return [min(0.4, 0.005 * numbers.paretovariate(1.3)) for _ in range(count)]


def run_true(item: int) -> int:
    """Run the smallest program."""
    return subprocess.run(["/bin/true"], check=False).returncode + item


def run_python(item: int) -> str:
    """Run a Python script that prints something."""
    command = [sys.executable, "-I", "-S", "-c", f"print({item} ** 2)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def run_sleep(item: int) -> int:
    """Run a program that waits."""
    return subprocess.run(["/bin/sleep", "0.08"], check=False).returncode + item


def nap_in_turn(item: int) -> int:
    """Wait for 4 ms behind a lock of this process: a device that one thread may talk to."""
    with LOCK:
        time.sleep(0.004)
    return item


def nap_in_turn_of_all(item: int) -> int:
    """Wait for 4 ms behind a lock that holds for all processes: nothing is faster than the loop."""
    with Path(folder(), "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        time.sleep(0.004)
    return item


def nap_four_at_once(item: int) -> int:
    """Wait for 10 ms, in this process at most four at once: a pool of connections."""
    with GATE:
        time.sleep(0.01)
    return item


def wait_5_compute_5(item: int) -> int:
    """Wait for 5 ms and compute for 5 ms."""
    time.sleep(0.005)
    return milliseconds(5, item)


def wait_20_compute_2(item: int) -> int:
    """Wait for 20 ms and compute for 2 ms."""
    time.sleep(0.02)
    return milliseconds(2, item)


def wait_50_compute_1(item: int) -> int:
    """Wait for 50 ms, in two pieces, and compute for 1 ms between them."""
    time.sleep(0.025)
    value = milliseconds(1, item)
    time.sleep(0.025)
    return value


def ask_own_connection(item: int) -> int:
    """Wait for 10 ms for an answer on this thread's connection, which takes 50 ms to make when it is first used."""
    if not getattr(OF_THREAD, "connected", False):
        time.sleep(0.05)
        OF_THREAD.connected = True
    time.sleep(0.01)
    return item


@functools.cache
def log_in() -> int:
    """Take 150 ms to log in, once."""
    time.sleep(0.15)
    return 1


def ask_after_login(item: int) -> int:
    """Wait for 10 ms; the first call logs in before, and the others wait for it."""
    with LOGIN:
        one = log_in()
    time.sleep(0.01)
    return item + one


class Limiter:
    """Gives out a slot every 3 ms, as the terms of a service ask."""

    def __init__(self, every_s: float) -> None:
        """Begin with a free slot."""
        self._every_s = every_s
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for a slot."""
        with self._lock:
            at = max(self._next, time.monotonic())
            self._next = at + self._every_s
        time.sleep(max(0.0, at - time.monotonic()))


LIMITER = Limiter(0.003)


def ask_politely(item: int) -> int:
    """Wait for a slot of this process, then for 30 ms for the answer."""
    LIMITER.wait()
    time.sleep(0.03)
    return item


CASES = (
    Case(name="sleep 2 ms", function=nap_2ms, count=1500),
    Case(name="sleep 20 ms", function=nap_20ms, count=300),
    Case(name="sleep 100 ms", function=nap_100ms, count=100),
    Case(name="sleep 100 ms, 3 items", function=nap_100ms, count=3),
    Case(name="sleep 100 ms, 1 item", function=nap_100ms, count=1),
    Case(name="sleep 1 s, 8 items", function=nap_1s, count=8),
    Case(name="sleep, heavy-tailed", function=nap_for, items=heavy_tailed, count=300),
    Case(name="run /bin/true", function=run_true, count=150),
    Case(name="run a Python script", function=run_python, count=40),
    Case(name="run a program that waits", function=run_sleep, count=40),
    Case(name="wait behind a lock", function=nap_in_turn, count=60),
    Case(name="wait behind a lock of all", function=nap_in_turn_of_all, count=60),
    Case(name="wait, four at once", function=nap_four_at_once, count=80),
    Case(name="a connection for each thread", function=ask_own_connection, count=200),
    Case(name="first call logs in", function=ask_after_login, count=200),
    Case(name="a client that limits its rate", function=ask_politely, count=120),
    Case(name="wait 5 ms, compute 5 ms", function=wait_5_compute_5, count=80),
    Case(name="wait 20 ms, compute 2 ms", function=wait_20_compute_2, count=200),
    Case(name="wait 50 ms, compute 1 ms", function=wait_50_compute_1, count=200),
)
