"""A process beside this one that watches it and its descendants: their memory, and the CPU of those that still live.

A process and not a thread: a second thread here would forbid the fork of workers, and it would take the GIL from who
computes. It is nobody's child (``watching.py``), so that the program that is measured does not meet it, and it ends
when its pipe closes or the watched process ends, by SIGKILL too.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from poolwise.model.units import Bytes, Seconds
from poolwise.work.executable import python

if TYPE_CHECKING:
    import subprocess

# Without ``site`` and the user's environment it is there in some 20 ms; it gets the path to us, and to psutil.
_START = (
    "import sys; sys.path[:0] = sys.argv[4:]; from poolwise.measure.watching import main; "
    "main(int(sys.argv[1]), sys.argv[2] == 'root', [int(each) for each in sys.argv[3].split()])"
)


class Seen(NamedTuple):
    """What was seen of the descendants up to now, and of the memory of all since a stretch began."""

    live_s: Seconds
    """CPU of those that live, and of those that they have waited for."""
    lost_s: Seconds
    """CPU of those that have ended and nobody waited for, as last seen."""
    queued_s: Seconds
    """Time for which threads of all of them were ready and had no core, those of this process included."""
    peak_bytes: Bytes
    voluntary: int
    involuntary: int


class Watcher:
    """One process that watches, for many stretches of time, at once or one after the other; threads may share it.

    Use it as a context manager, or ``close`` it; where it cannot be started, or was ended by somebody, ``ask`` gives
    None and nothing else is different.
    """

    def __init__(self, *, with_root: bool = True, leave_out: Sequence[int] = ()) -> None:
        """Start it, and wait until it is there: some 20 ms.

        ``with_root``: memory of this process counts too. ``leave_out``: processes below it that do not count, nor what
        is below them.
        """
        self.with_root = with_root
        self.leave_out = tuple(leave_out)
        self.pid: int | None = None
        self._home = os.getpid()
        self._lock = threading.Lock()
        self._serials = itertools.count(1)
        self._buffer = b""
        self._process = _start(with_root, self.leave_out)
        if self._process is not None:
            self.pid = self._first_word()
            if os.name == "posix":
                # What we have started has only forked the watcher. Its end is not the watcher's.
                self._process.wait()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()

    @property
    def is_here(self) -> bool:
        """Whether it can be asked: it runs, and this is the process that has started it, not a fork of that."""
        return self.pid is not None and os.getpid() == self._home

    def new_stretch(self) -> int:
        """Give a name for a new stretch."""
        return next(self._serials)

    def ask(self, verb: str, stretch: int) -> Seen | None:
        """Tell of a stretch that it begins ("begin"), lasts ("look") or ends ("end"), and hear what was seen.

        None: there is nobody to ask.
        """
        if not self.is_here:
            return None
        with self._lock:
            serial = str(next(self._serials))
            try:
                self._write(f"{serial} {verb} {stretch}\n".encode())
                while line := self._line():
                    # Another serial: the answer to a request that a Ctrl-C has cut short.
                    number, *values = line.split()
                    if number == serial:
                        live_s, lost_s, queued_s, *counts = values
                        return Seen(float(live_s), float(lost_s), float(queued_s), *map(int, counts))
            except (OSError, ValueError):
                # Somebody has ended it.
                pass
            self.pid = None
        return None

    def close(self) -> None:
        """Let it end; again, nothing happens."""
        self.pid = None
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if os.getpid() == self._home:
            process.wait()

    def _first_word(self) -> int | None:
        try:
            return int(self._line())
        except (OSError, ValueError):
            return None

    def _write(self, line: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            os.write(self._process.stdin.fileno(), line)

    def _line(self) -> str:
        """Give the next line, or nothing where there is none to come. Our own buffer: a Ctrl-C must not lose half."""
        if self._process is None or self._process.stdout is None:
            return ""
        while b"\n" not in self._buffer:
            more = os.read(self._process.stdout.fileno(), 4096)
            if not more:
                return ""
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode("ascii")


_shared: Watcher | None = None
_sharing = threading.Lock()


def shared_watcher() -> Watcher:
    """Give the one that all timers of this process share; the first to ask starts it, and it stays to the end."""
    global _shared
    with _sharing:
        if _shared is None or not _shared.is_here:
            before, _shared = _shared, Watcher()
            if before is not None:
                before.close()
        return _shared


@atexit.register
def _close_shared() -> None:
    if _shared is not None:
        _shared.close()


if hasattr(os, "register_at_fork"):
    # Another thread may have held it while this one forked.
    os.register_at_fork(after_in_child=lambda: globals().update(_sharing=threading.Lock()))


def _start(with_root: bool, leave_out: Sequence[int]) -> subprocess.Popen[bytes] | None:  # noqa: FBT001 - as Watcher has it
    """Start the process; None where there is no interpreter to start, or no process to be had."""
    import subprocess  # noqa: PLC0415 - it takes 5 ms, and only who measures needs it

    executable = python()
    if executable is None:
        return None
    paths = [os.path.dirname(os.path.dirname(os.path.dirname(__file__)))]  # noqa: PTH120 - pathlib takes 4 ms
    if sys.platform != "linux":
        import psutil  # noqa: PLC0415 - Linux does without

        paths.append(os.path.dirname(os.path.dirname(psutil.__file__)))  # noqa: PTH120 - see above
    # "poolwise-worker": our package imports only what is asked for.
    command = [executable, "-S", "-I", "-X", "poolwise-worker", "-c", _START, str(os.getpid())]
    command += ["root" if with_root else "children", " ".join(map(str, leave_out)), *paths]
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and code
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is not for it
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError:
        return None
