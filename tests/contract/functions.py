"""The functions under test: importable, since worker processes of forkserver and spawn import them by name."""

from __future__ import annotations

import asyncio
import functools
import io
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import HTTPError

from poolwise.work.streams import mix

released = threading.Event()
"""Ends what ``linger`` waits for in threads of this process, so that no test leaves a thread behind for long."""

# --- Plain work ----------------------------------------------------------------------------------------------


def double(item):
    """Give twice the item."""
    return item * 2


def add(*numbers):
    """Add all arguments."""
    return sum(numbers)


def echo(item):
    """Give the item back."""
    return item


def note(path: Path, item):
    """Leave a line, whatever the process; a short append is one write and cannot be torn."""
    descriptor = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(descriptor, f"{item}\n".encode())
    os.close(descriptor)


def noted(path: Path, item):
    """Give the item back, and leave a line."""
    note(path, item)
    return item


def lines(path: Path) -> list[str]:
    """Read what was noted."""
    return path.read_text().splitlines() if path.exists() else []


class Counter:
    """A callable object with a bound method."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self, item):
        return item + self.step

    def times(self, item):
        return item * self.step

    @classmethod
    def made(cls, item):
        return cls(item).step

    @staticmethod
    def negative(item):
        return -item


# --- Failures ------------------------------------------------------------------------------------------------


class TwoArgumentsError(Exception):
    """Wants more than it keeps: pickle cannot make it again."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} because of {why}")


class LockedError(Exception):
    """Holds what cannot be pickled."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


@dataclass(frozen=True)
class FrozenError(Exception):
    """Refuses every change, notes and causes included."""

    code: int


class MuteError(Exception):
    """Cannot be shown, nor pickled."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class OwnBaseError(BaseException):
    """Not an Exception."""


def fail_on(bad: frozenset, item):
    """Fail on some items."""
    if item in bad:
        raise ValueError("bad item", item)
    return item


def fail_first(folder: Path, times: int, item):
    """Fail the first so many times that the item is seen."""
    path = folder / f"item-{item}"
    note(path, item)
    if len(lines(path)) <= times:
        # An error of the function's own: one that looks like a service's would be waited for.
        raise LookupError("not yet", item)
    return item


def fail_on_noted(path: Path, bad: frozenset, item):
    """Leave a line, and fail on some items."""
    note(path, item)
    return fail_on(bad, item)


def fail_once_on(folder: Path, bad: frozenset, item):
    """Leave a line, and fail on some items the first time that they are seen."""
    note(folder / "notes", item)
    if item in bad and not (folder / f"seen-{item}").exists():
        note(folder / f"seen-{item}", item)
        raise ValueError("bad item", item)
    return item


class BusyError(Exception):
    """A service that asks to be left alone for a moment."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


def busy_first(folder: Path, times: int, item):
    """Be too busy the first so many times that the item is seen."""
    path = folder / f"item-{item}"
    note(path, item)
    if len(lines(path)) <= times:
        raise BusyError(0.05)
    return item


def down_first(path: Path, times: int, item):
    """Be down for the first so many calls, whatever the item."""
    note(path, item)
    if len(lines(path)) <= times:
        raise ConnectionError("down", item)
    return item


def refuse_first(folder: Path, item):
    """Raise as urllib does, the first time that the item is seen: an error that no process can send."""
    path = folder / f"item-{item}"
    note(path, item)
    if len(lines(path)) == 1:
        headers = Message()
        headers["Retry-After"] = "0.05"
        # An open answer cannot be pickled.
        raise HTTPError("http://here/", 503, "busy", headers, io.BufferedReader(io.BytesIO()))
    return item


def fail(item):
    """Fail on every item."""
    raise ValueError(item)


def fail_odd(item):
    """Fail on every other item."""
    if item % 2:
        raise ValueError(item)
    return item


def fail_by(how: Callable[[], Any], bad: int, item):
    """Do something bad on one item."""
    if item == bad:
        return how()
    return item


def raise_two_arguments() -> NoReturn:
    """Raise what pickle cannot make again."""
    raise TwoArgumentsError("a failure", "a reason")


def raise_locked() -> NoReturn:
    """Raise what cannot be pickled."""
    raise LockedError("it holds a lock")


def raise_frozen() -> NoReturn:
    """Raise what cannot be changed."""
    raise FrozenError(42)


def raise_mute() -> NoReturn:
    """Raise what cannot be shown."""
    raise MuteError


def raise_keyboard_interrupt() -> NoReturn:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


def raise_stop_iteration() -> NoReturn:
    """Raise what ends an iterator."""
    raise StopIteration("stop")


def raise_generator_exit() -> NoReturn:
    """Raise what ends a generator."""
    raise GeneratorExit("exit")


def raise_own_base() -> NoReturn:
    """Raise what is no Exception."""
    raise OwnBaseError("base")


def raise_cancelled() -> NoReturn:
    """Raise what ends a task."""
    raise asyncio.CancelledError("cancelled")


def leave() -> NoReturn:
    """Exit."""
    sys.exit(3)


# --- What cannot travel --------------------------------------------------------------------------------------


def refuse(*_: object) -> NoReturn:
    """Fail, in the middle of unpickling."""
    raise TypeError("made to fail when it is unpickled")


class Unloadable:
    """Pickles, and fails when it is unpickled."""

    def __reduce__(self):
        return refuse, ()


class Deadly:
    """Pickles, and ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (9,)


