"""One run at a time: a lock that dies with its process, however it dies, and that workers do not inherit.

It is a POSIX record lock on ``FILE.lock``. Those belong to a process, so that a forked worker neither holds nor
releases it; and closing *any* descriptor of the file would release it, so that this process keeps a list of what it
holds, and looks there before it opens the file a second time.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import Final

from poolwise.errors import JournalBusyError
from poolwise.model.classes import frozen

_HELD: Final[dict[str, float]] = {}
_guard = threading.Lock()


@frozen
class Holder:
    """Who uses a journal."""

    pid: int
    since: float

    def __str__(self) -> str:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} since {began}"


class Lock:
    """A journal's lock, held by this process."""

    def __init__(self, path: str, name: str) -> None:
        """Take it, or raise JournalBusyError at once."""
        self._path = f"{path}.lock"
        self._pid = os.getpid()
        with _guard:
            if self._path in _HELD:
                raise _busy(name, "this process, in another run")
            self._file = _open_locked(self._path, name)
            _HELD[self._path] = since = time.time()
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{self._pid} {since}\n".encode())

    def release(self) -> None:
        """Give it up and remove the file; a forked child has nothing to give up."""
        if self._pid != os.getpid():
            return
        with _guard, contextlib.suppress(KeyError):
            del _HELD[self._path]
            # While it is held: who opens it from now on makes a new one.
            with contextlib.suppress(OSError):
                Path(self._path).unlink()
            os.close(self._file)


def holder_of(path: str) -> Holder | None:
    """Say who uses a journal, as far as its lock's file tells; None where that process is gone."""
    if (since := _HELD.get(f"{path}.lock")) is not None:
        # Opening and closing the file would release it.
        return Holder(os.getpid(), since)
    holder = _read(f"{path}.lock")
    return holder if holder is not None and _is_alive(holder) else None


def _is_alive(holder: Holder) -> bool:
    """Tell a process that was there before the lock from a later one with its number."""
    import psutil  # noqa: PLC0415 - 10 ms, and few ask

    try:
        return psutil.Process(holder.pid).create_time() <= holder.since + 1
    except psutil.Error:
        return False


def _open_locked(path: str, name: str) -> int:
    """Open the file and lock it; again, where its last holder has removed it in between."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            _lock_or_refuse(file, path, name)
            if is_file(path, os.fstat(file)):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lock_or_refuse(file: int, path: str, name: str) -> None:
    if not _lock(file):
        raise _busy(name, str(_read(path) or "another process"))


def is_file(path: str, file: os.stat_result) -> bool:
    """Tell whether this very file is what has the name, and no other is, or none."""
    try:
        return os.path.samestat(file, Path(path).stat())
    except (FileNotFoundError, NotADirectoryError):
        return False


def _read(path: str) -> Holder | None:
    try:
        pid, since = Path(path).read_text(encoding="ascii").split()
        return Holder(int(pid), float(since))
    except (OSError, ValueError):
        return None


def _busy(name: str, by: str) -> JournalBusyError:
    return JournalBusyError(f"the journal {name} is being used by {by}; wait for its end, or name another file")


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> bool:
        try:
            # Far behind the words, which others are to read.
            os.lseek(file, 4096, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(file, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _lock(file: int) -> bool:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True


def _renew() -> None:
    """A thread may have held the guard when this process was forked, and the locks have stayed with the parent."""
    global _guard  # noqa: PLW0603 - there is one for the process
    _guard = threading.Lock()
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
