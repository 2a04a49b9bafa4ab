"""What kills or stops a worker, and what does it at each stage of a worker's life; workers import this by name."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engine.programs import wait_until

MIB = 1 << 20
CGROUP_VARIABLE = "POOLWISE_TEST_CGROUP"

# --- The kinds -----------------------------------------------------------------------------------------------


def be_killed() -> None:
    """Die as by somebody's hand."""
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    """Read where nothing is."""
    faulthandler.disable()  # pytest's own would write a page of stacks for each of these
    ctypes.string_at(0)


def leave() -> None:
    """End as a C library ends a program."""
    os._exit(7)


def exit_politely() -> None:
    """End as a script ends itself."""
    sys.exit(3)


def want_too_much() -> None:
    """Reach a limit on memory that is this process's own (ulimit -v): Python raises a MemoryError."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 16 * MIB, limits[1]))
    try:
        bytearray(256 * MIB)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def fill_the_cgroup() -> None:
    """Take more memory than the control group may have: the kernel's OOM killer ends the process."""
    (Path(os.environ[CGROUP_VARIABLE]) / "cgroup.procs").write_text(str(os.getpid()))
    # Kept, and written to: pages that nobody has touched are not there.
    hoard.extend(b"x" * (4 * MIB) for _ in range(64))


def stop() -> None:
    """Stand still until somebody says SIGCONT, which nobody does."""
    os.kill(os.getpid(), signal.SIGSTOP)


def hold_the_gil() -> None:
    """Be in C code for ever without letting the GIL go."""
    ctypes.PyDLL(None).pause()


hoard: list[bytes] = []
KINDS: dict[str, Callable[[], None]] = {
    "SIGKILL": be_killed,
    "SIGSEGV": crash,
    "os._exit": leave,
    "sys.exit": exit_politely,
    "MemoryError": want_too_much,
    "OOM killer": fill_the_cgroup,
    "SIGSTOP": stop,
    "GIL held": hold_the_gil,
}

# --- The stages ----------------------------------------------------------------------------------------------

ALWAYS, ONCE = 3, 7
"""The item that does it each time, and the one that does it the first time only."""


@dataclass(frozen=True)
class Deed:
    """A kind of death, and a folder in which it is remembered."""

    kind: str
    folder: Path
    once: bool = False

    def do(self) -> None:
        """Do it, or, where once is enough, no second time."""
        done = self.folder / "done"
        if not (self.once and done.exists()):
            done.touch()
            KINDS[self.kind]()

    def on(self, item: int) -> None:
        """Do it on the two items that it is for."""
        if item in (ALWAYS, ONCE):
            Deed(self.kind, self.folder, once=item == ONCE).do()


@dataclass
class Item:
    """Does the deed when it is unpickled, which is in the worker."""

    number: int
    deed: Deed

    def __reduce__(self) -> tuple[Any, ...]:
        return received, (self.number, self.deed)


def received(number: int, deed: Deed) -> Item:
    """Make an item again."""
    deed.on(number)
    return Item(number, deed)


@dataclass
class Result:
    """Does the deed when it is pickled, which is in the worker."""

    number: int
    deed: Deed

    def __reduce__(self) -> tuple[Any, ...]:
        self.deed.on(self.number)
        return int, (self.number,)


class Function:
    """Does the deed when it is unpickled in a worker."""

    def __init__(self, deed: Deed) -> None:
        self.deed = deed

    def __reduce__(self) -> tuple[Any, ...]:
        return loaded, (self.deed,)

    def __call__(self, item: int) -> int:
        return item


def loaded(deed: Deed) -> Function:
    """Make the function again."""
    deed.do()
    return Function(deed)


def number_of(item: Item) -> int:
    """Work on an item that had to be unpickled."""
    return item.number


def work(deed: Deed, item: int) -> int:
    """Do the deed in the function."""
    deed.on(item)
    return item


def make_result(deed: Deed, item: int) -> Result | int:
    """Give what does the deed when it is pickled."""
    return Result(item, deed) if item in (ALWAYS, ONCE) else item


def echo(item: int) -> int:
    """Give the item back."""
    return item


def pid_and(deed: Deed, item: int) -> tuple[int, int]:
    """Give the worker and the item; the first item leaves a thread behind that does the deed when it is told to."""
    if item == 0:
        threading.Thread(target=_when_told, args=(deed,), daemon=True).start()
    return os.getpid(), item


def _when_told(deed: Deed) -> None:
    wait_until((deed.folder / "now").exists, "told to do it")
    deed.do()


class DeadlyStream:
    """Does the deed when it is flushed."""

    def __init__(self, deed: Deed) -> None:
        self.deed = deed

    def write(self, text: str) -> int:
        """Swallow it."""
        return len(text)

    def flush(self) -> None:
        """Do it."""
        self.deed.do()


def end_badly(deed: Deed, item: int) -> int:
    """Put something in the way of the worker's end: it flushes its streams then."""
    sys.stdout = DeadlyStream(deed)  # type: ignore[assignment]
    return item
