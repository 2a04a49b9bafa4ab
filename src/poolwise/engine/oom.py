"""Was it the kernel's OOM killer? Its counters say so: read when a pool starts, and again when a worker is killed.

The kernel counts a kill before it sends the signal: of the victim's control group in ``memory.events`` (version 2) or
``memory.oom_control`` (version 1), and of the whole machine in ``/proc/vmstat``. A counter that has gone up is used up
by the death that it explains, so that two workers that are killed together are both told right.
"""

from __future__ import annotations

from pathlib import Path

from poolwise.model.classes import frozen
from poolwise.model.units import Bytes

CGROUP = Path("/sys/fs/cgroup")
PROC = Path("/proc")
# Version 1 says a number near 2 ** 63 where there is no limit.
NO_LIMIT = 1 << 60


@frozen
class OomFinding:
    """What the counters said at the death of a worker, compared with the start of its pool."""

    in_group: int | None = None
    """Kills in the worker's control group; None: not counted here."""
    on_machine: int | None = None
    """Kills on the whole machine, those of other containers too."""
    limit: Bytes | None = None
    """What the control group may have, by its own limit or an outer group's; None: no limit, or not known."""


class OomCounters:
    """The counters of one pool's workers."""

    def __init__(self, *, cgroup: Path = CGROUP, proc: Path = PROC) -> None:
        """Read what they say now; a worker starts in the group of its parent."""
        self.cgroup = cgroup
        self.proc = proc
        self._own = _group(self.cgroup, self.proc / "self" / "cgroup")
        self._groups: dict[int, Path] = {}
        self._before: dict[Path, int | None] = {}
        self._machine = self.proc / "vmstat"
        for source in (self._own, self._machine):
            self._count(source)

    def note(self, pid: int) -> None:
        """Remember the group of a worker that has come up: of the dead, version 1 does not tell it any more."""
        group = _group(self.cgroup, self.proc / str(pid) / "cgroup")
        if group is not None and group != self._own:
            self._groups[pid] = group
            self._count(group)

    def find(self, pid: int) -> OomFinding:
        """Say what the counters tell of the death of a worker, and use it up."""
        group = self._groups.pop(pid, self._own)
        limit = _limit(group, self.cgroup) if group is not None else None
        return OomFinding(self._use(group), self._use(self._machine), limit)

    def _count(self, source: Path | None) -> None:
        if source is not None and source not in self._before:
            self._before[source] = _kills(source)

    def _use(self, source: Path | None) -> int | None:
        if source is None or (before := self._before.get(source)) is None or (now := _kills(source)) is None:
            return None
        if now > before:
            self._before[source] = before + 1
        return max(0, now - before)


def _kills(source: Path) -> int | None:
    """Read ``oom_kill`` of a machine's or a group's table of counters."""
    for path in (source, source / "memory.events", source / "memory.oom_control"):
        for line in _lines(path):
            name, _, value = line.partition(" ")
            if name == "oom_kill" and value.isdigit():
                return int(value)
    return None


def _group(root: Path, membership: Path) -> Path | None:
    """Find the folder of a process's group for memory; in a container, it is mounted as the root."""
    for line in _lines(membership):
        _, controllers, name = (*line.split(":", 2), "", "")[:3]
        if controllers and "memory" not in controllers.split(","):
            continue
        hierarchy = root / controllers.split(",")[0] if controllers else root
        inner = hierarchy.joinpath(*(part for part in name.split("/") if part not in ("", "..")))
        found = next((each for each in (inner, root / "memory", root) if _kills(each) is not None), None)
        if found is not None:
            return found
    return None


def _limit(group: Path, root: Path) -> Bytes | None:
    """Give the tightest limit from a group up to the root."""
    limits = [
        int(text)
        for folder in (group, *group.parents)
        if folder.is_relative_to(root)
        for name in ("memory.max", "memory.limit_in_bytes")
        for text in _lines(folder / name)
        if text.isdigit() and int(text) < NO_LIMIT
    ]
    return min(limits, default=None)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
