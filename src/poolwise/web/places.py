"""A directory that somebody else may write into as well, and what may be done below it: no step follows a link.

A folder of downloads is often shared. Whoever can write there may plant a symbolic link where a host's folder or a file
will be, so that an unsuspecting program writes outside. Checking first and opening then leaves a moment between. So on
POSIX each step is taken from the open folder before it (``openat`` with ``O_NOFOLLOW``); on Windows, where this does
not exist and making links takes a privilege, each folder is looked at. The directory itself may be a link: it is named
by the caller. A folder that is open stays open for a moment (``opened.py``).

Bodies grow in a folder of the run's own, ``.part-…``, and move to their names when they are whole. Their names would do
as well while all goes well; but what a killed run has left can be found here without looking through millions of files.
The folder is locked for as long as its run lives, so that the next run knows what is left over.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal, Protocol

from poolwise.web.opened import OpenFolders

PARTS: Final = ".part-"
# Nobody but their owner sees pages before they are whole; the files themselves have what the umask says.
PRIVATE: Final = 0o700


class Places(Protocol):
    """What files need of a directory; names are relative to it, with ``/`` between. Each raises OSError."""

    def create(self, part: str) -> int:
        """Open a new file for a body that grows."""
        ...

    def place(self, part: str, name: str) -> None:
        """Give a body that is whole its name; a file that had it is replaced."""

    def drop(self, part: str) -> None:
        """Remove a body that will not become whole."""

    def size(self, name: str) -> int | None:
        """Give the bytes of a file; None where there is none."""
        ...

    def close(self) -> None:
        """Remove what is left of this run's growing bodies."""


def open_places(directory: Path) -> Places:
    """Open a directory, which is made where it is missing; what runs that were killed have left there is removed."""
    directory.mkdir(parents=True, exist_ok=True)
    by_descriptor = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW") and hasattr(os, "O_DIRECTORY")
    return ByDescriptor(directory) if by_descriptor else ByPath(directory)


class ByDescriptor:
    """Each step from the open folder before it (POSIX)."""

    def __init__(self, directory: Path) -> None:
        """Open the directory and make the folder for what grows."""
        self._root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._open = OpenFolders(self._make_way)
        try:
            self._sweep()
            self._name, self._parts = self._make_parts()
        except BaseException:
            os.close(self._root)
            raise

    def _make_parts(self) -> tuple[str, int]:
        """Make the folder and lock it; again, where another run took it for left over before it was locked."""
        while True:
            name = PARTS + secrets.token_hex(4)
            os.mkdir(name, PRIVATE, dir_fd=self._root)
            with contextlib.suppress(FileNotFoundError):
                parts = self._enter(self._root, name)
                if _lock(parts) != "taken" and _is_there(name, self._root):
                    return name, parts
                os.close(parts)

    def create(self, part: str) -> int:
        """See Places."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(part, flags, 0o666, dir_fd=self._parts)

    def place(self, part: str, name: str) -> None:
        """See Places."""
        above, _, last = name.rpartition("/")
        try:
            os.replace(part, last, src_dir_fd=self._parts, dst_dir_fd=self._open.get(above))
        except FileNotFoundError:
            # Somebody has removed the folder while it was open; it is made anew.
            self._open.forget(above)
            os.replace(part, last, src_dir_fd=self._parts, dst_dir_fd=self._open.get(above))

    def drop(self, part: str) -> None:
        """See Places."""
        os.unlink(part, dir_fd=self._parts)

    def size(self, name: str) -> int | None:
        """See Places."""
        *folders, last = name.split("/")
        try:
            with self._walk(folders, make=False) as parent:
                found = os.stat(last, dir_fd=parent, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def close(self) -> None:
        """See Places."""
        self._open.close()
        with contextlib.suppress(OSError):
            _empty(self._parts)
            os.rmdir(self._name, dir_fd=self._root)
        os.close(self._parts)
        os.close(self._root)

    def _make_way(self, above: str) -> int:
        """Open a folder; it and those above it are made where they are missing."""
        with self._walk(above.split("/") if above else [], make=True) as parent:
            return os.dup(parent)

    @contextlib.contextmanager
    def _walk(self, folders: list[str], *, make: bool) -> Iterator[int]:
        """Go from folder to folder, and give the last one."""
        here = os.dup(self._root)
        try:
            for folder in folders:
                there = self._enter_or_make(here, folder) if make else self._enter(here, folder)
                os.close(here)
                here = there
            yield here
        finally:
            os.close(here)

    def _enter_or_make(self, parent: int, folder: str) -> int:
        try:
            return self._enter(parent, folder)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):  # somebody else was quicker
                os.mkdir(folder, dir_fd=parent)
            return self._enter(parent, folder)

    @staticmethod
    def _enter(parent: int, folder: str) -> int:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)

    def _sweep(self) -> None:
        for name in os.listdir(self._root):  # noqa: PTH208 - of an open folder
            if name.startswith(PARTS):
                # Somebody else's, or one that another run removes at this moment.
                with contextlib.suppress(OSError):
                    self._sweep_one(name)

    def _sweep_one(self, name: str) -> None:
        folder = self._enter(self._root, name)
        try:
            if _lock(folder) == "ours":
                _empty(folder)
                os.rmdir(name, dir_fd=self._root)
        finally:
            os.close(folder)


class ByPath:
    """Each folder is looked at before it is used (Windows)."""

    def __init__(self, directory: Path) -> None:
        """Make the folder for what grows."""
        self._root = directory.absolute()
        self._sweep()
        self._parts = self._root / (PARTS + secrets.token_hex(4))
        self._parts.mkdir()

    def create(self, part: str) -> int:
        """See Places."""
        self._parts.mkdir(exist_ok=True)  # between two bodies another run may have taken it for left over
        return os.open(self._parts / part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)

    def place(self, part: str, name: str) -> None:
        """See Places."""
        *folders, last = name.split("/")
        here = self._root
        for folder in folders:
            here /= folder
            here.mkdir(exist_ok=True)
            if _is_link(here):
                raise NotADirectoryError(20, "a link stands where a folder has to be", str(here))
        (self._parts / part).replace(here / last)

    def drop(self, part: str) -> None:
        """See Places."""
        (self._parts / part).unlink()

    def size(self, name: str) -> int | None:
        """See Places."""
        here = self._root
        for folder in name.split("/"):
            here /= folder
            if _is_link(here):
                return None
        return here.stat().st_size if here.is_file() else None

    def close(self) -> None:
        """See Places."""
        self._remove(self._parts)

    def _sweep(self) -> None:
        for folder in self._root.glob(f"{PARTS}*"):
            if not _is_link(folder):
                self._remove(folder)

    @staticmethod
    def _remove(folder: Path) -> None:
        """Remove it with its files; Windows refuses those that are open, which are a living run's."""
        with contextlib.suppress(OSError):
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()


def _is_link(path: Path) -> bool:
    # Junctions are known since Python 3.12; before that, is_symlink sees symbolic links alone.
    is_junction: Callable[[], bool] | None = getattr(path, "is_junction", None)
    return path.is_symlink() or (is_junction is not None and is_junction())


def _empty(folder: int) -> None:
    for name in os.listdir(folder):
        os.unlink(name, dir_fd=folder)


def _is_there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _lock(folder: int) -> Literal["ours", "taken", "unknown"]:
    """Lock an open folder until it is closed; a living run may have it, and some file systems know no locks."""
    import fcntl  # noqa: PLC0415 - POSIX only, as is who calls this

    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "taken"
    except OSError:
        return "unknown"
    return "ours"