class DeadlyResult:
    """Ends the process that pickles it."""

    def __reduce__(self):
        os._exit(9)


class Unshowable:
    """Has no repr."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


def make_lock():
    """Give what cannot be pickled."""
    return threading.Lock()


def make_generator() -> Iterator[int]:
    """Give what cannot be pickled."""
    return (number for number in range(3))


def make_deadly_result() -> DeadlyResult:
    """Give what kills whoever pickles it."""
    return DeadlyResult()


def make_unloadable() -> Unloadable:
    """Give what cannot be unpickled."""
    return Unloadable()


def kind(item) -> str:
    """Name the item's type."""
    return type(item).__name__


# --- Late and dead -------------------------------------------------------------------------------------------


def linger(seconds: float, slow: frozenset, item):
    """Wait long on some items."""
    if item in slow:
        released.wait(seconds)
    return item


async def linger_async(seconds: float, slow: frozenset, item):
    """Wait long on some items, and let the event loop go on."""
    end = time.monotonic() + (seconds if item in slow else 0)
    while time.monotonic() < end and not released.is_set():  # noqa: ASYNC110 - a threading.Event: no loop can await it
        await asyncio.sleep(0.01)
    return item


def note_and_linger(path: Path, seconds: float, slow: frozenset, item):
    """Leave a line, then linger."""
    note(path, item)
    return linger(seconds, slow, item)


async def note_and_linger_async(path: Path, seconds: float, slow: frozenset, item):
    """Leave a line, then linger."""
    note(path, item)
    return await linger_async(seconds, slow, item)


def spin(seconds: float, slow: frozenset, item):
    """Compute for long on some items."""
    end = time.monotonic() + (seconds if item in slow else 0)
    while time.monotonic() < end:
        pass
    return item


def die_on(how: Callable[[], Any], bad: frozenset, item):
    """End the process on some items."""
    if item in bad:
        how()
    return item


def die_once(folder: Path, how: Callable[[], Any], bad: frozenset, item):
    """End the process the first time that one of some items is seen."""
    marker = folder / f"died-on-{item}"
    if item in bad and not marker.exists():
        marker.touch()
        how()
    return item


def kill_self() -> None:
    """Die as by the OOM killer."""
    os.kill(os.getpid(), signal.SIGKILL)


def exit_7() -> NoReturn:
    """Die as by a C library's exit."""
    os._exit(7)


# --- Initializers --------------------------------------------------------------------------------------------

initialized: list[Any] = []


def initialize(path: Path, value) -> None:
    """Leave a line, and something for ``see_initialized``."""
    note(path, f"{os.getpid()} {threading.get_ident()}")
    initialized.append(value)


def see_initialized(item):
    """Give what the initializer left, and the item."""
    return initialized[-1], item


def initialize_badly() -> NoReturn:
    """Fail."""
    raise LookupError("no such database")


# --- Coroutine twins -----------------------------------------------------------------------------------------


async def await_it(function: Callable[..., Any], *arguments):
    """Make a coroutine of any function."""
    await asyncio.sleep(0)
    return function(*arguments)


def note_visit(path: Path, item):
    """Note begin and end of a visit; what is written to the end of a file in one go stays together."""
    _note_time(path, "begin", item)
    time.sleep(0.003)
    _note_time(path, "end", item)
    return item * item


async def note_visit_async(path: Path, item):
    """Do as ``note_visit`` does."""
    _note_time(path, "begin", item)
    await asyncio.sleep(0.003)
    _note_time(path, "end", item)
    return item * item


def _note_time(path: Path, what: str, item) -> None:
    with path.open("a") as file:
        file.write(f"{what} {item} {time.monotonic()}\n")


TWINS = {linger: linger_async, note_and_linger: note_and_linger_async, note_visit: note_visit_async}


def coroutine_twin(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the coroutine function that does the same."""
    if isinstance(function, functools.partial) and function.func in TWINS:
        return functools.partial(TWINS[function.func], *function.args)
    return functools.partial(await_it, function)


# --- What surrounds the function -----------------------------------------------------------------------------

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


def draw(item):
    """Draw, and let others draw in between."""
    first = random.random()
    time.sleep(0.001)
    return first, random.gauss(0, 1), random.getrandbits(32)


def expected_draws(seed, count):
    """Give what ``draw`` gives with a seed, from generators made by hand as the reference says."""
    alone = [random.Random(mix(seed, index)[0]) for index in range(count)]
    return [(rng.random(), rng.gauss(0, 1), rng.getrandbits(32)) for rng in alone]


def draw_at_second_try(folder: Path, item):
    """Draw, and fail the first time."""
    drawn = draw(item)
    path = folder / str(item)
    if not path.exists():
        note(path, item)
        raise LookupError(item)
    return drawn


def read_tenant(item):
    """Read a context variable."""
    return tenant.get()


def print_both(item):
    """Print a line to each stream."""
    print("out", item)
    print("err", item, file=sys.stderr)
    return item


def held_back(_item: int) -> list[str]:
    """Name the signals that this thread holds back."""
    return sorted(signal.Signals(each).name for each in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
