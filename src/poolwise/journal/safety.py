"""Whose file it is: reading a pickled result is running code, so only what nobody else could have written is read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from poolwise.errors import JournalDamagedError, JournalUnsafeError

OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
# What SQLite keeps beside a database: part of its content is in the log.
SUFFIXES: Final = ("", "-wal", "-shm", "-journal")


def refuse_unsafe(path: str, name: str) -> None:
    """Raise JournalUnsafeError where somebody else could have written the journal, or can while it is read.

    To be called before the file is opened and again before a result is read: in a sticky folder somebody else may make
    the log that is not there yet, and SQLite would read it. Windows keeps no such owners; there a user's folders are
    closed to others by themselves.
    """
    if not hasattr(os, "geteuid"):
        return
    _look_at_link(path, name)
    folder = Path(os.path.realpath(path)).parent
    if folder.is_dir():
        _look_at_folder(folder, name)
    for suffix in SUFFIXES:
        _look_at_file(f"{os.path.realpath(path)}{suffix}", f"{name}{suffix}")


def _look_at_link(path: str, name: str) -> None:
    try:
        found = os.lstat(path)
    except OSError:
        return  # not there yet; what hinders us otherwise, opening it will tell
    if stat.S_ISLNK(found.st_mode) and not _trusted(found.st_uid):
        raise JournalUnsafeError(_words(name, f"it is a link that {_user(found.st_uid)} has made"))


def _look_at_file(path: str, name: str) -> None:
    try:
        found = Path(path).stat()
    except OSError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise JournalDamagedError(f"{name} is no file that could be a journal: name another")
    if found.st_uid != os.geteuid():
        raise JournalUnsafeError(_words(name, f"it belongs to {_user(found.st_uid)}"))
    if found.st_mode & OTHERS_WRITE:
        raise JournalUnsafeError(
            _words(name, f"others may write it (mode {stat.S_IMODE(found.st_mode):o}); `chmod go-w` ends that")
        )


def _look_at_folder(folder: Path, name: str) -> None:
    found = folder.stat()
    if not _trusted(found.st_uid):
        raise JournalUnsafeError(_words(name, f"its folder {folder} belongs to {_user(found.st_uid)}"))
    writable = found.st_mode & OTHERS_WRITE
    if writable == stat.S_IWGRP and _is_own_group(found.st_gid):
        return
    if writable and not found.st_mode & stat.S_ISVTX:
        raise JournalUnsafeError(
            _words(name, f"others may replace files in its folder {folder} (mode {stat.S_IMODE(found.st_mode):o})")
        )


def _trusted(user: int) -> bool:
    """Root can do anything anyway."""
    return user in {0, os.geteuid()}


def _is_own_group(group: int) -> bool:
    """Tell a group that has the user's own name and nobody else in it, as many systems give each user."""
    import grp  # noqa: PLC0415 - there is none on Windows
    import pwd  # noqa: PLC0415

    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return found.gr_gid == user.pw_gid and found.gr_name == user.pw_name and set(found.gr_mem) <= {user.pw_name}


def _user(number: int) -> str:
    import pwd  # noqa: PLC0415 - see above

    try:
        return f"the user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"the user {number}"


def _words(name: str, why: str) -> str:
    return (
        f"the journal {name} is refused: {why}, and reading pickled results of somebody else's is running their code. "
        f"If you trust it, make a copy of your own (`cp {name} FOLDER_OF_YOURS/`) and use that"
    )
