"""Bodies of pages → files: whole under their names, or not at all.

**Written in the event loop.** ``write`` puts some 64 KiB into the page cache: 35 µs in memory, 260 µs on a virtual
disk (medians of 5,000, on a busy machine). A thread would be handed it and hand back in about that time, and what it is
at could not be taken back when the request is cancelled. Where the disk is so slow that the cache is full, everybody
waits, and no more is fetched than can be written: that is what one wants.

**No fsync.** It would cost some milliseconds for each file, in which no other page could be fetched, and protect from
one thing only, a loss of power. After one, a file system that orders its writes (ext4, XFS, btrfs, APFS, NTFS) shows a
file that had not reached the disk as missing, empty or shorter, never with other content. So a run that is taken up
again asks for each file whether it is there with as many bytes as its record says (``Folder.holds``), and fetches it
again where it is not.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self

from poolwise.errors import StorageError
from poolwise.web.names import name_file
from poolwise.web.places import Places, open_places
from poolwise.web.sink import SinkFactory
from poolwise.web.urls import Url

# The next page would fare no better: the disk is full, read-only, broken, gone or somebody else's.
LASTING: Final = {
    errno.ENOSPC: "free some space, or name another disk",
    errno.EDQUOT: "your quota is used up: free some space, or name another disk",
    errno.EROFS: "name a directory that can be written",
    errno.EACCES: "you lack the permission: name a directory of your own",
    errno.EPERM: "you lack the permission: name a directory of your own",
    errno.EIO: "the disk may be broken",
    errno.ENODEV: "the disk is gone",
    errno.ENXIO: "the disk is gone",
    errno.ESTALE: "the network's file system is gone",
}
# Too many at a time: the engine tries again with less company.
SCARCE: Final = frozenset({errno.EMFILE, errno.ENFILE})


class FileError(OSError):
    """A page's file cannot be made, for a reason of its own; other pages are not concerned."""


class Folder:
    """A directory of pages: ``with Folder(path) as folder``, and ``folder.sink_for(url)`` for each of them.

    Raises StorageError where the directory cannot be made or written.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.path = Path(directory)
        self._before = str(self.path / "x")[:-1]
        self._numbers = itertools.count(1)
        try:
            self._places = open_places(self.path)
        except OSError as error:
            advice = LASTING.get(error.errno or 0, "name a directory that can be made")
            raise StorageError(f"cannot write into {self.path}: {_words(error)}; {advice}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what has not become whole; files that are still growing are lost."""
        self._places.close()

    def sink_for(self, url: str | Url) -> SinkFactory:
        """Give what makes the file of a page, of the URL that it was asked for by, once its head is there."""

        def make(_status: int, headers: Mapping[str, str], _final_url: str, /) -> FileSink:
            name = name_file(url, headers.get("Content-Type"))
            return FileSink(self._places, str(next(self._numbers)), name, self._path_of(name))

        return make

    def _path_of(self, name: str) -> str:
        """Give what ``str(self.path / name)`` would, for a name that is in order."""
        return self._before + (name if os.sep == "/" else name.replace("/", os.sep))

    def holds(self, path: str, size: int) -> bool:
        """Tell whether a file that a record names is there, below this directory, with so many bytes."""
        try:
            name = Path(path).relative_to(self.path)
        except ValueError:
            return False
        if not name.parts or ".." in name.parts:
            return False
        try:
            return self._places.size(name.as_posix()) == size
        except OSError:
            return False


class FileSink:
    """One page's file: it grows out of sight and gets its name when it is whole."""

    def __init__(self, places: Places, part: str, name: str, path: str) -> None:
        self._places, self._part, self._name, self.path = places, part, name, path
        self._fd: int | None = None
        try:
            self._fd = places.create(part)
        except OSError as error:
            self._fail(error)

    def write(self, data: bytes, /) -> None:
        """Append; raises StorageError where the disk takes nothing more, FileError where it is this file's matter."""
        if self._fd is None:
            raise ValueError(f"{self.path} is closed")
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, memoryview(data)[written:])
        except OSError as error:
            self._fail(error)

    def finish(self) -> str:
        """Give the file its name; raises as ``write`` does, and then there is none."""
        try:
            self._close_fd()
        except OSError as error:
            self._fail(error)
        try:
            self._places.place(self._part, self._name)
        except PermissionError as error:  # below the directory, which could be written: somebody else's folder or file
            self._fail(error, lasting=False)
        except OSError as error:
            self._fail(error)
        return self.path

    def abandon(self) -> None:
        """Remove it; also after an error, and more than once."""
        with contextlib.suppress(OSError):
            self._close_fd()
        with contextlib.suppress(OSError):
            self._places.drop(self._part)

    def _close_fd(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)  # on a network's file system, this is where a full disk is told

    def _fail(self, error: OSError, *, lasting: bool = True) -> NoReturn:
        self.abandon()
        number = error.errno or 0
        if number in SCARCE:
            raise error
        said = f"cannot write {self.path}: {_words(error)}"
        if lasting and number in LASTING:
            raise StorageError(f"{said}; {LASTING[number]}") from error
        raise FileError(number, f"{said}; {_advice(number)}") from error


def _words(error: OSError) -> str:
    return error.strerror or str(error)


def _advice(number: int) -> str:
    if number in {errno.ELOOP, errno.ENOTDIR, errno.EEXIST}:
        return "a link or a file stands where a folder has to be: remove it, or name another directory"
    if number in {errno.EISDIR, errno.ENOTEMPTY}:
        return "a folder stands where the file has to be: remove it, or name another directory"
    if number in {errno.EACCES, errno.EPERM}:
        return "it or its folder is somebody else's, or in use: name another directory"
    if number == errno.ENAMETOOLONG:
        return "name a directory with a shorter path"
    if number == errno.EXDEV:
        return "a folder below the directory is another disk: name that one instead"
    return "look at what stands there"
