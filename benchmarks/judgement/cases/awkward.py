"""What breaks habits: functions and results that cannot be pickled, side effects, threads and programs inside.

A function that changes its own process (``remember``) is right only where it is run in this process; the check looks
at what it has left behind, so that a way which runs it elsewhere is told as wrong.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.judgement.case import Case
from benchmarks.judgement.cases.spinning import milliseconds

SEEN: list[int] = []
CALLS = "calls"


def remember(item: int) -> None:
    """Wait for 5 ms and keep the item in a list of this module."""
    time.sleep(0.005)
    SEEN.append(item)


def remember_quickly(item: int) -> None:
    """Keep the item in a list of this module."""
    SEEN.append(item)


def all_remembered(results: list[None]) -> str:
    """Look whether each item is in this process's list, once."""
    return "" if sorted(SEEN) == list(range(len(results))) else f"{len(SEEN)} items remembered of {len(results)}"


def note_call() -> None:
    """Write a byte at the end of a file, in one step, from whatever process."""
    file = os.open(CALLS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, b".")
    os.close(file)


def counted_wait(item: int) -> int:
    """Wait for 10 ms; the call is counted."""
    note_call()
    time.sleep(0.01)
    return item


def counted_computing(item: int) -> int:
    """Compute for 3 ms; the call is counted."""
    note_call()
    return milliseconds(3, item)


def called_once_each(results: list[int]) -> str:
    """Look whether there were as many calls as items."""
    calls = Path(CALLS).stat().st_size
    return "" if calls == len(results) else f"{calls} calls for {len(results)} items"


def make_adder() -> Any:
    """Give a closure."""
    offset = 7

    def add(item: int) -> int:
        return milliseconds(2, item) + offset

    return add


def make_lock(item: int) -> Any:
    """Compute for 2 ms, and give what cannot be pickled."""
    milliseconds(2, item)
    return threading.Lock()


def make_generator(item: int) -> Iterator[int]:
    """Wait for 10 ms, and give a generator."""
    time.sleep(0.01)
    return (item + n for n in range(3))


def locks(count: int) -> list[Any]:
    """Give items that cannot be pickled."""
    return [threading.Lock() for _ in range(count)]


def crunch_with(lock: Any) -> int:
    """Compute for 3 ms with an item that cannot be pickled."""
    with lock:
        return milliseconds(3, 1)


def nap(item: int) -> int:
    """Wait for 10 ms."""
    time.sleep(0.01)
    return item


def four_inside(item: int) -> int:
    """Wait in four threads of its own."""
    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(nap, range(item, item + 4)))


def program_inside(item: int) -> int:
    """Wait for a program, then compute for 2 ms."""
    subprocess.run(["/bin/sleep", "0.01"], check=True)
    return milliseconds(2, item)


def processes_inside(item: int) -> int:
    """Compute in two processes of its own, as a library may do."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        return sum(pool.map(crunch_10ms, (item, item + 1)))


def crunch_10ms(item: int) -> int:
    """Compute for 10 ms."""
    return milliseconds(10, item)


class Model:
    """An object whose method is mapped."""

    def __init__(self, weights: list[float]) -> None:
        """Keep the weights."""
        self.weights = weights

    def score(self, item: int) -> float:
        """Compute for 1 ms or so."""
        return sum(weight * item for weight in self.weights)


def type_name(_: object) -> str:
    """Give the same for all results that cannot be compared."""
    return "one"


CASES = (
    Case(name="side effects, waiting", function=remember, count=100, check=all_remembered),
    Case(name="side effects, tiny", function=remember_quickly, count=50_000, check=all_remembered),
    Case(name="counted calls, waiting", function=counted_wait, count=300, check=called_once_each),
    Case(name="counted calls, computing", function=counted_computing, count=150, check=called_once_each),
    Case(name="a lambda", function=lambda item: milliseconds(3, item), count=150),
    Case(name="a closure", function=make_adder(), count=200),
    Case(name="a method", function=Model([0.5] * 20_000).score, count=400),
    Case(name="results that cannot be pickled, computing", function=make_lock, count=150, plain=type_name),
    Case(name="results that cannot be pickled, waiting", function=make_generator, count=150, plain=list),
    Case(name="items that cannot be pickled", function=crunch_with, items=locks, count=120),
    Case(name="threads inside", function=four_inside, count=100),
    Case(name="processes inside", function=processes_inside, count=15),
    Case(name="a program inside", function=program_inside, count=80),
)
