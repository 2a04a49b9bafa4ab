"""The control groups (cgroups, versions 1 and 2) of a process: which they are, and what their files say.

The kernel keeps for each group a folder of small files. Version 2 has one tree of groups, mounted at the root; version
1 has a tree for each controller (``cpu``, ``memory``), mounted below it. Only the files of the version that a folder
belongs to are opened: asking for those of the other took most of the time.
"""

from __future__ import annotations

from typing import NamedTuple

from poolwise.model.units import Bytes
from poolwise.work.proc import read_proc

ROOT = "/sys/fs/cgroup"
PROC = "/proc"
# Version 1 says a number near 2 ** 63 where there is no limit.
NO_LIMIT = 1 << 60


class Group(NamedTuple):
    """A group, as one controller sees it."""

    folder: str
    version: int

    def read(self, name: str) -> str:
        """Give what a file of the group says; nothing where it has no such file."""
        return read_text(f"{self.folder}/{name}")

    def number(self, name: str) -> int | None:
        """Give the number that a file of the group says."""
        return whole(self.read(name))

    def memory_limit(self) -> Bytes | None:
        """Give what its members may have together; None: no limit of its own."""
        limit = self.number("memory.max" if self.version > 1 else "memory.limit_in_bytes")
        return None if limit is None or limit >= NO_LIMIT else limit


def membership(process: int | str = "self", proc: str = PROC) -> str:
    """Give the kernel's words for the groups that a process is in; nothing where there are no groups, or no process."""
    return read_text(f"{proc}/{process}/cgroup")


def groups(controller: str, membership: str, root: str = ROOT) -> list[Group]:
    """List the groups that hold for a process with this ``membership``: its own, those around it, the roots.

    Inside a container the name of the own group may lead nowhere: what is mounted there as the root is the own group.
    """
    found = []
    for line in membership.splitlines():
        _, controllers, name = (*line.split(":", 2), "", "")[:3]
        if controllers and controller not in controllers.split(","):
            continue
        tree = f"{root}/{controller}" if controllers else root
        parts = [part for part in name.split("/") if part not in ("", "..")]
        found += [
            Group("/".join((tree, *parts[:depth])), 1 if controllers else 2) for depth in range(len(parts), 0, -1)
        ]
    return list(dict.fromkeys((*found, Group(f"{root}/{controller}", 1), Group(root, 2))))


def read_text(path: str) -> str:
    """Give what a small file of the kernel's says; nothing where it cannot be read."""
    try:
        return read_proc(path).decode("ascii")
    except (OSError, ValueError):
        # Not there, not ours to read, not ASCII, or a name that no file can have.
        return ""


def whole(text: str) -> int | None:
    """Give the whole number that a text is."""
    try:
        return int(text)
    except ValueError:
        return None
